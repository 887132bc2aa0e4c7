//! Brokers that stop and start under clients: what was acknowledged is read once, in order.

use std::collections::BTreeMap;
use std::time::Duration;

use kafka_protocol::messages::ElectLeadersRequest;
use serde_json::{Map, Value};
use tests::raw_connection::Location;
use tests::{
    By, Client, Cluster, ConsumeOptions, Field, KafkaErrorName, ProduceOptions, Proxy, RawConnection,
    SentRecord, assert_same, eventually, eventually_ok, topic,
};

use super::{ALL_RUN, PREFERRED, Three, policy};

/// A leader that was killed is missed after six seconds; the machine may be busy.
const PATIENCE: Duration = Duration::from_mins(1);
/// The broker that goes: it leads all partitions here.
const GOING: usize = 1;
const STAYING: usize = 2;
/// `ListOffsets` asks so for the end.
const LATEST: i64 = -1;
/// Records before, between and after.
const SOME: usize = 100;
/// Records on the way while the broker goes or comes, each in a batch of its own.
const MANY: usize = 500;
/// Records on the way when the broker goes.
const UNDER_WAY: usize = 20;
const PHASES: [usize; 5] = [SOME, MANY, SOME, MANY, SOME];

/// A client that writes and another that reads meanwhile.
struct Pair {
    topic: String,
    writer: Client,
    reader: Client,
    written: usize,
}

struct Reader {
    topic: String,
    client: Client,
}

impl Pair {
    async fn new(prefix: &str, writer: Client, reader: Client) -> Self {
        let topic = topic(&format!("{prefix}.failover-{writer}-{reader}"));
        let three = Three::shared().await;
        three.place_topic(&topic, &[&[1, 2, 0]]).await;
        Self { topic, writer, reader, written: 0 }
    }

    /// Writes so many records, one a batch and one after the other; each must be acknowledged at the next offset.
    async fn write(&mut self, count: usize) {
        let until = self.written + count;
        let records: Vec<SentRecord> = (self.written..until).map(record).collect();
        let proxy = &Three::shared().await.proxy;
        let options = ProduceOptions::to(proxy.bootstrap(), &self.topic)
            .in_flight(1)
            .batch_bytes(1)
            .linger_ms(0)
            .timeout(PATIENCE);
        let offsets = self.writer.produce_all(&options, &records).await;
        let expected = (self.written..until).map(|offset| i64::try_from(offset).unwrap());
        assert!(
            offsets.iter().copied().eq(expected),
            "{}: acknowledged at other offsets: {offsets:?}",
            self.topic
        );
        self.written = until;
    }

    fn reader(&self) -> Reader {
        Reader { topic: self.topic.clone(), client: self.reader }
    }
}

impl Reader {
    /// Reads from before the first record to the last one.
    async fn read(self) {
        let Self { topic, client } = self;
        let proxy = &Three::shared().await.proxy;
        let total = PHASES.iter().sum();
        let options = ConsumeOptions::from(proxy.bootstrap(), &topic).count(total);
        let consumed = client.consume(&options.timeout(2 * PATIENCE)).await;
        let (records, errors) = (consumed.records, consumed.errors);
        for (index, received) in records.iter().enumerate() {
            let sent = record(index);
            let offset = i64::try_from(index).unwrap();
            assert!(
                sent.equals(received) && received.offset == offset,
                "{topic}, {client}: not record {index}: {received:?}"
            );
        }
        assert_eq!(records.len(), total, "{topic}, {client}: {errors:?}");
        assert!(errors.is_empty(), "{topic}, {client}: {errors:?}");
    }
}

fn record(number: usize) -> SentRecord {
    SentRecord::of(format!("number {number}")).key(format!("key {}", number % 7)).partition(0)
}

/// Java and another client write and read while the broker goes and comes back.
async fn outlives(prefix: &str, go: impl AsyncFnOnce(&Cluster)) {
    let _alone = ALL_RUN.write().await;
    let cluster = &Three::shared().await.cluster;
    let mut java = Pair::new(prefix, Client::Java, Client::Go).await;
    let mut other = Pair::new(prefix, Client::Librdkafka, Client::Java).await;
    let topics = [&java, &other].map(|pair| pair.topic.clone());
    let (java_reader, other_reader) = (java.reader(), other.reader());
    let write = async {
        let [before, going, gone, coming, after] = PHASES;
        tokio::join!(java.write(before), other.write(before));
        tokio::join!(java.write(going), other.write(going), async {
            for topic in &topics {
                wait_for_more_than(before + UNDER_WAY, topic).await;
            }
            go(cluster).await;
        });
        for topic in &topics {
            let at = locate(topic).await;
            assert_ne!(at.leader, cluster.address(GOING), "{topic} has kept its leader");
            let epochs = epochs_within(topic, before, before + going).await;
            assert!(epochs.len() > 1, "nobody wrote to {topic} while its leader changed");
        }
        tokio::join!(java.write(gone), other.write(gone));
        tokio::join!(java.write(coming), other.write(coming), cluster.start_node(GOING));
        tokio::join!(java.write(after), other.write(after));
    };
    tokio::join!(write, java_reader.read(), other_reader.read());
    eventually_ok("leaders are where others expect them", PATIENCE, prefer_first_replicas).await;
}

