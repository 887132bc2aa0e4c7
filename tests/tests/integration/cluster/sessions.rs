//! Fetch sessions (KIP-227): a partition is named once, and then answered for as long as the session lasts, at whichever
//! proxy it goes on.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use kafka_protocol::messages::TopicName;
use kafka_protocol::messages::fetch_request::ForgottenTopic;
use tests::raw_connection::Location;
use tests::{Batch, By, KafkaErrorName, Proxy, RawConnection, SentRecord, eventually_ok, topic};

use super::addresses::{PATIENCE, connect};
use super::{ALL_RUN, Three, policy, text};
use crate::keys::outage::{bring_keys_back, hide_keys};

/// By names, and by topic ids.
const VERSIONS: [i16; 2] = [12, 17];
/// Two partitions in batch format, one in record format.
const PLACES: [usize; 3] = [0, 1, 2];

/// Partitions on broker 0, and a proxy of one's own that may be restarted.
struct Stage {
    proxy: Proxy,
    places: Vec<Location>,
}

impl Stage {
    async fn new(purpose: &str) -> Self {
        let three = Three::shared().await;
        let proxy = Proxy::before(&three.cluster).policy(policy()).start().await;
        let mut places = Vec::new();
        for (format, partitions) in [("batch", 2), ("record", 1)] {
            let topic = topic(&format!("{format}.{purpose}"));
            three.place_topic(&topic, &[&[0][..]].repeat(partitions)).await;
            for partition in (0..).take(partitions) {
                let (mut leader, at) = three.cluster.leader(&topic, partition).await;
                // It may be known before it serves.
                let serves = async || leader.list_offset(&at, -1).await;
                eventually_ok(&format!("{topic}-{partition} is served"), PATIENCE, serves).await;
                places.push(at);
            }
        }
        Self { proxy, places }
    }

    /// A connection to broker 0 through the proxy, which learns of brokers thereby and of these topics.
    async fn connect(&self, topics: &[&str]) -> RawConnection {
        connect(&self.proxy.bootstrap()).await.metadata(topics).await.unwrap();
        connect(&self.proxy.broker_address(0)).await
    }

    /// Writes the batch of this number to each partition.
    async fn write(&self, number: usize) {
        let mut connection = self.connect(&[]).await;
        for (place, at) in self.places.iter().enumerate() {
            let appended = connection.produce(at, By::Id, batch(place, number)).await.unwrap();
            assert_eq!(appended.error, None, "{at:?}: {:?}", appended.message);
        }
    }

    /// Ends every connection, and what the proxy knew of topics and data keys.
    async fn restart(&self) {
        self.proxy.restart().await;
    }
}

fn batch(place: usize, number: usize) -> Batch {
    let value = |index| SentRecord::of(format!("record {index} of batch {number} of {place}")).key("key");
    Batch::of(&[value(0), value(1)])
}

/// What a partition was answered with.
type Came = Result<Vec<Batch>, KafkaErrorName>;

/// A client in its session.
struct Reader<'a> {
    stage: &'a Stage,
    connection: RawConnection,
    version: i16,
    session: i32,
    epoch: i32,
    /// What the next request names: partitions that are new or have another offset, and that offset.
    changed: BTreeMap<usize, i64>,
}

impl<'a> Reader<'a> {
    /// Opens a session of all partitions, while nothing is in them.
    async fn open(stage: &'a Stage, version: i16) -> Self {
        let changed = PLACES.map(|place| (place, 0)).into();
        let connection = stage.connect(&[]).await;
        let mut reader = Self { stage, connection, version, session: 0, epoch: 0, changed };
        assert_eq!(reader.fetch(&[]).await, BTreeMap::new());
        assert_ne!(reader.session, 0, "version {version}: the broker opened no session");
        reader
    }

    /// Goes on in the same session on another connection.
    async fn reconnect(&mut self, topics: &[&str]) {
        self.connection = self.stage.connect(topics).await;
    }

    /// The next request of the session, which takes these partitions out; and the partitions with records or an error.
    async fn fetch(&mut self, forgotten: &[usize]) -> BTreeMap<usize, Came> {
        let places = &self.stage.places;
        let changed = std::mem::take(&mut self.changed).into_iter();
        let topics = changed.flat_map(|(place, offset)| {
            RawConnection::fetch_request(&places[place], self.version, offset, 0).topics
        });
        let forgotten = forgotten.iter().map(|place| {
            let Location { topic, topic_id, partition, .. } = &places[*place];
            let forgotten = ForgottenTopic::default().with_partitions(vec![*partition]);
            if self.version >= 13 {
                forgotten.with_topic_id(*topic_id)
            } else {
                forgotten.with_topic(TopicName(text(topic)))
            }
        });
        let request = RawConnection::fetch_request(&places[0], self.version, 0, 200)
            .with_session_id(self.session)
            .with_session_epoch(self.epoch)
            .with_topics(topics.collect())
            .with_forgotten_topics_data(forgotten.collect());
        let answer = self.connection.call(&request, self.version).await.unwrap();
        assert_eq!(answer.error_code, 0, "version {}, epoch {}", self.version, self.epoch);
        self.session = answer.session_id;
        self.epoch += 1;
        let mut came = BTreeMap::new();
        for topic in answer.responses {
            for partition in topic.partitions {
                let place = places.iter().position(|at| {
                    at.partition == partition.partition_index
                        && (at.topic_id == topic.topic_id || at.topic == topic.topic.as_str())
                });
                let place = place.expect("it is one of the session's");
                let batches = Batch::split(partition.records.as_deref().unwrap_or_default());
                let next = batches.last().map(Batch::next_offset);
                self.changed.extend(next.map(|next| (place, next)));
                match KafkaErrorName::from_code(partition.error_code) {
                    Some(error) => came.insert(place, Err(error)),
                    None if batches.is_empty() => None,
                    None => came.insert(place, Ok(batches)),
                };
            }
        }
        came
    }

