//! A topic with an encrypted batch to tamper with, and a neighbour that must not suffer.

use kafka_protocol::messages::fetch_response::PartitionData;
use kafka_protocol::messages::{FetchRequest, FetchResponse};
use tests::raw_connection::Location;
use tests::{
    Batch, By, Cluster, Field, KafkaErrorName, Pattern, Payload, PolicyFile, Proxy, RawConnection, Rule,
    SentRecord, topic,
};

use tokio::sync::OnceCell;

use super::envelope::{NAME, Part};
use super::records::{self, Record};

/// Fetch by name before and after flexible versions, and by id.
pub(crate) const FETCH_VERSIONS: [i16; 4] = [4, 12, 13, 18];

/// A topic of three partitions. Partition 0 holds one encrypted batch; partition 1 one, and the same again as its bytes
/// were read from the broker; partition 2 is empty.
#[derive(Debug)]
pub(crate) struct Stage {
    /// To the broker.
    pub(crate) direct: RawConnection,
    /// To the proxy.
    pub(crate) proxied: RawConnection,
    /// Partition 0.
    pub(crate) at: Location,
    /// What the producer sent to partition 0.
    pub(crate) sent: Batch,
    /// What the broker stored of it.
    pub(crate) stored: Batch,
    neighbour: Location,
    neighbour_sent: Batch,
}

/// A stored batch in parts, to alter.
#[derive(Debug, Clone)]
pub(crate) struct Parts {
    /// The batch header; what follows it counts for nothing.
    pub(crate) header: Batch,
    pub(crate) records: Vec<Record>,
}

/// A proxy whose rules let clear records pass, so that nothing but the envelope says what is encrypted.
pub(crate) async fn lenient() -> &'static Proxy {
    static LENIENT: OnceCell<Proxy> = OnceCell::const_new();
    let start = async || {
        let rule = |format: &str| {
            let topics = Pattern::prefix(&format!("{format}.").to_lowercase());
            Rule::encrypt([topics], "lenient").format(format).on_plaintext("Pass")
        };
        let headers = Rule::encrypt([Pattern::prefix("headers.")], "lenient").on_plaintext("Pass");
        let policy = PolicyFile::new(["Batch", "Record"].map(rule)).rule(headers.seal_headers());
        Proxy::before(Cluster::shared().await).policy(policy).start().await
    };
    LENIENT.get_or_init(start).await
}

/// What is sent where a test needs nothing special: in record format one record, since more would be compressed.
pub(crate) fn usual(format: &str) -> Batch {
    if matches!(format, "record" | "headers") {
        return Batch::of(&[record("order")]);
    }
    Batch::of(&Payload::new(5).orders(12))
}

/// A record with everything, under this key.
pub(crate) fn record(key: &str) -> SentRecord {
    SentRecord::of("a value that nobody may change")
        .key(key)
        .header("trace", "1")
        .timestamp(1_700_000_000_000)
}

/// The batch as a producer with this id sends it first.
pub(crate) fn idempotent(mut batch: Batch, producer: i64) -> Batch {
    batch.set(Field::ProducerId, producer);
    batch.set(Field::ProducerEpoch, 0);
    batch.set(Field::BaseSequence, 0);
    batch.seal();
    batch
}

impl Stage {
    /// A topic in this format with the usual batch, whose rule lets clear records pass.
    pub(crate) async fn new(format: &str, purpose: &str) -> Self {
        Self::with(lenient().await, format, purpose, usual(format)).await
    }

    /// The same, but the rule rejects clear records.
    pub(crate) async fn strict(format: &str, purpose: &str) -> Self {
        Self::with(Proxy::shared().await, format, purpose, usual(format)).await
    }

    /// A topic that begins with the prefix, before this proxy, with this batch.
    pub(crate) async fn with(proxy: &Proxy, prefix: &str, purpose: &str, sent: Batch) -> Self {
        let cluster = Cluster::shared().await;
        let topic = topic(&format!("{prefix}.{purpose}"));
        cluster.create_topic(&topic, 3, &[]).await;
        let at = cluster.locate(&topic, 0).await;
        let mut stage = Self {
            direct: RawConnection::connect(&cluster.bootstrap()).await.unwrap(),
            proxied: RawConnection::connect(&proxy.bootstrap()).await.unwrap(),
            neighbour: Location { partition: 1, ..at.clone() },
            at,
            stored: sent.clone(),
            sent,
            neighbour_sent: usual(prefix),
        };
        stage.stored = stage.seal(&stage.at.clone(), stage.sent.clone()).await;
        let replay = stage.seal(&stage.neighbour.clone(), stage.neighbour_sent.clone()).await;
        plant(&mut stage.direct, &stage.neighbour, replay).await;
        stage
    }

    /// Sends a batch through the proxy; returns what the broker stored.
    pub(crate) async fn seal(&mut self, at: &Location, sent: Batch) -> Batch {
        let appended = self.proxied.produce(at, By::Id, sent.clone()).await.unwrap();
        assert_eq!(appended.error, None, "{:?}", appended.message);
        let fetched = self.direct.fetch(at, By::Id, appended.base_offset).await.unwrap();
        let stored = fetched.batches().remove(0).as_sent();
        assert!(stored.is_sound());
        assert_ne!(stored.records(), sent.records(), "the broker has it in clear");
        stored
    }

