//! A topic that becomes compacted while `Auto` still takes it for one that is not: the broker refuses batch format, and
//! idempotent producers lose nothing.

use std::time::Duration;

use kafka_protocol::messages::ProduceRequest;
use tests::{
    Batch, By, Client, Cluster, ConsumeOptions, Field, KafkaErrorName, ProduceOptions, Proxy, RawConnection,
    Segments, SentRecord, assert_same, eventually, topic,
};

use super::idempotence::producer_id;
use super::{end, request, small};

const PATIENCE: Duration = Duration::from_secs(30);

/// The topic is changed while batches are on the way, so that the broker refuses some in batch format.
async fn compaction_in_mid_run_loses_nothing(client: Client) {
    let (cluster, proxy) = (Cluster::shared().await, Proxy::shared().await);
    let topic = topic(&format!("auto.compacted-{client}"));
    cluster.create_topic(&topic, 1, &[]).await;
    let at = cluster.locate(&topic, 0).await;
    let record = |index: usize| {
        SentRecord::of(format!("value {index:06}")).key(format!("key {index:06}")).partition(0)
    };
    let sent: Vec<SentRecord> = (0..10_000).map(record).collect();
    let options = ProduceOptions::to(proxy.bootstrap(), &topic)
        .in_flight(5)
        .linger_ms(1)
        .batch_bytes(300)
        .timeout(Duration::from_mins(1));
    let producing = tokio::spawn({
        let sent = sent.clone();
        async move { client.produce_all(&options, &sent).await }
    });
    eventually("the producer is at work", PATIENCE, async || end(&at).await > 0).await;
    cluster.alter_topic(&topic, &[("cleanup.policy", Some("compact"))]).await;
    producing.await.unwrap();

    let stored = Segments::of(cluster.topic_dirs(&topic)).dump().await;
    let by_record = |key: &Option<Vec<u8>>| key.as_deref().is_some_and(|key| key.starts_with(b"key "));
    let mut formats: Vec<bool> = stored.iter().map(|batch| by_record(&batch.records[0].key)).collect();
    formats.dedup();
    assert_eq!(formats, [false, true], "{topic}: first batch format, then record format");
    for reader in [client, client.other()] {
        let options = ConsumeOptions::from(proxy.bootstrap(), &topic);
        assert_same(&topic, &sent, &reader.consume_all(&options).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn compaction_in_mid_run_loses_nothing_of_java() {
    compaction_in_mid_run_loses_nothing(Client::Java).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn compaction_in_mid_run_loses_nothing_of_python() {
    compaction_in_mid_run_loses_nothing(Client::Python).await;
}

/// The broker knows nothing of the producer: if it refused only the first batch, it would take the second.
#[tokio::test(flavor = "multi_thread")]
async fn behind_a_batch_that_the_broker_refused_none_is_stored() {
    const RECORDS: i64 = 3;
    let (cluster, proxy) = (Cluster::shared().await, Proxy::shared().await);
    let topic = topic("auto.compacted-raw");
    cluster.create_topic(&topic, 2, &[]).await;
    let (mut connection, at) = RawConnection::to_leader(&proxy.bootstrap(), &topic, 0).await.unwrap();
    // Now the proxy believes for a while that the topic is not compacted.
    connection.produce(&at, By::Id, Batch::of(&small(3))).await.unwrap();
    cluster.alter_topic(&topic, &[("cleanup.policy", Some("compact"))]).await;
    let at = connection.locate(&topic, 1).await.unwrap();
    let producer = producer_id(&mut connection).await;
    let batches = [0, 1, 2].map(|place| {
        let mut batch = Batch::of(&small(3));
        batch.set(Field::ProducerId, producer);
        batch.set(Field::ProducerEpoch, 0);
        batch.set(Field::BaseSequence, place * RECORDS);
        batch.seal();
        batch
    });
    for batch in &batches {
        connection.send(&request(13, -1, &[(&at, batch)]), 13).await.unwrap();
    }
    for place in 0..batches.len() {
        let (_, answer) = connection.receive::<ProduceRequest>(13).await.unwrap();
        let error = KafkaErrorName::from_code(answer.responses[0].partition_responses[0].error_code);
        assert_eq!(error.expect("refused"), "NOT_ENOUGH_REPLICAS", "batch {place}");
    }
    assert_eq!(connection.list_offset(&at, -1).await.unwrap(), 0, "something is stored");
    for (place, batch) in (0_i64..).zip(&batches) {
        let appended = connection.produce(&at, By::Id, batch.clone()).await.unwrap();
        assert_eq!((appended.error, appended.base_offset), (None, place * RECORDS));
    }
}
