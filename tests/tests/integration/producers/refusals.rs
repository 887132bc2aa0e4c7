//! What clients call the proxy's refusals, and that they end there.

use tests::{Client, Cluster, KafkaErrorName, Payload, ProduceOptions, topic};

use super::{KEYLESS, RETIRED, end, only_error, refusing};

/// Every client names the refusal so, and nothing is stored.
async fn clients_see(prefix: &str, error: &str) {
    let (cluster, proxy) = (Cluster::shared().await, refusing().await);
    for client in Client::ALL {
        let topic = topic(&format!("{prefix}refused-{client}"));
        cluster.create_topic(&topic, 1, &[]).await;
        let options = ProduceOptions::to(proxy.bootstrap(), &topic);
        let answers = client.produce(&options, &Payload::new(1).orders(30)).await;
        assert_eq!(only_error(answers), KafkaErrorName::new(error), "{client}");
        assert_eq!(end(&cluster.locate(&topic, 0).await).await, 0, "{client}");
    }
}

/// Conformance: TE-25.
#[tokio::test(flavor = "multi_thread")]
async fn without_its_key_a_topic_is_not_authorized() {
    clients_see(KEYLESS, "TOPIC_AUTHORIZATION_FAILED").await;
}

/// Conformance: TE-25.
#[tokio::test(flavor = "multi_thread")]
async fn a_retired_topic_takes_nothing() {
    clients_see(RETIRED, "POLICY_VIOLATION").await;
}
