//! Much at once: full pipelines over several partitions, and headers that look like the proxy's own.

use std::collections::BTreeSet;

use tests::{Client, Cluster, Codec, ConsumeOptions, ProduceOptions, Proxy, SentRecord, assert_same, topic};

use super::assert_same_in_partitions;

/// The header in which the proxy keeps what it needs.
const OUR_HEADER: &str = "encryption.strimzi.io";
const PARTITIONS: i32 = 3;

async fn full_pipelines_keep_order(client: Client, format: &str, codec: Codec, idempotent: bool) {
    const RECORDS: usize = 20_000;
    let (cluster, proxy) = (Cluster::shared().await, Proxy::shared().await);
    let topic = topic(&format!("{format}.pipeline-{client}"));
    cluster.create_topic(&topic, PARTITIONS, &[]).await;
    let record = |index: usize| {
        SentRecord::of(format!("{index:08} {}", "lorem ipsum ".repeat(index % 17)))
            .key(format!("{}", index % 500))
            .partition(i32::try_from(index % 3).unwrap())
    };
    let sent: Vec<SentRecord> = (0..RECORDS).map(record).collect();
    let options = ProduceOptions::to(proxy.bootstrap(), &topic)
        .codec(codec)
        .idempotent(idempotent)
        .linger_ms(20)
        .batch_bytes(16_384);
    // franz-go takes no number for idempotent producers.
    let options = if client == Client::Go { options } else { options.in_flight(5) };
    client.produce_all(&options, &sent).await;
    let received = client.other().consume_all(&ConsumeOptions::from(proxy.bootstrap(), &topic)).await;
    assert_same_in_partitions(&topic, &sent, &received);
}

#[tokio::test(flavor = "multi_thread")]
async fn full_pipelines_of_java_keep_order_in_batch_format() {
    full_pipelines_keep_order(Client::Java, "batch", Codec::Lz4, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn full_pipelines_of_python_keep_order_in_record_format() {
    full_pipelines_keep_order(Client::Python, "record", Codec::Zstd, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn full_pipelines_of_go_keep_order_in_automatic_format() {
    full_pipelines_keep_order(Client::Go, "auto", Codec::Snappy, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn full_pipelines_without_idempotence_keep_order() {
    full_pipelines_keep_order(Client::Librdkafka, "batch", Codec::Gzip, false).await;
}

/// P17-06: where a key goes is the client's to say, by the key that it has, and encryption does not come between.
#[tokio::test(flavor = "multi_thread")]
async fn clients_choose_the_same_partitions_as_without_encryption() {
    let (cluster, proxy) = (Cluster::shared().await, Proxy::shared().await);
    let record = |index: usize| SentRecord::of(format!("value {index}")).key(format!("key {}", index % 20));
    let sent: Vec<SentRecord> = (0..60).map(record).collect();
    for client in Client::ALL {
        let mut chosen = Vec::new();
        for format in ["clear", "record", "batch"] {
            let topic = topic(&format!("{format}.chosen-{client}"));
            cluster.create_topic(&topic, PARTITIONS, &[]).await;
            client.produce_all(&ProduceOptions::to(proxy.bootstrap(), &topic), &sent).await;
            let received = client.consume_all(&ConsumeOptions::from(proxy.bootstrap(), &topic)).await;
            assert_eq!(received.len(), sent.len(), "{topic}");
            let places: BTreeSet<_> =
                received.into_iter().map(|record| (record.key.unwrap(), record.partition)).collect();
            assert_eq!(places.len(), 20, "{topic}: one key is in one partition");
            chosen.push(places);
        }
        let used: BTreeSet<i32> = chosen[0].iter().map(|(_, partition)| *partition).collect();
        assert!(used.len() > 1, "{client} has chosen nothing");
        assert_eq!(chosen[1], chosen[0], "{client} in record format");
        assert_eq!(chosen[2], chosen[0], "{client} in batch format");
    }
}

/// First, last, repeated, null and empty; with and without key and value.
fn records_with_our_header() -> Vec<SentRecord> {
    let value = || SentRecord::of("a value").key("a key").partition(0);
    let tombstone = || SentRecord { value: None, ..value() };
    let with = |record: SentRecord| {
        [
            record.clone().header(OUR_HEADER, "of a client"),
            record.clone().header(OUR_HEADER, ""),
            record.clone().null_header(OUR_HEADER),
            record.clone().header("before", "1").header(OUR_HEADER, vec![0, 1, 2, 255]),
            record.clone().header(OUR_HEADER, vec![1; 300]).header("after", "2").header(OUR_HEADER, "again"),
            record,
        ]
    };
    let empty = SentRecord { value: Some(Vec::new()), ..value() };
    let keyless = SentRecord { key: None, ..value() };
    [value(), tombstone(), empty, keyless].into_iter().flat_map(with).collect()
}

async fn a_clients_header_survives(format: &str, sent: &[SentRecord]) {
    let (cluster, proxy) = (Cluster::shared().await, Proxy::shared().await);
    for client in Client::ALL {
        let topic = topic(&format!("{format}.our-header-{client}"));
        cluster.create_topic(&topic, 1, &[]).await;
        let options = ProduceOptions::to(proxy.bootstrap(), &topic);
        client.produce_all(&options, sent).await;
        let received = client.other().consume_all(&ConsumeOptions::from(proxy.bootstrap(), &topic)).await;
        assert_same(&topic, sent, &received);
    }
}

/// Conformance: P17-09.
#[tokio::test(flavor = "multi_thread")]
async fn a_clients_header_with_our_name_survives_in_batch_format() {
    a_clients_header_survives("batch", &records_with_our_header()).await;
}

/// Conformance: P17-09.
#[tokio::test(flavor = "multi_thread")]
async fn a_clients_header_with_our_name_survives_in_record_format() {
    a_clients_header_survives("record", &records_with_our_header()).await;
}

/// P17-09: in a topic without encryption the proxy adds no header, and one that is not in its place is none of its own.
#[tokio::test(flavor = "multi_thread")]
async fn a_clients_header_with_our_name_survives_behind_another_in_clear_topics() {
    let mut sent = records_with_our_header();
    sent.retain(|record| record.headers.first().is_none_or(|(name, _)| name != OUR_HEADER));
    assert!(sent.iter().any(|record| record.headers.iter().any(|(name, _)| name == OUR_HEADER)));
    a_clients_header_survives("clear", &sent).await;
}
