//! Envelopes name the keys that the server is asked for, and whoever writes to brokers chooses what they say.

use serde_json::json;
use tests::{Cluster, Pattern, PolicyFile, Proxy, Rule};

use super::{Owner, batch, create};

/// All topics of the purpose have the key a.
fn only_a(purpose: &str) -> PolicyFile {
    PolicyFile::new([Rule::encrypt([Pattern::prefix(&format!("{purpose}."))], "a")])
}

impl Owner {
    fn calls_to(&self, key: &str) -> usize {
        let path = |call: &serde_json::Value| call["request"]["path"].as_str().unwrap_or_default().to_owned();
        self.calls().iter().filter(|call| path(call).ends_with(&format!("/{key}"))).count()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_is_never_asked_for_a_key_that_the_policy_does_not_know() {
    let owner = Owner::new().await;
    let writer = owner.proxy("known", json!({})).await;
    let topic = create("known.b").await;
    writer.write_batch(&topic, &batch()).await.unwrap();
    writer.terminate().await;
    let before = owner.calls_to("b");
    assert!(before > 0);

    let limited = only_a("known").field("envelopeKeys", "Known");
    let providers = owner.key_providers();
    let reader = Proxy::before(Cluster::shared().await).policy(limited.clone());
    let reader = reader.config("keyProviders", providers).start().await;
    for _ in 0..3 {
        assert_eq!(reader.read_batches(&topic, 0).await.unwrap_err(), "TOPIC_AUTHORIZATION_FAILED");
    }
    assert_eq!(owner.calls_to("b"), before);
    let refused = ("topic_encryption_refused_partitions_total", [("reason", "key_unknown")]);
    assert!(reader.metrics().await.sum(refused.0, &refused.1) >= 3.0);
    let told = "the policy does not know key 'b' of provider 'default'";
    let is_told = |line: &str| line.contains("\"key_unknown\"") && line.contains(told);
    assert!(reader.log().lines().any(is_told), "{}", reader.log());

    reader.apply_policy(&limited.field("formerKeys", json!([{"name": "b"}]))).await;
    assert_eq!(reader.read_batches(&topic, 0).await.unwrap(), [batch().as_sent()]);
    assert!(owner.calls_to("b") > before);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_limit_what_another_policy_wrote_is_read() {
    let owner = Owner::new().await;
    let proxy = owner.proxy("anykey", json!({})).await;
    let topic = create("anykey.b").await;
    proxy.write_batch(&topic, &batch()).await.unwrap();
    proxy.terminate().await;
    proxy.write_policy(&only_a("anykey"));
    proxy.restart().await;
    assert_eq!(proxy.read_batches(&topic, 0).await.unwrap(), [batch().as_sent()]);
}
