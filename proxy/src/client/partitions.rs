//! Which topics there are, and the batches of their partitions.

use super::error::ErrorCode;
use super::leaders::wait;
use super::{ClientError, Cluster, Place};
use crate::brokers::Address;
use bytes::Bytes;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{BrokerId, FetchRequest, MetadataRequest, MetadataResponse, TopicName};
use kafka_protocol::protocol::StrBytes;
use std::sync::Arc;
use std::time::Duration;

/// From the first that never creates topics to the last before topics have ids for names.
const METADATA: std::ops::RangeInclusive<i16> = 4..=11;
/// From the first with magic 2 to the last that names topics.
const FETCH: std::ops::RangeInclusive<i16> = 4..=12;
/// A broker that has nothing answers after this.
const MAX_WAIT_MS: i32 = 500;
const TRIES: u32 = 8;

/// A topic and its partitions.
#[derive(Debug, Clone)]
pub(crate) struct Topic {
    pub(crate) name: Arc<str>,
    /// Of this topic and no later one of the same name; zeros where the broker is too old to tell.
    pub(crate) id: String,
    /// In order.
    pub(crate) partitions: Vec<i32>,
}

/// Which records are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Isolation {
    /// All that are replicated.
    Uncommitted,
    /// Up to the first open transaction, with a list of those that were aborted.
    Committed,
}

impl Isolation {
    pub(super) fn level(self) -> i8 {
        match self {
            Self::Uncommitted => 0,
            Self::Committed => 1,
        }
    }
}

/// A transaction whose records do not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Aborted {
    pub(crate) producer_id: i64,
    pub(crate) first_offset: i64,
}

/// What was read from a partition.
#[derive(Debug)]
pub(crate) struct Fetched {
    /// Whole batches and perhaps a part of another.
    pub(crate) records: Bytes,
    /// In the order of the broker; only with [`Isolation::Committed`].
    pub(crate) aborted: Vec<Aborted>,
}

impl Cluster {
    /// These topics, or all that the broker shows to whom it takes this program for. Topics are never created.
    pub(crate) async fn topics(&mut self, names: Option<&[String]>) -> Result<Vec<Topic>, ClientError> {
        let topic = |name: &String| {
            MetadataRequestTopic::default().with_name(Some(TopicName(StrBytes::from_string(name.clone()))))
        };
        let request = MetadataRequest::default()
            .with_topics(names.map(|names| names.iter().map(topic).collect()))
            .with_allow_auto_topic_creation(false);
        let mut pause = Duration::from_millis(100);
        let mut left = TRIES;
        loop {
            let answer = match self.any().await {
                Ok(connection) => connection.call(&request, METADATA).await,
                Err(error) => Err(error),
            };
            if answer.is_err() {
                self.any = None;
            }
            left = left.saturating_sub(1);
            match answer.and_then(|answer| self.learn(answer)) {
                Err(error) if error.is_transient() && left > 0 => wait(&mut pause).await,
                decided => return decided,
            }
        }
    }

    fn learn(&mut self, answer: MetadataResponse) -> Result<Vec<Topic>, ClientError> {
        self.id = answer.cluster_id.map(|id| id.to_string());
        for broker in answer.brokers {
            if let Ok(port) = u16::try_from(broker.port) {
                self.brokers.insert(broker.node_id.0, Address { host: broker.host.to_string(), port });
            }
        }
        let mut topics = Vec::with_capacity(answer.topics.len());
        for topic in answer.topics {
            let name: Arc<str> = topic.name.map(|name| name.to_string()).unwrap_or_default().into();
            // Names come to terminals.
            if proxy_config::TopicName::new(&*name).is_err() {
                return Err(ClientError::TopicName(name.to_string()));
            }
            match ErrorCode::check(topic.error_code) {
                Ok(()) => {}
                Err(ErrorCode(3)) => return Err(ClientError::NoTopic(name.to_string())),
                Err(code) => return Err(ClientError::Topic(name.to_string(), code)),
            }
            let mut partitions = Vec::with_capacity(topic.partitions.len());
            for partition in topic.partitions {
                let place = Place { topic: Arc::clone(&name), partition: partition.partition_index };
                partitions.push(place.partition);
                // Without a leader it is −1, and asked for again.
                if partition.leader_id.0 >= 0 {
                    self.leaders.insert(place, partition.leader_id.0);
                } else {
                    self.leaders.remove(&place);
                }
            }
            partitions.sort_unstable();
            topics.push(Topic { name, id: topic.topic_id.to_string(), partitions });
        }
        topics.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(topics)
    }

    /// Batches from the one on that holds the offset. The first comes whole, whatever the limit.
    pub(crate) async fn fetch(
        &mut self,
        place: &Place,
        offset: i64,
        isolation: Isolation,
        max_bytes: i32,
    ) -> Result<Fetched, ClientError> {
        let partition = FetchPartition::default()
            .with_partition(place.partition)
            .with_current_leader_epoch(-1)
            .with_fetch_offset(offset)
            .with_log_start_offset(-1)
            .with_partition_max_bytes(max_bytes);
        let topic = FetchTopic::default()
            .with_topic(TopicName(StrBytes::from_string(place.topic.to_string())))
            .with_partitions(vec![partition]);
        let request = FetchRequest::default()
            .with_replica_id(BrokerId(-1))
            .with_max_wait_ms(MAX_WAIT_MS)
            .with_min_bytes(1)
            .with_max_bytes(max_bytes)
            .with_isolation_level(isolation.level())
            .with_session_id(0)
            .with_session_epoch(-1)
            .with_topics(vec![topic]);
        self.at_leader(place, &request, FETCH, |answer| {
            let failed = |code| ClientError::Partition(place.clone(), code);
            ErrorCode::check(answer.error_code).map_err(failed)?;
            let mut partitions = answer.responses.into_iter().flat_map(|topic| topic.partitions);
            let partition = partitions
                .find(|partition| partition.partition_index == place.partition)
                .ok_or_else(|| ClientError::Missing(place.clone()))?;
            ErrorCode::check(partition.error_code).map_err(failed)?;
            let aborted = partition.aborted_transactions.unwrap_or_default().into_iter();
            let aborted = aborted.map(|aborted| Aborted {
                producer_id: aborted.producer_id.0,
                first_offset: aborted.first_offset,
            });
            Ok(Fetched { records: partition.records.unwrap_or_default(), aborted: aborted.collect() })
        })
        .await
    }
}
