//! From files to what is printed.

use super::*;
use tempfile::TempDir;

const PROXY: &str = "\
cluster: test
upstream: {bootstrapServers: ['kafka:9092']}
listeners:
- name: clients
  bind: 127.0.0.1:9092
  advertisedHost: proxy
  brokerPorts: {start: 9100, count: 3}
keyProviders: {default: {local: {directory: keys}}}
policy: {file: policy.yaml}
";

fn files(policy: &str) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("proxy.yaml"), PROXY).unwrap();
    std::fs::write(directory.path().join("policy.yaml"), policy).unwrap();
    crate::live::testing::local_keys(directory.path());
    directory
}

fn output(directory: &TempDir, online: bool) -> (bool, String) {
    let mut out = Vec::new();
    let code = check(&directory.path().join("proxy.yaml"), online, &mut out).unwrap();
    (code == ExitCode::SUCCESS, String::from_utf8(out).unwrap())
}

#[test]
fn says_what_the_policy_means() {
    let directory = files(
        "rules:\n- topics: [{prefix: payments.}, {name: refunds}]\n  key: {name: payments}\n  onPlaintext: Reject\n",
    );
    let (ok, text) = output(&directory, false);
    assert!(ok);
    assert!(text.starts_with("cluster test: 1 listener, 1 rule, 1 key, 0 retired patterns\n"), "{text}");
    assert!(text.contains("rules[0]: prefix payments., name refunds: encrypted with key payments"), "{text}");
    assert!(!directory.path().join("policy.yaml.state").exists());
}

#[test]
fn warns_of_holes_and_repetitions() {
    let directory = files(
        "rules:
- topics: [{prefix: payments.}]
  key: {name: payments}
- topics: [{prefix: payments.public.}]
  encryption: Disabled
- topics: [{name: payments.in}]
  key: {name: payments}
",
    );
    let (_, text) = output(&directory, false);
    for warning in [
        "rules[0] delivers clear records",
        "rules[1] leaves prefix payments.public. in clear inside prefix payments., which rules[0] encrypts",
        "rules[2] says for name payments.in what rules[0] says for prefix payments. already",
        "listener clients has no tls",
    ] {
        assert!(text.contains(&format!("warning: {warning}")), "{warning} is not in\n{text}");
    }
}

#[test]
fn says_what_else_is_read_and_warns_where_a_provider_has_no_such_keys() {
    let proxy = PROXY.replace(
        "keyProviders: {default: {local: {directory: keys}}}",
        "keyProviders:
  default: {local: {directory: keys}}
  hsm: {pkcs11: {module: /usr/lib/module.so, tokenLabel: t, pinFile: pin}}",
    );
    let directory = files(
        "rules:
- topics: [{name: a}]
  key: {name: payments}
  legacy: [{format: TopicEncryptionV1, key: {name: former}}, {format: KroxyliciousV2, keys: [k]}]
- topics: [{name: b}]
  key: {name: payments}
  legacy: [{format: TopicEncryptionV1, key: {provider: hsm, name: former}}, {format: KroxyliciousV2, provider: hsm}]
",
    );
    std::fs::write(directory.path().join("proxy.yaml"), proxy).unwrap();
    let (ok, text) = output(&directory, false);
    assert!(ok, "{text}");
    for said in [
        "rules[0]: reads TopicEncryptionV1 with key former of provider default and KroxyliciousV2 with keys k of provider default too",
        "warning: rules[0] reads TopicEncryptionV1",
        "warning: rules[1].legacy names a key of provider hsm, which is not local",
        "warning: rules[1].legacy names provider hsm, which is not local, vault or awsKms",
    ] {
        assert!(text.contains(said), "{said} is not in\n{text}");
    }
    assert!(!text.contains("warning: rules[0].legacy"), "{text}");
}

/// TE-05: a key provider that was configured and is used by nothing is probably a mistake in the policy.
#[test]
fn warns_of_key_providers_that_no_rule_uses() {
    let directory = files("rules:\n- topics: [{name: a}]\n  key: {provider: hsm, name: payments}\n");
    let proxy = PROXY.replace(
        "keyProviders: {default: {local: {directory: keys}}}",
        "keyProviders:
  default: {local: {directory: keys}}
  hsm: {local: {directory: keys}}
  spare: {local: {directory: keys}}",
    );
    std::fs::write(directory.path().join("proxy.yaml"), proxy).unwrap();
    let (ok, text) = output(&directory, false);
    assert!(ok, "{text}");
    let unused: Vec<_> =
        text.lines().filter(|line| line.starts_with("warning: no rule uses keyProviders")).collect();
    let [default, spare] = unused[..] else { panic!("{text}") };
    assert!(default.contains("keyProviders.default:") && spare.contains("keyProviders.spare:"), "{text}");
}

#[test]
fn warns_where_the_ledger_is_stronger_than_a_rule() {
    let directory = files("rules:\n- topics: [{prefix: payments.}]\n  encryption: Disabled\n");
    let state =
        "version: 1\nencrypted:\n- topic: {name: payments.in}\n  key: {provider: default, name: payments}\n";
    std::fs::write(directory.path().join("policy.yaml.state"), state).unwrap();
    let (_, text) = output(&directory, false);
    assert!(text.contains("retired: name payments.in"), "{text}");
    assert!(
        text.contains("warning: rules[0] disables prefix payments., but name payments.in inside it"),
        "{text}"
    );
}

#[test]
fn mistakes_have_their_exit_code() {
    for directory in [
        files("rules: 5\n"),
        {
            let directory = files("rules: []\n");
            std::fs::write(directory.path().join("proxy.yaml"), "cluster: 5\n").unwrap();
            directory
        },
        {
            let directory = files("rules: []\n");
            let proxy = PROXY.replace("upstream: {", "upstream: {brokersFile: brokers.yaml, ");
            std::fs::write(directory.path().join("proxy.yaml"), proxy).unwrap();
            std::fs::write(directory.path().join("brokers.yaml"), "brokers: 5\n").unwrap();
            directory
        },
    ] {
        let code = check(&directory.path().join("proxy.yaml"), false, &mut Vec::new()).unwrap();
        assert_eq!(code, ExitCode::from(64));
    }
}

#[test]
fn online_tries_each_key() {
    let good = files("rules:\n- topics: [{name: a}]\n  key: {name: payments}\n");
    let (ok, text) = output(&good, true);
    assert!(ok && text.contains("key payments of provider default: Ready"), "{text}");
    let bad = files("rules:\n- topics: [{name: a}]\n  key: {name: nobody}\n");
    let (ok, text) = output(&bad, true);
    assert!(!ok && text.contains("key nobody of provider default: Refused: "), "{text}");
    let foreign = files(
        "rules:\n- topics: [{name: a}]\n  key: {name: payments}\n  format: Record\n  recordKeys: {pseudonymKey: AQID}\n",
    );
    let (ok, text) = output(&foreign, true);
    let told = "key payments of provider default: Refused: recordKeys.pseudonymKey of name a: ";
    assert!(!ok && text.contains(told), "{text}");
}
