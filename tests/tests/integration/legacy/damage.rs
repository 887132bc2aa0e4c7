//! What of predecessors' records does not open is an error, never data, and does not take others with it.

use tests::legacy::{KROXYLICIOUS_HEADER, bytes, kroxylicious_v2, vectors};
use tests::raw_connection::Location;
use tests::{Batch, By, Cluster, KafkaErrorName, RawConnection, SentRecord, eventually, topic};

use super::{Stage, marked, values_of_kroxylicious, values_of_topic_encryption};
use crate::tampering::stage::plant;

const CORRUPT: &str = "CORRUPT_MESSAGE";
const REFUSED: &str = "TOPIC_AUTHORIZATION_FAILED";

/// A topic of two partitions; the second has a record that opens.
struct Topic {
    direct: RawConnection,
    proxied: RawConnection,
    at: Location,
    neighbour: Batch,
}

impl Topic {
    async fn new(prefix: &str) -> Self {
        let name = topic(&format!("{prefix}damage"));
        let cluster = Cluster::shared().await;
        cluster.create_topic(&name, 2, &[]).await;
        let (mut direct, at) = cluster.leader(&name, 0).await;
        let (value, plain) = values_of_topic_encryption().remove(0);
        plant(&mut direct, &Location { partition: 1, ..at.clone() }, Batch::of(&[SentRecord::of(value)]))
            .await;
        let proxied = RawConnection::connect(&Stage::shared().await.proxy.bootstrap()).await.unwrap();
        Self { direct, proxied, at, neighbour: Batch::of(&[SentRecord::of(plain)]) }
    }

    /// Stores a record and reads it through the proxy: the error, and the record's offset.
    async fn error(&mut self, what: &str, stored: SentRecord) -> (String, i64) {
        let offset = plant(&mut self.direct, &self.at.clone(), Batch::of(&[stored])).await;
        let read = self.proxied.fetch(&self.at, By::Id, offset).await.unwrap();
        assert!(read.batches().is_empty(), "{what}");
        let error = read.error.as_ref().map(KafkaErrorName::as_str).unwrap_or_default().to_owned();
        (error, offset)
    }

    async fn neighbour_opens(&mut self) {
        let at = Location { partition: 1, ..self.at.clone() };
        let read = self.proxied.fetch(&at, By::Id, 0).await.unwrap();
        assert_eq!(read.error, None);
        assert_eq!(read.batches()[0].as_sent(), self.neighbour.as_sent());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_records_are_errors_and_their_neighbours_are_not() {
    let mut topic = Topic::new("legacy.passing.").await;
    let (v1, _) = values_of_topic_encryption().remove(0);
    let (v2, _) = values_of_kroxylicious().remove(0);
    let changed = |value: &[u8], at: usize| {
        let mut value = value.to_vec();
        value[at] ^= 1;
        value
    };
    let vectors = vectors();
    let refused = vectors["kroxyliciousV2"]["refused"].as_array().unwrap();
    let mut records = vec![
        ("altered ciphertext", SentRecord::of(changed(&v1, 30))),
        ("altered IV", SentRecord::of(changed(&v1, 5))),
        ("cut short", SentRecord::of(&v1[..v1.len() - 1])),
        ("cut behind the version", SentRecord::of(&v1[..4])),
        ("a length of 4 GiB", SentRecord::of([&v1[..20], &[0xff; 4], &v1[24..]].concat())),
        ("of another data key", marked(kroxylicious_v2(&[3; 32], &edek(&v2), b"forged"))),
        ("altered value", marked(changed(&v2, v2.len() - 1))),
        ("altered data key", marked(changed(&v2, 40))),
        ("no encrypted data key", marked([0])),
        ("empty", marked([])),
        ("another version", SentRecord::of(v2.clone()).header(KROXYLICIOUS_HEADER, [1])),
        ("marker without a version", SentRecord::of(v2.clone()).null_header(KROXYLICIOUS_HEADER)),
        (
            "marker in second place",
            SentRecord::of(v2.clone()).header("a", "b").header(KROXYLICIOUS_HEADER, [2]),
        ),
    ];
    let of_vectors = refused.iter().map(|record| ("refused by vectors", marked(bytes(&record["value"]))));
    records.extend(of_vectors);
    for (what, record) in records {
        assert_eq!(topic.error(what, record).await.0, CORRUPT, "{what}");
    }
    topic.neighbour_opens().await;
    // What opens behind them opens still.
    let good = plant(&mut topic.direct, &topic.at.clone(), Batch::of(&[marked(v2)])).await;
    let read = topic.proxied.fetch(&topic.at, By::Id, good).await.unwrap();
    assert_eq!((read.error.clone(), read.batches().len()), (None, 1));
}

/// The encrypted data key within a published value, whose length stands in its second byte.
fn edek(value: &[u8]) -> Vec<u8> {
    value[2..2 + usize::from(value[1])].to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_are_wrong_or_missing_are_told_apart() {
    let (v1, _) = values_of_topic_encryption().remove(0);
    let mut wrong = Topic::new("legacy.wrong.").await;
    assert_eq!(wrong.error("wrong key", SentRecord::of(v1.clone())).await.0, CORRUPT);
    let mut keyless = Topic::new("legacy.keyless.").await;
    assert_eq!(keyless.error("no key", SentRecord::of(v1)).await.0, REFUSED);
    let mut other = Topic::new("legacy.other.").await;
    let (v2, _) = values_of_kroxylicious().remove(0);
    assert_eq!(other.error("a key that the rule does not name", marked(v2)).await.0, REFUSED);
    // The UUID of a key that is in no file.
    let mut passing = Topic::new("legacy.passing.").await;
    let (mut v2, _) = values_of_kroxylicious().remove(0);
    v2[2 + 14] ^= 1;
    assert_eq!(passing.error("unknown key", marked(v2)).await.0, REFUSED);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_log_names_the_record_and_the_cause() {
    let (v1, _) = values_of_topic_encryption().remove(0);
    let mut topic = Topic::new("legacy.both.").await;
    let (_, offset) = topic.error("cut short", SentRecord::of(&v1[..v1.len() - 1])).await;
    let parts = [
        "\"refused\"".to_owned(),
        format!("\"topic\":\"{}\"", topic.at.topic),
        "\"partition\":0".to_owned(),
        format!("\"offset\":{offset}"),
        "wrong length".to_owned(),
    ];
    let proxy = &Stage::shared().await.proxy;
    let told = async || proxy.log().lines().any(|line| parts.iter().all(|part| line.contains(part)));
    eventually("the audit log tells", std::time::Duration::from_secs(20), told).await;
}