/// Every partition is led by its first replica again: the cluster does not see to that by itself.
async fn prefer_first_replicas() -> Result<(), String> {
    let request = ElectLeadersRequest::default()
        .with_election_type(PREFERRED)
        .with_topic_partitions(None)
        .with_timeout_ms(20_000);
    let answer = Three::shared().await.cluster.admin().await.call(&request, 2).await.unwrap();
    let failed = answer.replica_election_results.iter().flat_map(|topic| &topic.partition_result);
    let failed = failed.filter_map(|partition| KafkaErrorName::from_code(partition.error_code));
    let failed: Vec<_> = failed.filter(|error| *error != "ELECTION_NOT_NEEDED").collect();
    if failed.is_empty() { Ok(()) } else { Err(format!("{failed:?}")) }
}

/// Waits until writers are under way.
async fn wait_for_more_than(records: usize, topic: &str) {
    let three = Three::shared().await;
    let (mut leader, at) = three.cluster.leader(topic, 0).await;
    let more = async || {
        let end = leader.list_offset(&at, LATEST).await.unwrap();
        usize::try_from(end).unwrap() > records
    };
    eventually("the writers are under way", PATIENCE, more).await;
}

/// The leader's epochs under which the records between these offsets were written, and how many each.
async fn epochs_within(topic: &str, from: usize, until: usize) -> BTreeMap<i64, usize> {
    let proxy = &Three::shared().await.proxy;
    let (mut leader, at) = RawConnection::to_leader(&proxy.bootstrap(), topic, 0).await.unwrap();
    let mut epochs = BTreeMap::new();
    for batch in leader.fetch_all(&at, By::Id).await.unwrap() {
        let offset = usize::try_from(batch.field(Field::BaseOffset)).unwrap();
        if (from..until).contains(&offset) {
            *epochs.entry(batch.field(Field::LeaderEpoch)).or_default() += 1;
        }
    }
    epochs
}

/// Where the first partition is, by a broker that stays.
async fn locate(topic: &str) -> Location {
    let stays = Three::shared().await.cluster.address(STAYING);
    let located = async || RawConnection::connect(&stays).await?.locate(topic, 0).await;
    eventually_ok("there is a leader", PATIENCE, located).await
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_outlive_a_leader_that_stops_and_starts() {
    outlives("batch", async |cluster: &Cluster| cluster.stop_node(GOING).await).await;
}

/// Conformance: TE-21.
#[tokio::test(flavor = "multi_thread")]
async fn clients_outlive_a_leader_that_is_killed_and_starts() {
    outlives("record", async |cluster: &Cluster| cluster.kill_node(GOING).await).await;
}

/// A client that never turns to its bootstrap address again, as Java clients before 4.0, finds the brokers' ports as they
/// were, where the configuration names the brokers.
#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_that_bootstraps_once_outlives_a_restart_of_the_proxy() {
    let _all_run = ALL_RUN.read().await;
    let cluster = &Three::shared().await.cluster;
    let brokers: Map<String, Value> =
        (0..3).map(|node| (node.to_string(), cluster.address(node).into())).collect();
    let proxy = Proxy::before(cluster).policy(policy()).upstream("brokers", brokers).start().await;
    // Clear, so that records can be written past the proxy: it hears of brokers from the consumer alone.
    let topic = topic("clear.restart");
    cluster.create_topic(&topic, 1, &[]).await;
    let write = async || {
        let records: Vec<SentRecord> = (0..SOME).map(record).collect();
        Client::Go.produce_all(&ProduceOptions::to(cluster.bootstrap(), &topic), &records).await;
    };
    write().await;
    let options = ConsumeOptions::from(proxy.bootstrap(), &topic)
        .count(2 * SOME)
        .property("metadata.recovery.strategy", "none")
        .timeout(PATIENCE);
    let (received, ()) = tokio::join!(Client::Java.consume_all(&options), async {
        let fetched = async || proxy.metrics().await.sum("topic_encryption_clear_batches_total", &[]) > 0.0;
        eventually("the consumer reads", PATIENCE, fetched).await;
        proxy.restart().await;
        write().await;
    });
    let sent: Vec<SentRecord> = (0..SOME).chain(0..SOME).map(record).collect();
    assert_same("across the restart", &sent, &received);
}
