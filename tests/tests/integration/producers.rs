//! What producers are told, and what of theirs is stored: versions, sizes, timestamps, transactions, refusals.

mod acks;
mod behind;
mod compacted;
mod idempotence;
mod made_again;
mod mixed;
mod pipelines;
mod refusals;
mod request_sizes;
mod sizes;
mod timestamps;
mod transaction_versions;
mod transactions;
mod two_formats;

use kafka_protocol::messages::ProduceRequest;
use kafka_protocol::messages::produce_request::TopicProduceData;
use tests::batch::Batch;
use tests::raw_connection::Location;
use tests::{
    By, Cluster, KafkaErrorName, Pattern, PolicyFile, Proxy, RawConnection, ReceivedRecord, Rule, SentRecord,
    assert_same,
};
use tokio::sync::OnceCell;

/// The topic prefix whose key is missing.
const KEYLESS: &str = "keyless.";
/// The topic prefix whose rule was removed.
const RETIRED: &str = "retired.";

/// A proxy that also has topics which it refuses, by [`KEYLESS`] and [`RETIRED`].
async fn refusing() -> &'static Proxy {
    static REFUSING: OnceCell<Proxy> = OnceCell::const_new();
    REFUSING.get_or_init(start_refusing).await
}

async fn start_refusing() -> Proxy {
    let rule = |prefix: &str| Rule::encrypt([Pattern::prefix(prefix)], "shared");
    let policy = PolicyFile::new([
        rule("batch.").format("Batch"),
        rule("record.").format("Record"),
        Rule::encrypt([Pattern::prefix(KEYLESS)], "missing"),
    ]);
    let proxy = Proxy::before(Cluster::shared().await)
        .key("shared", 1)
        .policy(policy.clone().rule(rule(RETIRED)))
        .start()
        .await;
    proxy.apply_policy(&policy).await;
    proxy
}

/// One request for several partitions, in this order.
fn request(version: i16, acks: i16, parts: &[(&Location, &Batch)]) -> ProduceRequest {
    let mut whole = ProduceRequest::default().with_acks(acks).with_timeout_ms(10_000);
    for (at, batch) in parts {
        let part = RawConnection::produce_request(at, version, acks, (*batch).clone().into());
        for topic in part.topic_data {
            let same = |other: &&mut TopicProduceData| same_topic(other, &topic);
            match whole.topic_data.iter_mut().find(same) {
                Some(present) => present.partition_data.extend(topic.partition_data),
                None => whole.topic_data.push(topic),
            }
        }
    }
    whole
}

fn same_topic(a: &TopicProduceData, b: &TopicProduceData) -> bool {
    (&a.name, a.topic_id) == (&b.name, b.topic_id)
}

/// So many small records with keys, for one partition.
fn small(count: usize) -> Vec<SentRecord> {
    let record = |index: usize| {
        SentRecord::of(format!("value {index} {}", "-".repeat(index % 50)))
            .key(format!("key {index}"))
            .partition(0)
            .timestamp(1_700_000_000_000 + i64::try_from(index).unwrap())
    };
    (0..count).map(record).collect()
}

/// Asserts that every partition has its records, in the order in which they were sent.
fn assert_same_in_partitions(what: &str, sent: &[SentRecord], received: &[ReceivedRecord]) {
    for partition in 0..3 {
        let sent: Vec<_> =
            sent.iter().filter(|record| record.partition == Some(partition)).cloned().collect();
        let received: Vec<_> =
            received.iter().filter(|record| record.partition == partition).cloned().collect();
        assert_same(&format!("{what}-{partition}"), &sent, &received);
    }
}

/// Appends a batch, which must be taken.
async fn append(connection: &mut RawConnection, at: &Location, batch: &Batch) -> i64 {
    let appended = connection.produce(at, By::Id, batch.clone()).await.unwrap();
    assert_eq!(appended.error, None, "{}: {:?}", at.topic, appended.message);
    appended.base_offset
}

/// The end of the partition, as the broker knows it.
async fn end(at: &Location) -> i64 {
    let (mut connection, at) = Cluster::shared().await.leader(&at.topic, at.partition).await;
    connection.list_offset(&at, -1).await.unwrap()
}

/// The only error of all answers, which must be errors.
fn only_error(answers: Vec<Result<i64, KafkaErrorName>>) -> KafkaErrorName {
    let mut errors: Vec<_> = answers.into_iter().map(|answer| answer.expect_err("it is refused")).collect();
    errors.dedup();
    assert_eq!(errors.len(), 1, "{errors:?}");
    errors.remove(0)
}
