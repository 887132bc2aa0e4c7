//! What the audit log tells of keys in files and of what a proxy refuses.

use serde_json::{Value, json};
use tests::{Cluster, Pattern, Proxy, Rule, eventually};

use super::{PATIENCE, batch, create, two_keys};

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_log_tells_of_key_files_and_of_refusals_once() {
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
    assert_eq!(refused[0]["topic"], *topic, "{}", refused[0]);
    assert_eq!((&refused[0]["direction"], &refused[0]["reason"]), (&json!("produce"), &json!("key_refused")));
    let files = lines("keyFileLoaded");
    let print = |key: &str, version: u64| {
        let file = files.iter().find(|line| line["key"] == key && line["version"] == version).unwrap();
        file["fingerprint"].as_str().unwrap().to_owned()
    };
    assert_eq!(print("a", 1).len(), 16);
    assert_ne!(print("a", 1), print("a", 2));
}
