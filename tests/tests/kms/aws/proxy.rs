//! The proxy, with keys in a stand-in for KMS.

use tests::kms::HttpRequest;
use tests::{Batch, Cluster, Pattern, PolicyFile, Proxy, Rule, SentRecord, topic};

use super::*;

/// Conformance: P17-20, TE-11.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_proxy_sealed_another_reads() {
    let moto = Moto::start().await;
    let aws = Aws::before(moto.address()).await;
    let id = moto.make_key("payments").await;
    let arn = format!("arn:aws:kms:{AWS_REGION}:123456789012:key/{id}");
    let rule = |prefix: &str, key: &str| Rule::encrypt([Pattern::prefix(prefix)], key);
    let policy = PolicyFile::new([rule("awskms.alias", "payments")]);
    let builder = Proxy::before(Cluster::shared().await).policy(policy.clone());
    let proxy = builder.config("keyProviders", json!({"default": aws.yaml()})).launch().await;
    proxy.wait_ready().await;
    proxy.apply_policy(&policy.rule(rule("awskms.arn", &arn))).await;
    let batch = Batch::of(&[SentRecord::of("some value").key("some key"), SentRecord::of("another value")]);
    let topics = [topic("awskms.alias"), topic("awskms.arn")];
    for topic in &topics {
        Cluster::shared().await.create_topic(topic, 1, &[]).await;
        proxy.write_batch(topic, &batch).await.unwrap();
    }
    // From here on nothing is in a cache.
    proxy.restart().await;
    aws.front.take_requests();
    for topic in &topics {
        assert_eq!(proxy.read_batches(topic, 0).await.unwrap(), [batch.as_sent()]);
    }
    let requests = aws.front.take_requests();
    let unwrapped = |id: &str| {
        let of =
            |request: &&HttpRequest| request.operation() == Some("Decrypt") && request.json()["KeyId"] == id;
        requests.iter().filter(of).count()
    };
    assert!(unwrapped("alias/payments") > 0 && unwrapped(&arn) > 0, "{requests:?}");
}
