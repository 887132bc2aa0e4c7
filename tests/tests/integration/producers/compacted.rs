//! A topic that becomes compacted under `Auto`, and is so no more. Of alterations through the proxy it knows at once; of others
//! the broker tells it, which refuses batch format: idempotent producers lose nothing.

use std::time::Duration;

use kafka_protocol::messages::alter_configs_request::{AlterConfigsResource, AlterableConfig};
use kafka_protocol::messages::{AlterConfigsRequest, ProduceRequest};
use kafka_protocol::protocol::StrBytes;
use tests::{
    Batch, By, Client, Cluster, ConsumeOptions, Feed, Field, KafkaErrorName, Pattern, PolicyFile,
    ProduceOptions, Proxy, RawConnection, Rule, Segments, SentRecord, assert_same, eventually, topic,
};

use super::idempotence::producer_id;
use super::{append, end, request, small};

pub(super) const PATIENCE: Duration = Duration::from_secs(30);
const POLICY: &str = "cleanup.policy";

/// A proxy of one's own: what clients of other tests alter at brokers counts for all topics.
pub(super) async fn start() -> Proxy {
    let rule = Rule::encrypt([Pattern::prefix("auto.")], "own").format("Auto").on_plaintext("Reject");
    Proxy::before(Cluster::shared().await).policy(PolicyFile::new([rule])).start().await
}

/// Whether batches show their records' keys, thus are in record format, from the first batch on, each change once.
pub(super) async fn formats(topic: &str) -> Vec<bool> {
    let mut stored = Segments::of(Cluster::shared().await.topic_dirs(topic)).dump().await;
    stored.sort_by_key(|batch| batch.base_offset);
    let by_record = |key: &Option<Vec<u8>>| key.as_deref().is_some_and(|key| key.starts_with(b"key "));
    let mut formats: Vec<bool> = stored.iter().map(|batch| by_record(&batch.records[0].key)).collect();
    formats.dedup();
    formats
}

/// Waits until the broker says so itself.
async fn is_told(topic: &str, policy: &str) {
    let cluster = Cluster::shared().await;
    let told = async || cluster.topic_config(topic, POLICY).await.as_deref() == Some(policy);
    eventually(&format!("{topic} is known to be under {policy}"), PATIENCE, told).await;
}

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
    cluster.alter_topic(&topic, &[(POLICY, Some("compact"))]).await;
    producing.await.unwrap();

    assert_eq!(formats(&topic).await, [false, true], "{topic}: first batch format, then record format");
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
    let (cluster, proxy) = (Cluster::shared().await, start().await);
    let topic = topic("auto.compacted-raw");
    cluster.create_topic(&topic, 2, &[]).await;
    let (mut connection, at) = RawConnection::to_leader(&proxy.bootstrap(), &topic, 0).await.unwrap();
    // Now the proxy believes for a while that the topic is not compacted.
    connection.produce(&at, By::Id, Batch::of(&small(3))).await.unwrap();
    cluster.alter_topic(&topic, &[(POLICY, Some("compact"))]).await;
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

/// The older request, which says a topic's whole configuration.
async fn alter_as_a_whole(connection: &mut RawConnection, topic: &str, policy: &'static str) {
    let topic_resource = 2;
    let config = AlterableConfig::default()
        .with_name(StrBytes::from_static_str(POLICY))
        .with_value(Some(StrBytes::from_static_str(policy)));
    let resource = AlterConfigsResource::default()
        .with_resource_type(topic_resource)
        .with_resource_name(StrBytes::from_string(topic.to_owned()))
        .with_configs(vec![config]);
    let request = AlterConfigsRequest::default().with_resources(vec![resource]);
    let answer = connection.call(&request, 2).await.unwrap();
    assert_eq!(KafkaErrorName::from_code(answer.responses[0].error_code), None, "{topic}");
}

