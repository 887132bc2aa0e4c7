//! Files that cannot be used change nothing, and the proxy says so.

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::Value;
use tests::{Cluster, Pattern, PolicyFile, Proxy, Rule, Segments, eventually, eventually_ok, topic};

use super::load::end;
use super::{Once, PATIENCE, batch, encrypting, read, write};

const BAD: &str = "rules: [{topics: [{prefix: bad.}], kee: {name: reload}}]";

#[tokio::test(flavor = "multi_thread")]
async fn a_corrupt_state_file_keeps_the_proxy_unready_and_nothing_passes_in_clear() {
    let once = Once::encrypted("corrupt").await;
    let state_file = once.proxy.folder().join("policy.yaml.state");
    let sound = std::fs::read_to_string(&state_file).unwrap();
    assert!(once.proxy.terminate().await.success());
    once.proxy.write_policy(&PolicyFile::new([]));
    once.proxy.write_file("policy.yaml.state", &sound[..sound.len() - 20]);
    let meanwhile = async {
        says_unready(&once.proxy, "policy.yaml.state").await;
        let error = once.proxy.policy().await["lastError"].clone();
        assert!(error.as_str().unwrap().contains("policy.yaml.state"), "{error}");
        let answer = write(&once.proxy, &once.topic, &once.batch).await;
        assert_eq!(answer.unwrap_err(), "NOT_ENOUGH_REPLICAS");
        assert_eq!(end(&once.topic).await, 2, "nothing is stored");
        read(&once.proxy, &once.topic).await.unwrap_err();
        once.proxy.write_file("policy.yaml.state", &sound);
    };
    tokio::join!(once.proxy.start(), meanwhile);
    once.is_retired().await;
}

/// Conformance: P17-19, TE-08.
#[tokio::test(flavor = "multi_thread")]
async fn a_bad_policy_file_changes_nothing_and_says_so_until_it_is_good_again() {
    let once = Once::encrypted("bad").await;
    let hash = once.proxy.policy().await["hash"].clone();
    once.proxy.write_file("policy.yaml", BAD);
    let complains = async || match once.proxy.policy().await["lastError"].as_str() {
        Some(error) if error.contains("kee") => Ok(()),
        other => Err(format!("{other:?}")),
    };
    eventually_ok("the mistake is told", PATIENCE, complains).await;
    assert_eq!(once.proxy.policy().await["hash"], hash);
    let metrics = once.proxy.metrics().await;
    let failed = [("outcome", "failed")];
    let loads = metrics.sum("topic_encryption_policy_reloads_total", &failed);
    assert!((loads - 1.0).abs() < 0.5, "{loads} loads failed");
    assert!(!is_current(&once.proxy).await);
    let log = once.proxy.log();
    let told = log.lines().filter(|line| line.contains("policy not loaded") && line.contains("kee"));
    assert_eq!(told.count(), 1, "the log tells it once");
    let audited = async || !told_hashes(&once.proxy, "policyRefused").is_empty();
    eventually("the audit log has it too", PATIENCE, audited).await;
    assert_eq!(told_hashes(&once.proxy, "policyRefused"), [hash_of(BAD)]);
    assert_eq!(once.proxy.get("/readyz").await.unwrap().status, 200);
    write(&once.proxy, &once.topic, &once.batch).await.unwrap();
    let search = Segments::of(Cluster::shared().await.topic_dirs(&once.topic)).search(&[&once.needle]).await;
    assert!(!search.found(0) && search.records >= 4, "still encrypted: {search:?}");

    let good = encrypting(Pattern::prefix("bad.")).rule(Rule::encrypt([Pattern::name("more")], "reload"));
    once.proxy.apply_policy(&good).await;
    assert_eq!(once.proxy.policy().await["lastError"], Value::Null);
    assert!(is_current(&once.proxy).await);
    // One after the other, the log tells of what /policy tells.
    let hashes = [hash, once.proxy.policy().await["hash"].clone()];
    let audited = async || told_hashes(&once.proxy, "policyLoaded").ends_with(&hashes);
    eventually("the audit log tells what came in force", PATIENCE, audited).await;
    let file = std::fs::read_to_string(once.proxy.folder().join("policy.yaml")).unwrap();
    assert_eq!(hashes[1], hash_of(&file), "and anybody can tell from the file");
}

/// The hashes that the audit log tells with an event, in order.
fn told_hashes(proxy: &Proxy, event: &str) -> Vec<Value> {
    let log = proxy.log();
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["event"] == event).map(|line| line["hash"].clone()).collect()
}

fn hash_of(file: &str) -> Value {
    let digest = digest(&SHA256, file.as_bytes());
    digest.as_ref().iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}")).into()
}

/// Whether the metrics say that the file on disk is the policy in force.
async fn is_current(proxy: &Proxy) -> bool {
    proxy.metrics().await.sum("topic_encryption_policy_current", &[]) > 0.5
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_file_that_vanishes_changes_nothing_and_says_so() {
    let once = Once::encrypted("vanished").await;
    std::fs::remove_file(once.proxy.folder().join("policy.yaml")).unwrap();
    let complains = async || once.proxy.policy().await["lastError"].is_string();
    eventually("the loss is told", PATIENCE, complains).await;
    write(&once.proxy, &once.topic, &once.batch).await.unwrap();
    let batches = read(&once.proxy, &once.topic).await.unwrap();
    assert_eq!(batches, [once.batch.as_sent(), once.batch.as_sent()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_without_a_policy_waits_for_one_and_lets_nothing_pass() {
    let proxy = Proxy::before(Cluster::shared().await).key("reload", 1).launch().await;
    recovers(&proxy, "policy.yaml").await;
}

/// Conformance: TE-03.
#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_with_an_invalid_policy_waits_for_a_valid_one_and_lets_nothing_pass() {
    let invalid = PolicyFile::new([Rule::disabled([Pattern::prefix("waiting.")]).field("kee", 1)]);
    let proxy = Proxy::before(Cluster::shared().await).policy(invalid).key("reload", 1).launch().await;
    recovers(&proxy, "kee").await;
}

async fn recovers(proxy: &Proxy, reason: &str) {
    let topic = topic("waiting.policy");
    Cluster::shared().await.create_topic(&topic, 1, &[]).await;
    says_unready(proxy, reason).await;
    assert_eq!(write(proxy, &topic, &batch("early")).await.unwrap_err(), "NOT_ENOUGH_REPLICAS");
    assert_eq!(end(&topic).await, 0);
    proxy.write_policy(&encrypting(Pattern::prefix("waiting.")));
    proxy.wait_ready().await;
    write(proxy, &topic, &batch("in time")).await.unwrap();
    assert_eq!(read(proxy, &topic).await.unwrap(), [batch("in time").as_sent()]);
}

async fn says_unready(proxy: &Proxy, reason: &str) {
    let says = async || match proxy.get("/readyz").await {
        Ok(answer) if answer.status == 503 && answer.body.contains(reason) => Ok(()),
        other => Err(format!("{other:?}")),
    };
    eventually_ok(&format!("the proxy is not ready because of {reason}"), PATIENCE, says).await;
    assert!(proxy.runs());
}
