//! Share groups, both directions: ShareFetch and `ShareAcknowledge`. The codec knows version 1, and what version 2 adds is put
//! in by hand.

use super::broker::TOPICS;
use super::client::encoded;
use crate::wire::{ShareFetchRequestView, TopicRef, share_fetch_request};
use bytes::Bytes;
use kafka_protocol::messages::share_acknowledge_request::{AcknowledgePartition, AcknowledgeTopic};
use kafka_protocol::messages::share_acknowledge_response::ShareAcknowledgeTopicResponse;
use kafka_protocol::messages::share_fetch_request::{FetchPartition, FetchTopic, ForgottenTopic};
use kafka_protocol::messages::share_fetch_response::{
    AcquiredRecords, PartitionData, ShareFetchableTopicResponse,
};
use kafka_protocol::messages::*;
use kafka_protocol::protocol::{Encodable, StrBytes};
use uuid::Uuid;

/// Version 1 to decode and encode.
const KNOWN: i16 = 1;
const LOCK_MS: i32 = 30_000;

/// What a client asks for, as the input chooses it.
pub(super) struct Asked {
    pub(super) version: i16,
    pub(super) topic: Uuid,
    pub(super) partition: i32,
    /// Epoch in the lower bits, then what the request has.
    pub(super) how: u8,
    /// What version 2 adds, and bounds.
    pub(super) who: u8,
}

impl Asked {
    fn epoch(&self) -> i32 {
        [0, 1, -1, 7][usize::from(self.how & 3)]
    }

    fn has(&self, bit: u8) -> bool {
        self.how & bit != 0
    }

    pub(super) fn fetch(&self) -> Option<Vec<u8>> {
        let partition = || {
            let acknowledged = share_fetch_request::AcknowledgementBatch::default()
                .with_last_offset(self.who.into())
                .with_acknowledge_types(vec![1]);
            FetchPartition::default()
                .with_partition_index(self.partition)
                .with_acknowledgement_batches(if self.has(4) { vec![acknowledged] } else { Vec::new() })
        };
        let topic = |id| FetchTopic::default().with_topic_id(id).with_partitions(vec![partition()]);
        let all = TOPICS.iter().map(|(_, byte)| Uuid::from_bytes([*byte; 16]));
        let topics = match self.how >> 5 & 3 {
            0 | 1 => vec![topic(self.topic)],
            2 => all.map(topic).collect(),
            // Nothing changes in the session.
            _ => Vec::new(),
        };
        let forgotten = ForgottenTopic::default().with_topic_id(self.topic).with_partitions(vec![0]);
        let request = ShareFetchRequest::default()
            .with_group_id(Some(GroupId(StrBytes::from_static_str("g"))))
            .with_member_id(Some(StrBytes::from_static_str("m")))
            .with_share_session_epoch(self.epoch())
            .with_max_wait_ms(500)
            .with_max_bytes(if self.who & 4 == 0 { 1 << 20 } else { i32::MAX })
            .with_max_records(500)
            .with_batch_size(500)
            .with_topics(topics)
            .with_forgotten_topics_data(if self.has(8) { vec![forgotten] } else { Vec::new() });
        // Behind two short texts and six numbers: how records are acquired, and whether this keeps those that were.
        self.body(&request, 2 + 2 + 6 * 4, &[self.who >> 1 & 1, self.who & 1])
    }

    pub(super) fn acknowledge(&self) -> Option<Vec<u8>> {
        let acknowledged = share_acknowledge_request::AcknowledgementBatch::default()
            .with_last_offset(self.who.into())
            .with_acknowledge_types(vec![1]);
        let partition = AcknowledgePartition::default()
            .with_partition_index(self.partition)
            .with_acknowledgement_batches(vec![acknowledged]);
        let topic = AcknowledgeTopic::default().with_topic_id(self.topic).with_partitions(vec![partition]);
        let request = ShareAcknowledgeRequest::default()
            .with_group_id(Some(GroupId(StrBytes::from_static_str("g"))))
            .with_member_id(Some(StrBytes::from_static_str("m")))
            .with_share_session_epoch(self.epoch())
            .with_topics(vec![topic]);
        // Behind two short texts and a number: whether records are kept for longer.
        self.body(&request, 2 + 2 + 4, &[self.who & 1])
    }

