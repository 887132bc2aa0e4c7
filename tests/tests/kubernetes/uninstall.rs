//! The operator goes, and what it made stays.

use serde_json::json;
use tests::kubernetes::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_goes_on_without_the_operator_and_keys_and_ledger_outlast_everything() {
    let stage = Stage::named("uninstall").start().await;
    let rules = json!([{"topics": [{"prefix": "payments."}], "key": {"name": "payments"}}]);
    stage.apply_proxy(json!({"replicas": 2})).await;
    stage.apply_policy("payments", rules).await;
    stage.await_ready("tep/payments").await;
    stage.await_ready("encproxy/my-cluster").await;
    let fleet = stage.await_fleet(2).await;
    let mut topic = stage.topic("payments.orders").await;
    topic.write().await;
    let lasting = async || {
        let keys = stage.get("secret", "my-cluster-encryption-keys").await["data"].take();
        (keys, stage.get("configmap", "my-cluster-encryption-ledger").await["data"].take())
    };
    let before = lasting().await;
    assert!(before.0["payments.v1"].is_string(), "{before:?}");

    stage.helm(&["uninstall", "topic-encryption", "--wait"]).await.unwrap();
    for definition in ["topicencryptionpolicies", "encryptionproxies"] {
        let name = format!("{definition}.encryption.strimzi.io");
        let definition = stage.get("crd", &name).await;
        // The stage shares them with other releases. This is what keeps them where a release has its own.
        assert_eq!(definition["metadata"]["annotations"]["helm.sh/resource-policy"], "keep");
    }
    assert!(stage.find("deployment", "topic-encryption-topic-encryption-operator").await.is_none());
    assert!(stage.find("tep", "payments").await.is_some());
    assert_eq!(stage.fleet().await, fleet);
    let needle = topic.write().await;
    topic.assert_intact().await;
    assert!(!topic.is_clear(&needle).await);
    assert_eq!(lasting().await, before);

    stage.delete("tep", "payments").await;
    stage.delete("encproxy", "my-cluster").await;
    let timeout = ["wait", "--for=delete", "deployment/my-cluster-encryption", "--timeout=90s"];
    stage.kubectl(&timeout).await;
    assert_eq!(lasting().await, before, "keys and ledger belong to nobody");
}
