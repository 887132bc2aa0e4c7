//! What the audit log tells of keys in files and of what a proxy refuses.

use serde_json::{Value, json};
use tests::{Cluster, Pattern, Proxy, Rule, eventually, eventually_ok};

use super::{PATIENCE, batch, create, read, start, two_keys, write};

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_log_tells_of_key_files_and_of_each_refusal() {
    let cluster = Cluster::shared().await;
    let policy = two_keys("audited").rule(Rule::encrypt([Pattern::prefix("audited.none")], "none"));
    let proxy = Proxy::before(cluster).policy(policy).key("a", 1).key("b", 1).start().await;
    let topic = create("audited.none").await;
    for _ in 0..3 {
        proxy.write_batch(&topic, &batch()).await.expect_err("there is no such key");
    }
    proxy.write_key("a", 2);
    let lines = |event: &str| {
        let lines = proxy.log();
        let lines = lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.filter(|line| line["event"] == event).collect::<Vec<_>>()
    };
    let loaded =
        async || lines("keyFileLoaded").iter().any(|line| line["key"] == "a" && line["version"] == 2);
    eventually("the new version is loaded", PATIENCE, loaded).await;

    let refused = lines("refused");
    assert_eq!(refused.len(), 1, "{refused:?}");
    tells_of_key(&refused[0], "none");
    assert!(proxy.terminate().await.success());
    let refused = lines("refused");
    for line in &refused {
        assert_eq!((&line["topic"], &line["direction"]), (&json!(topic), &json!("produce")), "{line}");
        assert_eq!(line["reason"], "key_refused", "{line}");
    }
    let partitions: Vec<_> = refused.iter().map(|line| line["partitions"].as_u64()).collect();
    assert_eq!(partitions, [Some(1), Some(2)], "the burst ended, and its rest is told: {refused:?}");
    let files = lines("keyFileLoaded");
    let print = |key: &str, version: u64| {
        let file = files.iter().find(|line| line["key"] == key && line["version"] == version).unwrap();
        file["fingerprint"].as_str().unwrap().to_owned()
    };
    assert_eq!(print("a", 1).len(), 16);
    assert_ne!(print("a", 1), print("a", 2));
}

/// Which provider says no to which key, and why.
fn tells_of_key(line: &Value, key: &str) {
    let cause = line["cause"].as_str().unwrap_or_default();
    let names = format!("key provider 'default' refuses key '{key}': ");
    assert!(cause.strip_prefix(&names).is_some_and(|why| !why.is_empty()), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_log_tells_for_want_of_which_key_readers_are_refused() {
    let proxy = start("audited-reader").await;
    let topic = create("audited-reader.a").await;
    write(&proxy, &topic, &batch()).await.unwrap();
    proxy.remove_key("a", 1);
    proxy.wait_for_key_state("a", "Refused").await;
    read(&proxy, &topic, 0).await.expect_err("its key is missing");
    let refused = async || {
        let log = proxy.log();
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let is_fetch = |line: &Value| line["event"] == "refused" && line["direction"] == "fetch";
        lines.into_iter().find(is_fetch).ok_or(log.len())
    };
    let line = eventually_ok("the audit log tells", PATIENCE, refused).await;
    assert_eq!((&line["topic"], &line["reason"]), (&json!(topic), &json!("key_refused")), "{line}");
    tells_of_key(&line, "a");
}