    /// Fetches until each of these partitions has given the batch of this number, once, and no other has given anything.
    /// How many times a partition had this error meanwhile.
    async fn reads(&mut self, places: &[usize], number: usize, error: Option<&str>) -> usize {
        let mut missing: BTreeSet<usize> = places.iter().copied().collect();
        let (start, mut errors) = (Instant::now(), 0);
        while !missing.is_empty() {
            assert!(start.elapsed() < PATIENCE, "version {}: nothing of {missing:?}", self.version);
            for (place, came) in self.fetch(&[]).await {
                match came {
                    Ok(batches) => {
                        assert!(missing.remove(&place), "version {}: {place} again", self.version);
                        let batches: Vec<_> = batches.iter().map(Batch::as_sent).collect();
                        assert_eq!(batches, [batch(place, number).as_sent()], "version {}", self.version);
                    }
                    Err(other) => {
                        assert_eq!(Some(other.as_str()), error, "version {}, {place}", self.version);
                        errors += 1;
                    }
                }
            }
        }
        errors
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fetch_session_opens_partitions_that_its_requests_do_not_name() {
    let _all_run = ALL_RUN.read().await;
    for version in VERSIONS {
        let stage = Stage::new("session").await;
        let mut reader = Reader::open(&stage, version).await;
        stage.write(0).await;
        assert!(reader.changed.is_empty(), "the next request names no partition");
        reader.reads(&PLACES, 0, None).await;

        reader.changed.remove(&1);
        assert_eq!(reader.fetch(&[1]).await, BTreeMap::new());
        stage.write(1).await;
        reader.reads(&[0, 2], 1, None).await;
        assert_eq!(reader.fetch(&[]).await, BTreeMap::new(), "the forgotten partition stays out");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fetch_session_goes_on_after_an_error_and_loses_nothing() {
    let _all_run = ALL_RUN.read().await;
    for version in VERSIONS {
        let stage = Stage::new("session-error").await;
        let mut reader = Reader::open(&stage, version).await;
        stage.write(0).await;
        stage.restart().await;
        hide_keys(&stage.proxy);
        stage.proxy.wait_for_key_state("three", "Unavailable").await;
        let topics: Vec<_> = stage.places.iter().map(|at| at.topic.as_str()).collect();
        reader.reconnect(&topics[1..]).await;
        for _ in 0..3 {
            let came = reader.fetch(&[]).await;
            let errors: Vec<_> = came.values().map(|came| came.as_ref().unwrap_err().as_str()).collect();
            assert!(!errors.is_empty() && errors.iter().all(|error| *error == "KAFKA_STORAGE_ERROR"));
            assert!(reader.changed.is_empty(), "the next request names no partition");
        }
        bring_keys_back(&stage.proxy).unwrap();
        reader.reads(&PLACES, 0, Some("KAFKA_STORAGE_ERROR")).await;
        stage.write(1).await;
        reader.reads(&PLACES, 1, None).await;
    }
}

/// Topic ids that no request at this proxy has named are looked up when an answer has them.
#[tokio::test(flavor = "multi_thread")]
async fn a_fetch_session_goes_on_at_a_proxy_that_has_not_seen_it() {
    let _all_run = ALL_RUN.read().await;
    for version in VERSIONS {
        let stage = Stage::new("session-elsewhere").await;
        let mut reader = Reader::open(&stage, version).await;
        stage.write(0).await;
        reader.reads(&PLACES, 0, None).await;
        assert_eq!(reader.fetch(&[]).await, BTreeMap::new());
        stage.write(1).await;
        stage.restart().await;
        reader.reconnect(&[]).await;
        assert!(reader.changed.is_empty(), "the next request names no partition");
        let errors = reader.reads(&PLACES, 1, Some("UNKNOWN_TOPIC_ID")).await;
        let bound = if version >= 13 { PLACES.len() } else { 0 };
        assert!(errors <= bound, "version {version}: {errors} errors");
    }
}