    /// None where the schema is to make it, or knows no such version.
    fn body(&self, request: &impl Encodable, at: usize, added: &[u8]) -> Option<Vec<u8>> {
        if self.has(128) { None } else { versioned(self.version, request, at, added) }
    }
}

/// A message of version 1, or of version 2 with this at a place.
fn versioned(version: i16, message: &impl Encodable, at: usize, added: &[u8]) -> Option<Vec<u8>> {
    let mut body = encoded(message, if version == 2 { KNOWN } else { version })?;
    if version == 2 {
        body.splice(at..at, added.iter().copied());
    }
    Some(body)
}

/// A broker's answer for what is asked, or for the first topic of the session, with this error in each partition. Gives what
/// `stored` has.
pub(super) fn fetched(
    version: i16,
    body: &[u8],
    error: i16,
    stored: impl Fn(&str, i32) -> Bytes,
) -> Option<Vec<u8>> {
    let mut view = ShareFetchRequestView::default();
    share_fetch_request(version, body, &mut view).ok()?;
    let partition = |name: &str, index: i32| {
        let records = if view.is_renewal { Bytes::new() } else { stored(name, index) };
        let acquired = AcquiredRecords::default().with_last_offset(1000).with_delivery_count(1);
        PartitionData::default()
            .with_partition_index(index)
            .with_error_code(error)
            .with_acquired_records(if records.is_empty() { Vec::new() } else { vec![acquired] })
            .with_records(Some(records))
    };
    let topic = |(name, byte): (&str, u8), partitions: &[i32]| {
        ShareFetchableTopicResponse::default()
            .with_topic_id(Uuid::from_bytes([byte; 16]))
            .with_partitions(partitions.iter().map(|index| partition(name, *index)).collect())
    };
    let mut topics: Vec<_> = view
        .topics
        .iter()
        .zip(TOPICS.iter().cycle())
        .map(|((asked, partitions), other)| {
            let id = asked.key.of(body);
            let ours = TOPICS.iter().find(|(_, byte)| id == TopicRef::Id([*byte; 16]));
            let indexes: Vec<_> = partitions.iter().map(|partition| partition.index).collect();
            // A schema's request names no topic of ours.
            ours.map_or_else(|| topic(*other, &[0]), |ours| topic(*ours, &indexes))
        })
        .collect();
    if topics.is_empty() {
        topics.push(topic(TOPICS[0], &[0]));
    }
    let endpoint = share_fetch_response::NodeEndpoint::default()
        .with_node_id(BrokerId(1))
        .with_host(StrBytes::from_static_str("broker-1"))
        .with_port(9092);
    let answer = ShareFetchResponse::default()
        .with_acquisition_lock_timeout_ms(LOCK_MS)
        .with_responses(topics)
        .with_node_endpoints(vec![endpoint]);
    versioned(version, &answer, 0, &[])
}

/// A broker's answer to acknowledgements, with this error in each partition.
pub(super) fn acknowledged(version: i16, error: i16) -> Option<Vec<u8>> {
    let partition = share_acknowledge_response::PartitionData::default().with_error_code(error);
    let topics = TOPICS.iter().map(|(_, byte)| {
        ShareAcknowledgeTopicResponse::default()
            .with_topic_id(Uuid::from_bytes([*byte; 16]))
            .with_partitions(vec![partition.clone()])
    });
    let endpoint = share_acknowledge_response::NodeEndpoint::default()
        .with_node_id(BrokerId(1))
        .with_host(StrBytes::from_static_str("broker-1"))
        .with_port(9092);
    let answer = ShareAcknowledgeResponse::default()
        .with_responses(topics.collect())
        .with_node_endpoints(vec![endpoint]);
    // Behind two numbers and no text: how long records are kept.
    versioned(version, &answer, 4 + 2 + 1, &LOCK_MS.to_be_bytes())
}
