//! Batches of any number of records, and the topic's limit.

use std::collections::HashSet;

use tests::raw_connection::Location;
use tests::segments::StoredBatch;
use tests::{
    Batch, By, Client, Cluster, ConsumeOptions, Field, KafkaErrorName, Payload, ProduceOptions, Proxy,
    RawConnection, Segments, SentRecord, assert_same, topic,
};

use super::{append, end, only_error, small};

/// Around the number from which the outer batch is compressed.
const COUNTS: [usize; 7] = [1, 2, 63, 64, 65, 1_000, 10_000];

/// A topic with these settings, and a connection to its leader through the proxy.
async fn leader(purpose: &str, configs: &[(&str, &str)]) -> (RawConnection, Location) {
    let topic = topic(purpose);
    Cluster::shared().await.create_topic(&topic, 1, configs).await;
    let bootstrap = Proxy::shared().await.bootstrap();
    RawConnection::to_leader(&bootstrap, &topic, 0).await.unwrap()
}

async fn stored(at: &Location) -> Vec<StoredBatch> {
    let folders = Cluster::shared().await.topic_dirs(&at.topic);
    Segments::of(folders).dump().await
}

/// Appends a batch of each size and returns them with what consumers get.
async fn every_count(format: &str) -> (Location, Vec<Batch>, Vec<Batch>) {
    let settings = [("max.message.bytes", "16000000")];
    let (mut connection, at) = leader(&format!("{format}.counts"), &settings).await;
    let mut sent = Vec::new();
    for count in COUNTS {
        let batch = Batch::of(&small(count));
        append(&mut connection, &at, &batch).await;
        sent.push(batch);
    }
    let received = connection.fetch_all(&at, By::Id).await.unwrap();
    assert_eq!(received.len(), COUNTS.len());
    (at, sent, received)
}

