//! The commands of owners and auditors, on records whose keys are in OpenBao: as somebody does who replaces a key and ends it.

use std::process::Output;

use serde_json::{Value, json};
use tests::{Client, Cluster, ConsumeOptions, Proxy, Scratch, SentRecord, eventually, programs};
use tokio::process::Command;
use tokio::time::timeout;

use super::audit::events;
use super::{Owner, PATIENCE, batch, create};

/// What a command printed.
struct Ran {
    out: String,
    errors: String,
}

/// Runs a command with the proxy's own file, which must end with this code.
async fn tool(proxy: &Proxy, code: i32, words: &[&str]) -> Ran {
    let config = proxy.folder().join("proxy.yaml");
    let mut command = Command::new(programs::proxy());
    command.args(words).arg("--config").arg(config).kill_on_drop(true);
    command.env("RUST_LOG", "warn,audit=info");
    let ended = timeout(2 * PATIENCE, command.output()).await.expect("it ends by itself").unwrap();
    let Output { status, stdout, stderr } = ended;
    let ran = Ran { out: String::from_utf8(stdout).unwrap(), errors: String::from_utf8(stderr).unwrap() };
    assert_eq!(status.code(), Some(code), "{words:?}: {}\n{}", ran.out, ran.errors);
    ran
}

impl Ran {
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }

    /// Values of records, one a line.
    fn values(&self) -> Vec<String> {
        let line =
            |line: &str| serde_json::from_str::<Value>(line).unwrap()["value"].as_str().unwrap().to_owned();
        self.out.lines().map(line).collect()
    }
}

/// Versions of a key that records are sealed under, as a report of `inspect` or `audit` tells.
fn versions(contents: &Value) -> Vec<(&str, u64)> {
    let contents = contents.as_array().expect("there are contents").iter();
    let sealed = contents.filter(|each| each["content"] == "sealed");
    sealed.map(|each| (each["version"].as_str().unwrap(), each["records"].as_u64().unwrap())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tools_replace_a_key_in_openbao_before_it_ends() {
    let owner = Owner::new().await;
    let proxy = owner.proxy("tools", json!({})).await;
    let (old, new, other) =
        (create("tools.a").await, create("tools.a-copy").await, create("tools.a-other").await);
    proxy.write_batch(&old, &batch()).await.unwrap();
    owner.server.rotate("a").await;
    assert_eq!(proxy.post("/keys/rotate").await.unwrap().status, 202);
    let uses = |version: &str| {
        let in_use = |event: &Value| event["event"] == "dataKeyInUse" && event["version"] == version;
        events(&proxy).iter().any(in_use)
    };
    let newer = async || {
        // A data key is replaced after its next use.
        proxy.write_batch(&other, &batch()).await.unwrap();
        uses("2")
    };
    eventually("the new version is in use", PATIENCE, newer).await;

    let inspected = tool(&proxy, 0, &["inspect", "--topic", &old, "--output", "json"]).await;
    assert_eq!(versions(&inspected.json()["partitions"][0]["contents"]), [("1", 2)], "{}", inspected.out);
    let asked = ["audit", "--quiet", "--output", "json", "--can-destroy", "default/a:1", "--topic", &old];
    let audited = tool(&proxy, 1, &[&asked[..], &["--topic", &new]].concat()).await;
    assert_eq!(audited.json()["canDestroy"]["dependents"][0]["topic"], *old, "{}", audited.out);
    for silent in [&inspected, &audited] {
        assert!(!silent.errors.contains("keyProviderCall"), "neither asks for a key: {}", silent.errors);
    }

    let decrypted = tool(&proxy, 0, &["decrypt", "--quiet", "--topic", &old]).await;
    assert_eq!(decrypted.values(), ["some value", "another value"]);
    assert!(
        decrypted.errors.contains("keyProviderCall"),
        "it tells of what it asked for: {}",
        decrypted.errors
    );
    let folder = Scratch::new("tools");
    let state = folder.join("state").into_os_string().into_string().unwrap();
    let copy = ["copy", "--quiet", "--topic", &old, "--to", &new, "--state", &state, "--verify"];
    let copied = tool(&proxy, 0, &copy).await;
    assert!(copied.errors.contains("verified: 2 records are the same"), "{}", copied.errors);
    Cluster::shared().await.delete_topic(&old).await;
    // Of these topics alone, since others of this run are under other keys of the same names.
    let asked = ["audit", "--quiet", "--output", "json", "--can-destroy", "default/a:1", "--topic", &new];
    let audited = tool(&proxy, 4, &asked).await.json();
    assert_eq!(versions(&audited["partitions"][0]["contents"]), [("2", 2)], "{audited}");

    owner.server.configure("a", json!({"min_decryption_version": 2})).await;
    assert_eq!(tool(&proxy, 0, &["decrypt", "--quiet", "--topic", &new]).await.values().len(), 2);
    let from = ConsumeOptions::from(proxy.bootstrap(), &new);
    let received = Client::Librdkafka.consume_all(&from).await;
    assert!(SentRecord::of("some value").key("some key").equals(&received[0]), "{received:?}");

    // A right withdrawn ends all: nobody is let in by a tool who is kept out by the server.
    owner.allow(&["b"]).await;
    let refused = tool(&proxy, 1, &["decrypt", "--quiet", "--topic", &new]).await;
    assert!(refused.out.is_empty() && refused.errors.contains("(403)"), "{}", refused.errors);
    let token = owner.token();
    for printed in [&decrypted, &copied, &refused] {
        assert!(!printed.errors.contains(&token) && !printed.out.contains(&token), "it shows a token");
    }
}