    /// Another partition of the topic.
    pub(crate) fn partition(&self, partition: i32) -> Location {
        Location { partition, ..self.at.clone() }
    }

    /// The stored batch in parts.
    pub(crate) fn parts(&self) -> Parts {
        Parts::of(&self.stored)
    }

    /// Stores these bytes behind the proxy's back and expects that nobody gets them.
    pub(crate) async fn is_refused(&mut self, batch: Batch, error: &str) {
        let at = self.at.clone();
        self.is_refused_at(&at, batch, error).await;
    }

    /// The same in any partition.
    pub(crate) async fn is_refused_at(&mut self, at: &Location, batch: Batch, error: &str) {
        let offset = plant(&mut self.direct, at, batch).await;
        for version in FETCH_VERSIONS {
            let [altered, neighbour] = self.fetch_beside_neighbour(at, version, offset).await;
            let got = KafkaErrorName::from_code(altered.error_code).map(|error| error.to_string());
            assert_eq!(got.as_deref(), Some(error), "Fetch {version}");
            assert!(
                altered.records.is_none_or(|records| records.is_empty()),
                "Fetch {version}: an error comes with records"
            );
            self.is_whole(version, &neighbour);
        }
    }

    /// Fetches from both partitions in one request.
    pub(crate) async fn fetch_beside_neighbour(
        &mut self,
        at: &Location,
        version: i16,
        offset: i64,
    ) -> [PartitionData; 2] {
        let request = both(
            RawConnection::fetch_request(at, version, offset, 500),
            RawConnection::fetch_request(&self.neighbour, version, 0, 500),
        );
        let answer: FetchResponse = self.proxied.call(&request, version).await.unwrap();
        assert_eq!(answer.error_code, 0);
        let partitions: Vec<PartitionData> =
            answer.responses.into_iter().flat_map(|topic| topic.partitions).collect();
        let find = |partition: i32| {
            let mut found = partitions.iter().filter(|found| found.partition_index == partition);
            let first = found.next().expect("each partition is answered");
            assert!(found.next().is_none(), "a partition is answered twice");
            first.clone()
        };
        [find(at.partition), find(self.neighbour.partition)]
    }

    /// Both batches of the neighbour are delivered as they were sent.
    fn is_whole(&self, version: i16, neighbour: &PartitionData) {
        assert_eq!(neighbour.error_code, 0, "Fetch {version}: the neighbour has an error");
        let batches = Batch::split(neighbour.records.as_deref().unwrap_or_default());
        assert_eq!(batches.len(), 2, "Fetch {version}: the neighbour lacks a batch");
        for batch in batches {
            assert_eq!(
                batch.as_sent().bytes(),
                self.neighbour_sent.as_sent().bytes(),
                "Fetch {version}: the neighbour's batch is another"
            );
        }
    }
}

impl Parts {
    /// A stored batch, which must not be compressed.
    pub(crate) fn of(stored: &Batch) -> Self {
        assert_eq!(stored.codec(), 0, "a compressed batch cannot be taken apart");
        Self { header: stored.clone(), records: records::read(stored.records()) }
    }

    /// The batch of these parts, with a right checksum, and a right number of records.
    pub(crate) fn batch(mut self) -> Batch {
        let count = i64::try_from(self.records.len()).unwrap();
        self.header.set(Field::Count, count);
        self.header.set(Field::LastOffsetDelta, count - 1);
        for (record, offset) in self.records.iter_mut().zip(0..) {
            record.offset_delta = offset;
        }
        self.header.replace_records(&records::write(&self.records));
        self.header.seal();
        self.header
    }

    /// Record 0, which has the envelope.
    pub(crate) fn first(&mut self) -> &mut Record {
        &mut self.records[0]
    }

    /// Ciphertext and tag.
    pub(crate) fn sealed(&mut self) -> &mut Vec<u8> {
        self.first().value.as_mut().expect("the envelope has a value")
    }

    /// The envelope header.
    pub(crate) fn envelope(&mut self) -> &mut Vec<u8> {
        let (name, value) = &mut self.first().headers[0];
        assert_eq!(name, NAME);
        value.as_mut().expect("the envelope header has a value")
    }

    /// A field of the envelope header.
    pub(crate) fn field(&mut self, part: Part) -> &mut [u8] {
        let envelope = self.envelope();
        let range = part.range(envelope);
        &mut envelope[range]
    }

    /// Flips the lowest bit of a field.
    pub(crate) fn flip(&mut self, part: Part) {
        *self.field(part).last_mut().unwrap() ^= 1;
    }
}

/// Stores bytes on the broker as they are; returns their offset.
pub(crate) async fn plant(direct: &mut RawConnection, at: &Location, batch: Batch) -> i64 {
    let appended = direct.produce(at, By::Id, batch).await.unwrap();
    assert_eq!(appended.error, None, "the broker does not take it: {:?}", appended.message);
    appended.base_offset
}

/// One request for what two ask for.
pub(crate) fn both(mut first: FetchRequest, second: FetchRequest) -> FetchRequest {
    for topic in second.topics {
        let same = first
            .topics
            .iter_mut()
            .find(|other| other.topic == topic.topic && other.topic_id == topic.topic_id);
        match same {
            Some(same) => same.partitions.extend(topic.partitions),
            None => first.topics.push(topic),
        }
    }
    first
}