/// The broker would take one record in batch format too, but then neither compact nor erase it.
#[tokio::test(flavor = "multi_thread")]
async fn an_alteration_through_the_proxy_counts_from_the_next_record_on() {
    let (cluster, proxy) = (Cluster::shared().await, start().await);
    for whole in [false, true] {
        let topic = topic("auto.compacted-through-the-proxy");
        cluster.create_topic(&topic, 1, &[]).await;
        let (mut producer, at) = RawConnection::to_leader(&proxy.bootstrap(), &topic, 0).await.unwrap();
        append(&mut producer, &at, &Batch::of(&small(1))).await;
        let mut admin = RawConnection::connect(&proxy.bootstrap()).await.unwrap();
        if whole {
            alter_as_a_whole(&mut admin, &topic, "compact").await;
        } else {
            admin.alter_topic(&topic, &[(POLICY, Some("compact"))]).await.unwrap();
        }
        is_told(&topic, "compact").await;
        append(&mut producer, &at, &Batch::of(&small(1))).await;
        assert_eq!(formats(&topic).await, [false, true], "altered as a whole: {whole}");
        assert_eq!(producer.fetch_all(&at, By::Id).await.unwrap().len(), 2);
    }
}

/// The end of the connection is all that the broker says of a batch for which it gives no answer.
#[tokio::test(flavor = "multi_thread")]
async fn unacknowledged_records_are_taken_once_the_broker_has_refused_some() {
    let (cluster, proxy) = (Cluster::shared().await, start().await);
    let topic = topic("auto.compacted-acks-0");
    cluster.create_topic(&topic, 1, &[]).await;
    let (mut producer, at) = RawConnection::to_leader(&proxy.bootstrap(), &topic, 0).await.unwrap();
    append(&mut producer, &at, &Batch::of(&small(1))).await;
    cluster.alter_topic(&topic, &[(POLICY, Some("compact"))]).await;
    let (mut broker, here) = cluster.leader(&topic, 0).await;
    let keyless = Batch::of(&[SentRecord::of("without a key")]);
    let refuses = async || broker.produce(&here, By::Name, keyless.clone()).await.unwrap().error.is_some();
    eventually("the broker refuses what has no key", PATIENCE, refuses).await;
    let before = end(&at).await;
    let unacknowledged = request(12, 0, &[(&at, &Batch::of(&small(3)))]);
    producer.send(&unacknowledged, 12).await.unwrap();
    assert!(producer.closes_within(PATIENCE).await, "it is not refused");
    assert_eq!(end(&at).await, before);
    let mut producer = RawConnection::connect(&at.leader).await.unwrap();
    producer.send(&unacknowledged, 12).await.unwrap();
    eventually("it is stored", PATIENCE, async || end(&at).await == before + 3).await;
}

/// One idempotent producer stays connected all the time.
#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_is_compacted_no_more_is_in_batch_format_again() {
    const EACH: usize = 50;
    let (cluster, proxy) = (Cluster::shared().await, start().await);
    let topic = topic("auto.compacted-for-a-while");
    cluster.create_topic(&topic, 1, &[]).await;
    let at = cluster.locate(&topic, 0).await;
    let mut admin = RawConnection::connect(&proxy.bootstrap()).await.unwrap();
    let mut feed = Feed::start(&proxy.bootstrap(), &topic, &[]).await.keyed();
    let send = async |feed: &mut Feed| {
        feed.send(EACH).await;
        let sent = i64::try_from(feed.sent()).unwrap();
        eventually("all is stored", PATIENCE, async || end(&at).await == sent).await;
    };
    send(&mut feed).await;
    admin.alter_topic(&topic, &[(POLICY, Some("compact"))]).await.unwrap();
    is_told(&topic, "compact").await;
    send(&mut feed).await;
    assert_eq!(formats(&topic).await, [false, true], "as long as it is compacted");
    admin.alter_topic(&topic, &[(POLICY, Some("delete"))]).await.unwrap();
    is_told(&topic, "delete").await;
    // The broker says so a moment before it lets go of what it asked of batches until then.
    let returned = async || {
        send(&mut feed).await;
        formats(&topic).await == [false, true, false]
    };
    eventually("batch format returns", PATIENCE, returned).await;
    let written = Feed::keyed_records(feed.sent());
    feed.finish().await;
    for reader in Client::ALL {
        let received = reader.consume_all(&ConsumeOptions::from(proxy.bootstrap(), &topic)).await;
        assert_same(reader.name(), &written, &received);
    }
}