async fn clients_read_every_count(at: &Location) {
    let sent: Vec<SentRecord> = COUNTS.into_iter().flat_map(small).collect();
    for client in [Client::Java, Client::Librdkafka] {
        let options = ConsumeOptions::from(Proxy::shared().await.bootstrap(), &at.topic);
        let received = client.consume_all(&options).await;
        assert_same(&format!("{}: {client}", at.topic), &sent, &received);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_of_any_count_come_back_byte_for_byte_in_batch_format() {
    let (at, sent, received) = every_count("batch").await;
    for ((sent, received), count) in sent.iter().zip(&received).zip(COUNTS) {
        assert!(
            received.as_sent().bytes() == sent.as_sent().bytes(),
            "a batch of {count} records came back as another"
        );
    }
    clients_read_every_count(&at).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_of_any_count_keep_their_header_in_record_format() {
    let (at, sent, received) = every_count("record").await;
    for ((sent, received), count) in sent.iter().zip(&received).zip(COUNTS) {
        for field in [
            Field::Count,
            Field::LastOffsetDelta,
            Field::BaseTimestamp,
            Field::MaxTimestamp,
            Field::ProducerId,
            Field::BaseSequence,
        ] {
            assert_eq!(received.field(field), sent.field(field), "{count}: {field:?}");
        }
        assert!(received.is_sound(), "{count}");
    }
    clients_read_every_count(&at).await;
}

/// TE-26: the largest values of the prototype's own tests, compressible and not.
#[tokio::test(flavor = "multi_thread")]
async fn values_of_five_megabytes_come_back_in_both_formats() {
    const SIZE: usize = 5_000_000;
    for format in ["batch", "record"] {
        let (mut connection, at) =
            leader(&format!("{format}.five"), &[("max.message.bytes", "8000000")]).await;
        for value in [Payload::new(25).bytes(SIZE), vec![b'x'; SIZE]] {
            let sent = Batch::of(&[SentRecord::of(value).key("a key")]);
            let offset = append(&mut connection, &at, &sent).await;
            let received = connection.fetch(&at, By::Id, offset).await.unwrap();
            assert_eq!(received.error, None, "{format}");
            assert!(received.batches()[0].records() == sent.records(), "{format}: another value comes back");
        }
    }
}

/// The largest batch that a topic takes, and how the next larger one is refused.
async fn the_limit_is_that_of_the_broker(format: &str) {
    const LIMIT: usize = 50_000;
    let settings = [("max.message.bytes", "50000")];
    let (mut connection, at) = leader(&format!("{format}.limit"), &settings).await;
    let mut payload = Payload::new(21);
    let mut batch = |size| Batch::of(&payload.random(1, size));
    // What encryption adds is the same for all values of this order of size.
    append(&mut connection, &at, &batch(40_000)).await;
    let first = stored(&at).await;
    let room = LIMIT - usize::try_from(first[0].size).unwrap();
    let largest = batch(40_000 + room);
    append(&mut connection, &at, &largest).await;
    assert_eq!(stored(&at).await[1].size, 50_000, "the limit was not met exactly");
    let refused = connection.produce(&at, By::Id, batch(40_000 + room + 1)).await.unwrap();
    assert_eq!(refused.error.unwrap(), "MESSAGE_TOO_LARGE");
    assert_eq!(end(&at).await, 2);
    let received = connection.fetch(&at, By::Id, 1).await.unwrap().batches();
    assert_eq!(received[0].records(), largest.records());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_may_be_as_large_as_the_topic_allows_in_batch_format() {
    the_limit_is_that_of_the_broker("batch").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_may_be_as_large_as_the_topic_allows_in_record_format() {
    the_limit_is_that_of_the_broker("record").await;
}

/// A record that a topic takes in clear but not encrypted.
async fn clients_are_told_that_a_record_is_too_large(format: &str) {
    let (cluster, proxy) = (Cluster::shared().await, Proxy::shared().await);
    let settings = [("max.message.bytes", "10000")];
    let size = 10_000 - 80;
    for client in Client::ALL {
        let clear = topic(&format!("clear.too-large-{client}"));
        let encrypted = topic(&format!("{format}.too-large-{client}"));
        for topic in [&clear, &encrypted] {
            cluster.create_topic(topic, 1, &settings).await;
        }
        let record = Payload::new(22).random(1, size);
        client.produce_all(&ProduceOptions::to(proxy.bootstrap(), &clear), &record).await;
        let options = ProduceOptions::to(proxy.bootstrap(), &encrypted);
        let error = only_error(client.produce(&options, &record).await);
        assert_eq!(error, "MESSAGE_TOO_LARGE", "{client}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_are_told_that_a_record_is_too_large_in_batch_format() {
    clients_are_told_that_a_record_is_too_large("batch").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_are_told_that_a_record_is_too_large_in_record_format() {
    clients_are_told_that_a_record_is_too_large("record").await;
}

/// Enough for two full batches of librdkafka's default size.
fn full_batches() -> Vec<SentRecord> {
    Payload::new(23).random(24_000, 100)
}

fn filling(bootstrap: String, topic: &str) -> ProduceOptions {
    ProduceOptions::to(bootstrap, topic).linger_ms(2_000).property("batch.num.messages", "1000000")
}

/// Sends full batches and shows what is on disk of them.
async fn send_full_batches(client: Client, format: &str, settings: &[(&str, &str)]) -> Vec<StoredBatch> {
    let (cluster, proxy) = (Cluster::shared().await, Proxy::shared().await);
    let topic = topic(&format!("{format}.full-{client}"));
    cluster.create_topic(&topic, 1, settings).await;
    let sent = full_batches();
    client.produce_all(&filling(proxy.bootstrap(), &topic), &sent).await;
    let received = client.consume_all(&ConsumeOptions::from(proxy.bootstrap(), &topic)).await;
    assert_same(&topic, &sent, &received);
    Segments::of(cluster.topic_dirs(&topic)).dump().await
}

fn largest(stored: &[StoredBatch]) -> i64 {
    stored.iter().map(|batch| batch.size).max().unwrap()
}

async fn full_batches_fit_the_default_limit(client: Client) {
    let largest = largest(&send_full_batches(client, "batch", &[]).await);
    assert!((990_000..=1_048_588).contains(&largest), "the largest batch has {largest} bytes");
}

#[tokio::test(flavor = "multi_thread")]
async fn full_batches_of_librdkafka_fit_the_default_limit_in_batch_format() {
    full_batches_fit_the_default_limit(Client::Librdkafka).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn full_batches_of_python_fit_the_default_limit_in_batch_format() {
    full_batches_fit_the_default_limit(Client::Python).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn full_batches_need_headroom_in_record_format() {
    let settings = [("max.message.bytes", "4000000")];
    let largest = largest(&send_full_batches(Client::Librdkafka, "record", &settings).await);
    assert!(largest > 1_048_588, "the largest batch has {largest} bytes");
    let (cluster, proxy) = (Cluster::shared().await, Proxy::shared().await);
    let topic = topic("record.full-without-headroom");
    cluster.create_topic(&topic, 1, &[]).await;
    let options = filling(proxy.bootstrap(), &topic);
    let answers = Client::Librdkafka.produce(&options, &full_batches()).await;
    let errors: HashSet<_> = answers.into_iter().filter_map(Result::err).collect();
    let errors: Vec<_> = errors.iter().map(KafkaErrorName::as_str).collect();
    assert_eq!(errors, ["MESSAGE_TOO_LARGE"]);
}

/// Java cuts a batch that is too large into pieces.
#[tokio::test(flavor = "multi_thread")]
async fn java_splits_batches_that_are_too_large_once_encrypted() {
    let (cluster, proxy) = (Cluster::shared().await, Proxy::shared().await);
    let topic = topic("record.java-splits");
    cluster.create_topic(&topic, 1, &[("max.message.bytes", "60000")]).await;
    let sent = Payload::new(24).random(3_000, 100);
    let options = ProduceOptions::to(proxy.bootstrap(), &topic).linger_ms(50).batch_bytes(59_000);
    Client::Java.produce_all(&options, &sent).await;
    let received = Client::Python.consume_all(&ConsumeOptions::from(proxy.bootstrap(), &topic)).await;
    assert_same(&topic, &sent, &received);
}
