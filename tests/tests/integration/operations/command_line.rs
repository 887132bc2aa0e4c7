//! `check`, and what `run` says of its configuration.

use std::process::Output;

use serde_json::json;
use tests::process::describe;
use tests::programs;
use tests::{Batch, Cluster, PolicyFile, Proxy, Rig, Scratch, SentRecord};
use tokio::process::Command;
use tokio::time::timeout;

use super::{PATIENCE, create};

/// Runs the proxy's program on the files of a folder.
async fn program(folder: &Scratch, arguments: &[&str]) -> Output {
    // Only so that the program is there.
    Rig::ready().await;
    let mut command = Command::new(programs::proxy());
    command.args(arguments).arg("--config").arg(folder.join("proxy.yaml")).kill_on_drop(true);
    let ended = timeout(PATIENCE, command.output()).await;
    ended.expect("the program ends by itself").unwrap()
}

/// A folder with a good configuration, a policy and a key; a proxy could start there.
fn files(policy: &str) -> Scratch {
    let folder = Scratch::new("check");
    let config = json!({
        "cluster": "test-cluster",
        "upstream": {"bootstrapServers": ["127.0.0.1:9"]},
        "listeners": [{
            "name": "clients",
            "bind": "127.0.0.1:29092",
            "advertisedHost": "127.0.0.1",
            "brokerPorts": {"start": 29100, "count": 3},
        }],
        "keyProviders": {"default": {"local": {"directory": "keys"}}},
        "policy": {"file": "policy.yaml"},
    });
    std::fs::write(folder.join("proxy.yaml"), config.to_string()).unwrap();
    std::fs::write(folder.join("policy.yaml"), policy).unwrap();
    std::fs::create_dir(folder.join("keys")).unwrap();
    std::fs::write(folder.join("keys/payments.v1"), "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=").unwrap();
    folder
}

const GOOD: &str = "rules: [{topics: [{prefix: payments.}], key: {name: payments}, onPlaintext: Reject}]";

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn all_mistakes_of_the_configuration_are_told_at_once() {
    let folder = files(GOOD);
    let config = "
cluster: 'with blanks in it'
upstream: {bootstrapServers: []}
lisners: []
listeners:
- name: clients
  bind: 127.0.0.1:29092
  advertisedHost: 127.0.0.1
  brokerPorts: {start: 65530}
keyProviders: {default: {local: {directory: keys}}}
policy: {file: policy.yaml}
limits: {connections: 0}
";
    std::fs::write(folder.join("proxy.yaml"), config).unwrap();
    for command in ["run", "check"] {
        let output = program(&folder, &[command]).await;
        assert_eq!(output.status.code(), Some(64), "{command}");
        let errors = text(&output.stderr);
        let places =
            ["cluster", "upstream.bootstrapServers", "lisners", "brokerPorts.start", "limits.connections"];
        for place in places {
            let told = errors.lines().any(|line| line.contains("proxy.yaml") && line.contains(place));
            assert!(told, "{command} says nothing of {place}:\n{errors}");
        }
    }
}

/// Conformance: P17-33.
#[tokio::test(flavor = "multi_thread")]
async fn check_says_what_good_files_mean_and_changes_nothing() {
    let folder = files(GOOD);
    let output = program(&folder, &["check"]).await;
    let said = text(&output.stdout);
    assert!(output.status.success(), "{said}{}", text(&output.stderr));
    assert!(said.contains("prefix payments.: encrypted with key payments"), "{said}");
    assert!(!folder.join("policy.yaml.state").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn check_tells_all_mistakes_of_a_policy() {
    let folder = files("unmatched: Reject\nrules: [{topics: [], key: {name: payments}, format: Bach}]");
    let output = program(&folder, &["check"]).await;
    assert_eq!(output.status.code(), Some(64));
    let errors = text(&output.stderr);
    for place in ["unmatched", "rules[0].topics", "rules[0].format"] {
        let told = errors.lines().any(|line| line.contains("policy.yaml") && line.contains(place));
        assert!(told, "nothing of {place}:\n{errors}");
    }
}

/// Conformance: P17-20.
#[tokio::test(flavor = "multi_thread")]
async fn check_online_fails_where_a_key_is_missing() {
    let folder = files(GOOD);
    let good = program(&folder, &["check", "--online"]).await;
    assert!(good.status.success(), "{}{}", text(&good.stdout), text(&good.stderr));
    std::fs::remove_file(folder.join("keys/payments.v1")).unwrap();
    let offline = program(&folder, &["check"]).await;
    assert!(offline.status.success(), "keys are not looked at without --online");
    let bad = program(&folder, &["check", "--online"]).await;
    assert!(bad.status.code().is_some_and(|code| code != 0), "{}", describe(bad.status));
    let said = text(&bad.stdout);
    assert!(said.lines().any(|line| line.contains("payments") && line.contains("Refused")), "{said}");
}

/// TE-10: the environment has the last word on what is logged, as for other programs that log by `tracing`.
#[tokio::test(flavor = "multi_thread")]
async fn a_variable_overrides_the_configured_level() {
    let topic = create("clear.levels", &[]).await;
    let lines = async |configured: &str, variable: &str| {
        let builder = Proxy::before(Cluster::shared().await).policy(PolicyFile::default());
        let log = json!({"level": configured});
        let proxy = builder.config("log", log).variable("RUST_LOG", variable).start().await;
        // The first record of a topic without a rule is worth a line to whoever looks for a mistake.
        proxy.write_batch(&topic, &Batch::of(&[SentRecord::of("some value")])).await.unwrap();
        assert!(proxy.terminate().await.success());
        let of = |level: &str| proxy.log().lines().filter(|line| line.contains(level)).count();
        (of("DEBUG"), of("INFO"))
    };
    let (debug, info) = lines("error", "debug").await;
    assert!(debug > 0 && info > 0, "{debug} lines for debugging, {info} for information");
    assert_eq!(lines("debug", "error").await, (0, 0));
    let (debug, info) = lines("info", "").await;
    assert!(debug == 0 && info > 0, "an empty variable says nothing: {debug}, {info}");
}
