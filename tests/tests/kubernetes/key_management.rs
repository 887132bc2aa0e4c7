//! Keys in a key management system whose owner administers neither Kafka nor the proxies.

use std::time::{Duration, Instant};

use serde_json::json;
use tests::eventually_ok;
use tests::kubernetes::{Stage, condition};

const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/samples/26-proxy-vault.yaml");
const PATIENCE: Duration = Duration::from_secs(90);
/// How soon a status must tell of what a key's owner did.
const MINUTE: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_of_a_key_in_openbao_lets_the_proxies_use_it_and_takes_that_back() {
    let stage = Stage::named("key-management").start().await;
    let bao = stage.open_bao().await;
    bao.set_up("payments").await;
    let sample = std::fs::read_to_string(SAMPLE).unwrap();
    let sample = sample.replace("namespace: kafka", &format!("namespace: {}", stage.namespace()));
    stage.apply(&sample.replace("revocationDelay: 10m", "revocationDelay: 30s")).await;
    let rule =
        json!({"topics": [{"prefix": "payments."}], "key": {"name": "payments"}, "onPlaintext": "Reject"});
    stage.apply_policy("payments", json!([rule])).await;
    stage.await_ready("tep/payments").await;
    let mut topic = stage.topic("payments.orders").await;
    let needle = topic.write().await;
    topic.assert_intact().await;
    assert!(!topic.is_clear(&needle).await);
    let policy = stage.get("tep", "payments").await;
    assert!(condition(&policy, "LocalKeys").is_none(), "nobody in the cluster holds the key");
    assert!(stage.find("secret", "my-cluster-encryption-keys").await.is_none());

    bao.allow(&[]).await;
    let start = Instant::now();
    let refused = stage.await_condition("tep", "payments", "KeysReady", |keys| keys.status == "False").await;
    assert!(start.elapsed() < MINUTE, "the status tells after {:?}", start.elapsed());
    assert!(refused.reason == "KeyRefused" && refused.message.contains("the server denies it"), "{refused}");
    let stopped = async || match topic.try_read().await {
        Err(error) => Ok(error),
        Ok(count) => Err(format!("{count} records are read")),
    };
    let error = eventually_ok("reads stop", PATIENCE, stopped).await;
    assert_eq!(error, "TOPIC_AUTHORIZATION_FAILED");
    assert_eq!(topic.refusal().await, "TOPIC_AUTHORIZATION_FAILED");

    bao.allow(&["payments"]).await;
    stage.await_condition("tep", "payments", "KeysReady", |keys| keys.status == "True").await;
    topic.assert_intact().await;
    let denied = bao.audit().await.iter().filter(|entry| !entry["error"].is_null()).count();
    assert!(denied > 0, "the server's audit log tells of what it denied");
}
