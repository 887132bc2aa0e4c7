//! One Fetch request for topics of every kind: each gets what is its own, in one answer.

use kafka_protocol::messages::FetchResponse;
use kafka_protocol::messages::fetch_response::PartitionData;
use tests::raw_connection::Location;
use tests::{Batch, Cluster, KafkaErrorName, Pattern, PolicyFile, Proxy, RawConnection, Rule, topic};
use tokio::sync::OnceCell;

use super::stage::{Stage, both, plant, usual};
use super::{CORRUPT, REFUSED};

/// What is to be told about a partition from this offset on: a batch as it was sent, or an error.
struct Part {
    at: Location,
    offset: i64,
    told: Result<Batch, &'static str>,
}

/// A proxy that lacks a key, and a topic of each kind; those with an error stand first, in the middle and last.
async fn staged() -> &'static (Proxy, Vec<Part>) {
    static STAGED: OnceCell<(Proxy, Vec<Part>)> = OnceCell::const_new();
    STAGED.get_or_init(stage).await
}

async fn stage() -> (Proxy, Vec<Part>) {
    let cluster = Cluster::shared().await;
    let rule = |prefix: &str, key: &str, format: &str| {
        Rule::encrypt([Pattern::prefix(prefix)], key).format(format).on_plaintext("Reject")
    };
    let policy = PolicyFile::new([
        rule("batch.", "present", "Batch"),
        rule("record.", "present", "Record"),
        rule("keyless.", "missing", "Batch"),
    ]);
    let writer = Proxy::before(cluster).policy(policy.clone()).start().await;
    let proxy = Proxy::before(cluster).policy(policy).key("present", 1).start().await;
    let mut parts = vec![
        sealed(&writer, "keyless", Some(REFUSED)).await,
        sealed(&proxy, "batch", None).await,
        damaged(&proxy, "record").await,
        clear().await,
        sealed(&proxy, "record", None).await,
    ];
    parts.push(damaged(&proxy, "batch").await);
    (proxy, parts)
}

async fn sealed(by: &Proxy, prefix: &str, error: Option<&'static str>) -> Part {
    let stage = Stage::with(by, prefix, "mixed", usual(prefix)).await;
    Part { at: stage.at, offset: 0, told: error.map_or(Ok(stage.sent), Err) }
}

async fn damaged(by: &Proxy, prefix: &str) -> Part {
    let mut stage = Stage::with(by, prefix, "mixed-damaged", usual(prefix)).await;
    let mut parts = stage.parts();
    parts.sealed()[20] ^= 1;
    let at = stage.at;
    let offset = plant(&mut stage.direct, &at, parts.batch()).await;
    Part { at, offset, told: Err(CORRUPT) }
}

async fn clear() -> Part {
    let cluster = Cluster::shared().await;
    let topic = topic("clear.mixed");
    cluster.create_topic(&topic, 1, &[]).await;
    let (mut direct, at) = cluster.leader(&topic, 0).await;
    let sent = usual("clear");
    let offset = plant(&mut direct, &at, sent.clone()).await;
    Part { at, offset, told: Ok(sent) }
}

/// The only answer for a partition.
fn only<'a>(answer: &'a FetchResponse, at: &Location, version: i16) -> &'a PartitionData {
    let partitions: Vec<&PartitionData> =
        answer
            .responses
            .iter()
            .filter(|topic| {
                if version >= 13 { topic.topic_id == at.topic_id } else { topic.topic.as_str() == at.topic }
            })
            .flat_map(|topic| &topic.partitions)
            .collect();
    let [only] = partitions[..] else { panic!("{} has {} answers", at.topic, partitions.len()) };
    assert_eq!(only.partition_index, at.partition, "{}", at.topic);
    only
}

async fn each_topic_gets_its_own_answer(version: i16) {
    let (proxy, parts) = staged().await;
    let requests = parts.iter().map(|part| RawConnection::fetch_request(&part.at, version, part.offset, 500));
    let request = requests.reduce(both).unwrap();
    let mut connection = RawConnection::connect(&proxy.bootstrap()).await.unwrap();
    let answer = connection.call(&request, version).await.unwrap();
    assert_eq!(answer.error_code, 0);
    assert_eq!(answer.responses.len(), parts.len());
    for Part { at, told, .. } in parts {
        let only = only(&answer, at, version);
        let error = KafkaErrorName::from_code(only.error_code).map(|error| error.to_string());
        assert_eq!(error.as_deref(), told.as_ref().err().copied(), "{}", at.topic);
        let batches = Batch::split(only.records.as_deref().unwrap_or_default());
        let received: Vec<Batch> = batches.iter().map(Batch::as_sent).collect();
        let expected: Vec<Batch> = told.iter().map(Batch::as_sent).collect();
        assert_eq!(received, expected, "{}", at.topic);
    }
}

/// Conformance: TE-B08.
#[tokio::test(flavor = "multi_thread")]
async fn mixed_topics_get_their_own_answers_in_fetch_12() {
    each_topic_gets_its_own_answer(12).await;
}

/// Conformance: TE-25, TE-B05.
#[tokio::test(flavor = "multi_thread")]
async fn mixed_topics_get_their_own_answers_in_fetch_17() {
    each_topic_gets_its_own_answer(17).await;
}
