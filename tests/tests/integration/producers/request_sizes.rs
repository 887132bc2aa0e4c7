//! The largest record that a client sends (`max.request.size`), which a broker takes by default (`message.max.bytes`) in clear.

use tests::{
    Client, Cluster, ConsumeOptions, Payload, ProduceOptions, Proxy, SentRecord, assert_same, topic,
};

use super::end;

/// `max.request.size` by default.
const REQUEST: usize = 1_048_576;
/// What Java counts beside the value of a record that has neither key nor headers.
const BESIDE: usize = 87;

/// A topic whose limit is this, or the broker's.
async fn create(purpose: &str, limit: Option<&str>) -> String {
    let topic = topic(purpose);
    let limit = limit.map(|limit| ("max.message.bytes", limit));
    Cluster::shared().await.create_topic(&topic, 1, limit.as_slice()).await;
    topic
}

async fn send(topic: &str, record: &SentRecord) -> Result<i64, tests::KafkaErrorName> {
    let options = ProduceOptions::to(Proxy::shared().await.bootstrap(), topic);
    Client::Java.produce(&options, std::slice::from_ref(record)).await.remove(0)
}

async fn stored(topic: &str) -> i64 {
    end(&Cluster::shared().await.locate(topic, 0).await).await
}

/// The largest record that a client sends at all is stored in clear. Encrypted it is too large for a broker as it is by
/// default, is refused and not stored; with headroom it is stored.
async fn the_largest_record_needs_headroom(format: &str) {
    let largest = Payload::new(41).random(1, REQUEST - BESIDE).remove(0);
    let clear = create("clear.largest", None).await;
    send(&clear, &largest).await.unwrap();
    let tight = create(&format!("{format}.largest-tight"), None).await;
    assert_eq!(send(&tight, &largest).await.unwrap_err(), "MESSAGE_TOO_LARGE");
    assert_eq!(stored(&tight).await, 0);
    let roomy = create(&format!("{format}.largest"), Some("1153434")).await;
    send(&roomy, &largest).await.unwrap();
    let options = ConsumeOptions::from(Proxy::shared().await.bootstrap(), &roomy);
    assert_same(&roomy, &[largest], &Client::Python.consume_all(&options).await);
    // One more byte is refused by the client, where both topic and proxy would take it.
    let larger = Payload::new(41).random(1, REQUEST - BESIDE + 1).remove(0);
    assert_eq!(send(&roomy, &larger).await.unwrap_err(), "MESSAGE_TOO_LARGE");
    assert_eq!(stored(&roomy).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_record_needs_headroom_in_batch_format() {
    the_largest_record_needs_headroom("batch").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_record_needs_headroom_in_record_format() {
    the_largest_record_needs_headroom("record").await;
}

/// Batches as large as a request fit into the broker's limit, and not encrypted: Java splits them until they do.
async fn java_splits_batches_of_the_largest_request(format: &str) {
    let proxy = Proxy::shared().await;
    let topic = create(&format!("{format}.largest-batches"), None).await;
    let sent = Payload::new(42).random(3_000, 1_000);
    let size = u32::try_from(REQUEST).unwrap();
    let options = ProduceOptions::to(proxy.bootstrap(), &topic).linger_ms(500).batch_bytes(size);
    Client::Java.produce_all(&options, &sent).await;
    let received = Client::Go.consume_all(&ConsumeOptions::from(proxy.bootstrap(), &topic)).await;
    assert_same(&topic, &sent, &received);
}

#[tokio::test(flavor = "multi_thread")]
async fn java_splits_batches_of_the_largest_request_in_batch_format() {
    java_splits_batches_of_the_largest_request("batch").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn java_splits_batches_of_the_largest_request_in_record_format() {
    java_splits_batches_of_the_largest_request("record").await;
}
