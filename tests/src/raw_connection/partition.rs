//! Raw record bytes into and out of a partition.

use std::io;

use bytes::Bytes;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{
    BrokerId, FetchRequest, ListOffsetsRequest, MetadataRequest, MetadataResponse, ProduceRequest,
};
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;

use super::RawConnection;
use crate::batch::Batch;
use crate::kafka_error::KafkaErrorName;

/// A topic's name as the crate wants it.
fn name(topic: &str) -> kafka_protocol::messages::TopicName {
    StrBytes::from_string(topic.to_owned()).into()
}

/// Where a partition is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The topic's name.
    pub topic: String,
    /// The topic's id.
    pub topic_id: Uuid,
    /// The partition.
    pub partition: i32,
    /// `host:port` of its leader, as the answering peer tells it.
    pub leader: String,
}

/// What Produce answered for the partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// The error, if any.
    pub error: Option<KafkaErrorName>,
    /// The first offset.
    pub base_offset: i64,
    /// The explanation that came with the error.
    pub message: Option<String>,
}

/// What Fetch answered for the partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// The error, if any.
    pub error: Option<KafkaErrorName>,
    /// The end of what consumers may read.
    pub high_watermark: i64,
    /// The record bytes as they came.
    pub bytes: Bytes,
}

impl Fetched {
    /// The whole batches.
    pub fn batches(&self) -> Vec<Batch> {
        Batch::split(&self.bytes)
    }
}

/// How a request names its topic, and thereby the version that is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// Produce 12, Fetch 12: by name.
    Name,
    /// Produce 13, Fetch 17: by topic id.
    Id,
    /// This version of the API, whichever way it names topics.
    Version(i16),
}

impl By {
    fn version(self, by_id: i16) -> i16 {
        match self {
            Self::Name => 12,
            Self::Id => by_id,
            Self::Version(version) => version,
        }
    }
}

impl RawConnection {
    /// The cluster's brokers and these topics, never creating one.
    pub async fn metadata(&mut self, topics: &[&str]) -> io::Result<MetadataResponse> {
        let topics =
            topics.iter().map(|topic| MetadataRequestTopic::default().with_name(Some(name(topic)))).collect();
        let request =
            MetadataRequest::default().with_topics(Some(topics)).with_allow_auto_topic_creation(false);
        self.call(&request, 12).await
    }

    /// Where a partition of an existing topic is.
    pub async fn locate(&mut self, topic: &str, partition: i32) -> io::Result<Location> {
        let answer = self.metadata(&[topic]).await?;
        let found = answer.topics.first().ok_or_else(|| io::Error::other("no topic in the answer"))?;
        if let Some(error) = KafkaErrorName::from_code(found.error_code) {
            return Err(io::Error::other(format!("{topic}: {error}")));
        }
        let leader = found
            .partitions
            .iter()
            .find(|found| found.partition_index == partition)
            .map(|found| found.leader_id);
        let leader = answer.brokers.iter().find(|broker| Some(broker.node_id) == leader);
        let leader = leader.ok_or_else(|| io::Error::other(format!("{topic}-{partition} has no leader")))?;
        Ok(Location {
            topic: topic.to_owned(),
            topic_id: found.topic_id,
            partition,
            leader: format!("{}:{}", leader.host.as_str(), leader.port),
        })
    }

    /// A connection in clear to the leader of the partition, and where that is.
    pub async fn to_leader(bootstrap: &str, topic: &str, partition: i32) -> io::Result<(Self, Location)> {
        let location = Self::connect(bootstrap).await?.locate(topic, partition).await?;
        Ok((Self::connect(&location.leader).await?, location))
    }

    /// A Produce request with these record bytes.
    pub fn produce_request(at: &Location, version: i16, acks: i16, records: Bytes) -> ProduceRequest {
        let partition = PartitionProduceData::default().with_index(at.partition).with_records(Some(records));
        let topic = TopicProduceData::default().with_partition_data(vec![partition]);
        let topic =
            if version >= 13 { topic.with_topic_id(at.topic_id) } else { topic.with_name(name(&at.topic)) };
        ProduceRequest::default().with_acks(acks).with_timeout_ms(10_000).with_topic_data(vec![topic])
    }

