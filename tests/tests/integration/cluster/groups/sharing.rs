//! Share groups whose members give records back, and what they get of sealed headers.

use std::collections::BTreeMap;

use tests::{
    Client, ConsumeOptions, Payload, ProduceOptions, ReceivedRecord, Segments, SentRecord, assert_same,
    canary, topic,
};

use super::{PATIENCE, admin};
use crate::cluster::{ALL_RUN, Three};

/// A topic of one partition with these records, and a share group that starts at the first of them.
struct Sharing {
    topic: String,
    group: String,
    sent: Vec<SentRecord>,
}

impl Sharing {
    async fn new(prefix: &str, purpose: &str, sent: Vec<SentRecord>) -> Self {
        let three = Three::shared().await;
        let topic = topic(&format!("{prefix}.{purpose}"));
        three.cluster.create_topic(&topic, 1, &[]).await;
        Client::Go.produce_all(&ProduceOptions::to(three.proxy.bootstrap(), &topic), &sent).await;
        let group = format!("share-group-of-{topic}");
        admin("alter-config", &["--group", &group, "--config", "share.auto.offset.reset=earliest"]).await;
        Self { topic, group, sent }
    }

    /// What a new member gets that answers each record so, until it has been handed so many.
    async fn read(&self, ack: &str, count: usize) -> Vec<ReceivedRecord> {
        let proxy = &Three::shared().await.proxy;
        let options =
            ConsumeOptions::from(proxy.bootstrap(), &self.topic).group(&self.group).timeout(PATIENCE);
        let consumed = Client::share_consume(&options.count(count).option("--ack", ack)).await;
        assert!(consumed.errors.is_empty() && consumed.complete, "{}: {:?}", self.topic, consumed.errors);
        consumed.records
    }

    /// A member gives back what it gets, twice as much as there is; another one then takes everything.
    async fn comes_back(&self) {
        let given_back = self.read("release", 2 * self.sent.len()).await;
        let mut deliveries: BTreeMap<i64, i64> = BTreeMap::new();
        for record in &given_back {
            let sent = usize::try_from(record.offset).ok().and_then(|offset| self.sent.get(offset));
            assert!(sent.is_some_and(|sent| sent.equals(record)), "{}: {record:?}", self.topic);
            let before = deliveries.insert(record.offset, record.deliveries.unwrap()).unwrap_or(0);
            assert_eq!(record.deliveries, Some(before + 1), "{}: {record:?}", self.topic);
        }
        assert!(deliveries.values().any(|count| *count > 1), "{}: nothing came back", self.topic);
        let taken = self.read("accept", self.sent.len()).await;
        assert_same(&self.topic, &self.sent, &taken);
        for record in taken {
            let before = deliveries.get(&record.offset).copied().unwrap_or(0);
            assert!(record.deliveries.unwrap() > before, "{}: {before}, then {record:?}", self.topic);
        }
    }
}

/// By KIP-932 whatever a member gives back is another's, and counts as delivered once more.
#[tokio::test(flavor = "multi_thread")]
async fn records_that_a_member_of_a_share_group_gives_back_come_again_and_are_counted() {
    let _all_run = ALL_RUN.read().await;
    for prefix in ["batch", "record"] {
        Sharing::new(prefix, "share-release", Payload::new(7).orders(40)).await.comes_back().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_share_group_reads_sealed_headers_each_time_that_it_gets_them() {
    let _all_run = ALL_RUN.read().await;
    let needle = canary("shared");
    let mut sent = Payload::new(8).orders(40);
    let sealed = |record: SentRecord| record.header("secret", needle.clone());
    sent = sent.into_iter().map(sealed).collect();
    let sharing = Sharing::new("headers", "share", sent).await;
    sharing.comes_back().await;
    let cluster = &Three::shared().await.cluster;
    let search = Segments::of(cluster.topic_dirs(&sharing.topic)).search(&[&needle]).await;
    assert!(search.records > 0 && search.invalid == 0, "{search:?}");
    assert!(!search.found(0), "the header is stored in clear: {search:?}");
}
