//! What whoever runs the proxy relies on: the command line, draining, metrics, limits.

mod back_pressure;
mod balancer;
mod command_line;
mod drain;
mod large_metadata;
mod limits;
mod metrics;
mod readme;
mod shares;
mod silence;

use std::time::Duration;

use tests::proxy::Metrics;
use tests::raw_connection::Location;
use tests::{
    Batch, By, Client, Cluster, ConsumeOptions, KafkaErrorName, Pattern, Payload, PolicyFile, ProduceOptions,
    Proxy, RawConnection, Rule, SentRecord, assert_same, topic,
};

const PATIENCE: Duration = Duration::from_secs(30);

fn encrypting(prefix: &str) -> PolicyFile {
    PolicyFile::new([Rule::encrypt([Pattern::prefix(prefix)], "operations").on_plaintext("Reject")])
}

async fn create(purpose: &str, configs: &[(&str, &str)]) -> String {
    let topic = topic(purpose);
    Cluster::shared().await.create_topic(&topic, 1, configs).await;
    topic
}

async fn connect(proxy: &Proxy, topic: &str) -> (RawConnection, Location) {
    RawConnection::to_leader(&proxy.bootstrap(), topic, 0).await.unwrap()
}

/// Puts so many batches of nearly a megabyte into the topic, each of so many records.
async fn fill(proxy: &Proxy, topic: &str, batches: usize, records: usize) {
    let (mut connection, at) = connect(proxy, topic).await;
    let batch = Batch::of(&Payload::new(11).random(records, 900_000 / records));
    for _ in 0..batches {
        let appended = connection.produce(&at, By::Id, batch.clone()).await.unwrap();
        assert_eq!(appended.error, None, "{:?}", appended.message);
    }
}

fn counts(metrics: &Metrics, name: &str, labels: &[(&str, &str)], expected: u32) {
    let name = format!("topic_encryption_{name}");
    assert!(metrics.has(&name), "{name} is not in {:?}", metrics.names());
    let sum = metrics.sum(&name, labels);
    assert!((sum - f64::from(expected)).abs() < 0.5, "{name} {labels:?} is {sum}, not {expected}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rejected_topics_are_read_but_not_written() {
    let cluster = Cluster::shared().await;
    let policy = encrypting("matched.").unmatched_topics("Reject");
    let proxy = Proxy::before(cluster).policy(policy).start().await;
    let topic = create("stray.rejected", &[]).await;
    let sent = [SentRecord::of("from before the proxy").partition(0)];
    Client::Go.produce_all(&ProduceOptions::to(cluster.bootstrap(), &topic), &sent).await;
    for client in [Client::Java, Client::Go, Client::Librdkafka] {
        let answers = client.produce(&ProduceOptions::to(proxy.bootstrap(), &topic), &sent).await;
        assert_eq!(answers[0].clone().unwrap_err(), "POLICY_VIOLATION", "{client}");
    }
    let received = Client::Go.consume_all(&ConsumeOptions::from(proxy.bootstrap(), &topic)).await;
    assert_same("what was there before", &sent, &received);
}

#[tokio::test(flavor = "multi_thread")]
async fn consumer_groups_and_internal_topics_work_where_topics_are_rejected() {
    let cluster = Cluster::shared().await;
    let policy = encrypting("matched.").unmatched_topics("Reject");
    let proxy = Proxy::before(cluster).policy(policy).start().await;
    let topic = create("matched.group", &[]).await;
    let sent = Payload::new(2).orders(20);
    Client::Java.produce_all(&ProduceOptions::to(proxy.bootstrap(), &topic), &sent).await;
    for client in [Client::Java, Client::Librdkafka] {
        let options =
            ConsumeOptions::from(proxy.bootstrap(), &topic).group(&format!("{topic}-{client}")).count(10);
        for half in [&sent[..10], &sent[10..]] {
            assert_same(client.name(), half, &client.consume_all(&options).await);
        }
    }
    for partition in 0..3 {
        let internal = RawConnection::to_leader(&proxy.bootstrap(), "__consumer_offsets", partition).await;
        let (mut connection, at) = internal.unwrap();
        connection.fetch_all(&at, By::Id).await.unwrap();
    }
}

/// The broker makes topics for clients that ask for that; the proxy's own look-ups must not.
#[tokio::test(flavor = "multi_thread")]
async fn looking_up_a_topic_that_is_not_there_makes_none() {
    let proxy = Proxy::before(Cluster::shared().await).policy(encrypting("nowhere.")).start().await;
    let here = create("nowhere.here", &[]).await;
    let (mut connection, at) = connect(&proxy, &here).await;
    let nowhere = Location { topic: topic("nowhere.at-all"), ..at };
    let appended =
        connection.produce(&nowhere, By::Name, Batch::of(&Payload::new(1).orders(2))).await.unwrap();
    assert_eq!(appended.error.unwrap(), "UNKNOWN_TOPIC_OR_PARTITION");
    let found = connection.metadata(&[&nowhere.topic]).await.unwrap();
    assert_eq!(KafkaErrorName::from_code(found.topics[0].error_code).unwrap(), "UNKNOWN_TOPIC_OR_PARTITION");
}