    /// Sends record bytes (acks = all) and waits for the answer.
    pub async fn produce(
        &mut self,
        at: &Location,
        by: By,
        records: impl Into<Bytes>,
    ) -> io::Result<Appended> {
        let version = by.version(13);
        let request = Self::produce_request(at, version, -1, records.into());
        let answer = self.call(&request, version).await?;
        let mut partitions = answer.responses.into_iter().flat_map(|topic| topic.partition_responses);
        let partition = partitions.next().ok_or_else(|| io::Error::other("no partition in the answer"))?;
        Ok(Appended {
            error: KafkaErrorName::from_code(partition.error_code),
            base_offset: partition.base_offset,
            message: partition.error_message.map(|message| message.to_string()),
        })
    }

    /// A Fetch request outside any session.
    pub fn fetch_request(at: &Location, version: i16, offset: i64, max_wait_ms: i32) -> FetchRequest {
        let partition = FetchPartition::default()
            .with_partition(at.partition)
            .with_current_leader_epoch(-1)
            .with_fetch_offset(offset)
            .with_log_start_offset(-1)
            .with_partition_max_bytes(64 << 20);
        let topic = FetchTopic::default().with_partitions(vec![partition]);
        let topic =
            if version >= 13 { topic.with_topic_id(at.topic_id) } else { topic.with_topic(name(&at.topic)) };
        FetchRequest::default()
            .with_replica_id(BrokerId(-1))
            .with_max_wait_ms(max_wait_ms)
            .with_min_bytes(1)
            .with_max_bytes(64 << 20)
            .with_session_id(0)
            .with_session_epoch(-1)
            .with_topics(vec![topic])
    }

    /// Fetches record bytes from this offset on.
    pub async fn fetch(&mut self, at: &Location, by: By, offset: i64) -> io::Result<Fetched> {
        let version = by.version(17);
        let answer = self.call(&Self::fetch_request(at, version, offset, 500), version).await?;
        if let Some(error) = KafkaErrorName::from_code(answer.error_code) {
            return Ok(Fetched { error: Some(error), high_watermark: -1, bytes: Bytes::new() });
        }
        let mut partitions = answer.responses.into_iter().flat_map(|topic| topic.partitions);
        let partition = partitions.next().ok_or_else(|| io::Error::other("no partition in the answer"))?;
        Ok(Fetched {
            error: KafkaErrorName::from_code(partition.error_code),
            high_watermark: partition.high_watermark,
            bytes: partition.records.unwrap_or_default(),
        })
    }

    /// Fetches all batches from the start of the partition to its high watermark; an error of the partition is an error here.
    pub async fn fetch_all(&mut self, at: &Location, by: By) -> io::Result<Vec<Batch>> {
        let mut all: Vec<Batch> = Vec::new();
        let mut offset = self.list_offset(at, -2).await?;
        loop {
            let fetched = self.fetch(at, by, offset).await?;
            if let Some(error) = fetched.error {
                return Err(io::Error::other(format!(
                    "fetch of {}-{} at {offset}: {error}",
                    at.topic, at.partition
                )));
            }
            let batches = fetched.batches();
            if let Some(last) = batches.last() {
                offset = last.next_offset();
            }
            let progress = !batches.is_empty();
            all.extend(batches);
            if offset >= fetched.high_watermark || !progress {
                return Ok(all);
            }
        }
    }

    /// The offset for a timestamp; -1 asks for the latest, -2 for the earliest.
    pub async fn list_offset(&mut self, at: &Location, timestamp: i64) -> io::Result<i64> {
        let partition =
            ListOffsetsPartition::default().with_partition_index(at.partition).with_timestamp(timestamp);
        let topic = ListOffsetsTopic::default().with_name(name(&at.topic));
        let request = ListOffsetsRequest::default()
            .with_replica_id(BrokerId(-1))
            .with_topics(vec![topic.with_partitions(vec![partition.with_current_leader_epoch(-1)])]);
        let answer = self.call(&request, 7).await?;
        let mut partitions = answer.topics.into_iter().flat_map(|topic| topic.partitions);
        let partition = partitions.next().ok_or_else(|| io::Error::other("no partition in the answer"))?;
        match KafkaErrorName::from_code(partition.error_code) {
            None => Ok(partition.offset),
            Some(error) => Err(io::Error::other(error.to_string())),
        }
    }
}
