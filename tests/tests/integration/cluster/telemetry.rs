//! What clients tell brokers of themselves (KIP-714) goes to the brokers.

use kafka_protocol::messages::IncrementalAlterConfigsRequest;
use kafka_protocol::messages::incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig};
use tests::{
    Client, Cluster, ConsumeOptions, Payload, ProduceOptions, Proxy, Scratch, assert_same, eventually, topic,
};

use super::addresses::PATIENCE;
use super::{policy, text};

const CLIENT_METRICS: i8 = 16;

/// Everything, every tenth of a second.
async fn subscribe(cluster: &Cluster) {
    let config =
        |(name, value)| AlterableConfig::default().with_name(text(name)).with_value(Some(text(value)));
    let resource = AlterConfigsResource::default()
        .with_resource_type(CLIENT_METRICS)
        .with_resource_name(text("all"))
        .with_configs([("metrics", "*"), ("interval.ms", "100")].map(config).to_vec());
    let request = IncrementalAlterConfigsRequest::default().with_resources(vec![resource]);
    let answer = cluster.admin().await.call(&request, 1).await.unwrap();
    assert_eq!(answer.responses[0].error_code, 0, "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_that_clients_push_reach_brokers() {
    let folder = Scratch::new("telemetry");
    let pushed = folder.join("pushed");
    let cluster = Cluster::builder()
        .plugins()
        .property("metric.reporters=TelemetryReceiver")
        .property(format!("tests.telemetry.file={}", pushed.display()))
        .start()
        .await;
    subscribe(&cluster).await;
    let proxy = Proxy::before(&cluster).policy(policy()).start().await;
    let topic = topic("batch.telemetry");
    cluster.create_topic(&topic, 1, &[]).await;
    let sent = Payload::new(4).orders(10);
    let to = ProduceOptions::to(proxy.bootstrap(), &topic).property("client.id", "told-of");
    Client::Java.produce_all(&to, &sent).await;
    let from = ConsumeOptions::from(proxy.bootstrap(), &topic);
    assert_same("beside the metrics", &sent, &Client::Java.consume_all(&from).await);
    let told = || {
        let text = std::fs::read_to_string(&pushed).unwrap_or_default();
        text.lines().any(|line| line.starts_with("told-of ") && !line.ends_with(" 0"))
    };
    // A client may end before it was told that anybody wants its metrics, so others follow it.
    let tells = async || {
        if !told() {
            Client::Java.produce_all(&to, &sent).await;
        }
        told()
    };
    eventually("the broker was told of a client", 2 * PATIENCE, tells).await;
}
