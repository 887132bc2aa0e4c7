//! What remains of a policy that is gone.

use serde_json::{Value, json};
use tests::kubernetes::Stage;

fn encrypted() -> Value {
    json!([{"topics": [{"prefix": "payments."}], "key": {"name": "payments"}}])
}

/// What must outlast policies: the keys, and the ledger.
async fn lasting(stage: &Stage) -> [Value; 2] {
    let keys = stage.get("secret", "my-cluster-encryption-keys").await["data"].take();
    [keys, stage.get("configmap", "my-cluster-encryption-ledger").await["data"].take()]
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_of_a_deleted_policy_are_read_but_not_written_until_a_policy_says_so() {
    let stage = Stage::named("deletion").start().await;
    stage.apply_policy("payments", encrypted()).await;
    stage.await_ready("tep/payments").await;
    let fleet = stage.await_fleet(2).await;
    let mut topic = stage.topic("payments.orders").await;
    let first = topic.write().await;
    let before = lasting(&stage).await;
    assert!(before[0]["payments.v1"].is_string(), "the key is an entry");

    stage.delete("tep", "payments").await;
    let retired = json!([{"prefix": "payments."}]);
    stage.await_loaded("the rule is retired", |policy| policy["retired"] == retired).await;
    assert_eq!(topic.refusal().await, "POLICY_VIOLATION");
    topic.assert_intact().await;
    assert_eq!(lasting(&stage).await, before);

    stage.apply_policy("payments", encrypted()).await;
    stage.await_ready("tep/payments").await;
    let second = topic.write().await;
    topic.assert_intact().await;
    assert_eq!(lasting(&stage).await, before);
    assert!(!topic.is_clear(&first).await && !topic.is_clear(&second).await);

    let clear = json!([{"topics": [{"prefix": "payments."}], "encryption": "Disabled"}]);
    stage.apply_policy("payments", clear).await;
    stage.await_ready("tep/payments").await;
    let third = topic.write().await;
    topic.assert_intact().await;
    assert!(!topic.is_clear(&first).await && topic.is_clear(&third).await);
    assert_eq!(lasting(&stage).await[0], before[0], "the key stays, for what was written with it");
    assert_eq!(stage.await_fleet(2).await, fleet);
}
