//! A cluster from which everything of ours is gone, and what Git has of it.

use std::time::Duration;

use serde_json::{Value, json};
use tests::eventually_ok;
use tests::kubernetes::Stage;

/// The garbage collector looks anew at all kinds after definitions came or went, which takes it a minute or two.
const PATIENCE: Duration = Duration::from_mins(4);

fn rule(prefix: &str) -> Value {
    json!({"topics": [{"prefix": prefix}], "key": {"name": "payments"}})
}

/// All objects of the namespace that have to do with encryption, whatever their kind.
async fn ours(stage: &Stage) -> Vec<String> {
    let words = ["api-resources", "--namespaced", "--verbs=list", "-o", "name"];
    let kinds = stage.kubectl(&words).await;
    let kinds: Vec<_> = kinds.lines().filter(|kind| !kind.starts_with("events")).collect();
    let all = stage.kubectl(&["get", &kinds.join(","), "-o", "name", "--ignore-not-found"]).await;
    all.lines().filter(|name| name.contains("encryption")).map(str::to_owned).collect()
}

async fn remove_everything(stage: &Stage) {
    stage.kubectl(&["delete", "tep,encproxy", "--all", "--timeout=60s"]).await;
    stage.helm(&["uninstall", "topic-encryption", "--wait"]).await.unwrap();
    stage.kubectl(&["delete", "secret", "my-cluster-encryption-keys", "my-cluster-encryption-ca"]).await;
    stage.kubectl(&["delete", "configmap", "my-cluster-encryption-ledger"]).await;
    stage.kubectl(&["delete", "lease", "--all"]).await;
    let probe = async || {
        let left = ours(stage).await;
        if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
    };
    eventually_ok("nothing of ours is left", PATIENCE, probe).await;
}

/// Conformance: P17-31.
#[tokio::test(flavor = "multi_thread")]
async fn policies_keys_and_ledger_from_git_bring_the_data_back() {
    let stage = Stage::named("restore").start().await;
    stage.apply_proxy(json!({"replicas": 2})).await;
    stage.apply_policy("payments", json!([rule("payments."), rule("old.")])).await;
    stage.await_ready("tep/payments").await;
    let mut topic = stage.topic("payments.orders").await;
    let mut retired = stage.topic("old.orders").await;
    let needles = (topic.write().await, retired.write().await);
    stage.patch("tep", "payments", json!({"spec": {"rules": [rule("payments.")]}})).await;
    stage.await_ready("tep/payments").await;
    assert_eq!(retired.refusal().await, "POLICY_VIOLATION");
    let ledger = stage.get("configmap", "my-cluster-encryption-ledger").await["data"].take();

    let saved =
        async |name: &str, what: &str| stage.file(name, &stage.kubectl(&["get", what, "-o", "yaml"]).await);
    // In the order in which they must be applied.
    let files = [
        saved("keys.yaml", "secret/my-cluster-encryption-keys").await,
        // Not for the data, but so that clients go on to trust the proxies.
        saved("authority.yaml", "secret/my-cluster-encryption-ca").await,
        saved("ledger.yaml", "configmap/my-cluster-encryption-ledger").await,
        saved("resources.yaml", "encproxy,tep").await,
    ];
    assert!(ours(&stage).await.len() > 10);
    remove_everything(&stage).await;

    stage.install_operator(&[]).await;
    for file in &files {
        stage.kubectl(&["apply", "-f", file.to_str().unwrap()]).await;
    }
    stage.await_ready("tep/payments").await;
    topic.assert_intact().await;
    retired.assert_intact().await;
    assert_eq!(retired.refusal().await, "POLICY_VIOLATION");
    let after = topic.write().await;
    topic.assert_intact().await;
    assert!(!topic.is_clear(&needles.0).await && !topic.is_clear(&after).await);
    assert!(!retired.is_clear(&needles.1).await);
    assert_eq!(stage.get("configmap", "my-cluster-encryption-ledger").await["data"], ledger);
}
