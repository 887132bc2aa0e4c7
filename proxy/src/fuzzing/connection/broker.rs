//! The broker's side: an honest broker for topics of two partitions, and what a plan makes of its answers.

use super::client::{encoded, next_frame};
use super::promises::AtBroker;
use super::script::{Plan, change, framed};
use super::share;
use crate::wire::{self, Direction, RequestHead, request_header};
use bytes::Bytes;
use kafka_protocol::messages::api_versions_response::ApiVersion;
use kafka_protocol::messages::describe_configs_response::{
    DescribeConfigsResourceResult, DescribeConfigsResult,
};
use kafka_protocol::messages::fetch_response::{FetchableTopicResponse, PartitionData};
use kafka_protocol::messages::list_offsets_response::{
    ListOffsetsPartitionResponse, ListOffsetsTopicResponse,
};
use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::produce_response::{PartitionProduceResponse, TopicProduceResponse};
use kafka_protocol::messages::*;
use kafka_protocol::protocol::{Decodable, StrBytes};
use proxy_records::BatchHeader;
use std::collections::{HashMap, VecDeque};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use uuid::Uuid;

/// With the byte that its id is made of.
pub(super) const TOPICS: [(&str, u8); 4] =
    [("enc.a", 1), ("enc.b", 2), ("clear.c", 3), ("__consumer_offsets", 4)];

pub(super) const MECHANISMS: [&str; 4] = ["PLAIN", "SCRAM-SHA-512", "OAUTHBEARER", "GSSAPI"];

/// The only fetch session.
pub(super) const SESSION: i32 = 5;

/// Requests of the proxy's own have numbers below.
const INJECTED: i32 = i32::MIN + 10_000;

const SILENCE: Duration = Duration::from_mins(30);

pub(super) struct Broker {
    plans: VecDeque<Plan>,
    promises: AtBroker,
    logs: HashMap<(String, i32), Vec<Vec<u8>>>,
    /// An answer that waits for the next one.
    behind: Option<Vec<u8>>,
    /// Tokens of SASL that come next, in place of requests.
    tokens: u32,
    /// They end only where a request comes.
    open_ended: bool,
    tampering: Vec<(u16, u8)>,
    error: i16,
    records: Option<Vec<u8>>,
}

impl Broker {
    pub(super) fn new(plans: VecDeque<Plan>, promises: AtBroker) -> Self {
        let (logs, tampering) = Default::default();
        Self {
            plans,
            promises,
            logs,
            behind: None,
            tokens: 0,
            open_ended: false,
            tampering,
            error: 0,
            records: None,
        }
    }

    /// Answers until the proxy ends, or a plan says otherwise. Gives how many sealed batches came.
    pub(super) async fn run(mut self, mut io: impl AsyncRead + AsyncWrite + Unpin) -> u32 {
        while let Some(request) = next_frame(&mut io).await {
            if self.is_token(&request) {
                let _ = io.write_all(&framed(b"")).await;
                continue;
            }
            let Ok(head) = request_header(&request) else {
                assert!(!self.promises.is_honest(), "a request has a head");
                break;
            };
            let body = request.get(head.body.unwrap_or(request.len())..).unwrap_or_default();
            self.promises.receives(&head, body);
            let plan = self.plans.pop_front().unwrap_or(Plan::Honest);
            if !self.carry_out(plan, &head, body, &mut io).await {
                break;
            }
        }
        self.promises.sealed
    }

    fn is_token(&mut self, message: &[u8]) -> bool {
        self.open_ended &= message.first() != Some(&0);
        let is_token = self.tokens > 0 || self.open_ended;
        self.tokens = self.tokens.saturating_sub(1);
        is_token
    }

    /// Whether it goes on.
    async fn carry_out(
        &mut self,
        plan: Plan,
        head: &RequestHead,
        body: &[u8],
        io: &mut (impl AsyncWrite + Unpin),
    ) -> bool {
        let matters = [ApiKey::Metadata as i16, ApiKey::SaslHandshake as i16].contains(&head.api_key);
        if matters
            && matches!(plan, Plan::Changed(_) | Plan::Other(_) | Plan::Raw(_) | Plan::Twice | Plan::Swapped)
        {
            self.promises.lies();
        }
        (self.error, self.records) = (0, None);
        self.tampering.clear();
        match &plan {
            Plan::Tampered(changes) => self.tampering.clone_from(changes),
            Plan::Records(records) => self.records = Some(records.clone()),
            Plan::Refused(code) => self.error = *code,
            Plan::Late(time) => tokio::time::sleep(*time).await,
            Plan::Silent => {
                tokio::time::sleep(SILENCE).await;
                return false;
            }
            Plan::Close => return false,
            _ => {}
        }
        let Some(mut answer) = self.answer(head, body) else { return true };
        match plan {
            Plan::Changed(changes) => change(&mut answer, &changes),
            Plan::Other(seed) => {
                let other = wire::fuzzing::body(head.api_key, head.version, Direction::Response, seed);
                answer = other.map_or(answer, |other| with_header(head, &other));
            }
            Plan::Correlation(difference) => {
                let other = head.correlation_id.wrapping_add(difference);
                answer.splice(..4, other.to_be_bytes());
            }
            Plan::Raw(bytes) => answer = bytes,
            Plan::Swapped if self.behind.is_none() => {
                self.behind = Some(answer);
                return true;
            }
            Plan::Twice => {
                let _ = io.write_all(&framed(&answer)).await;
            }
            _ => {}
        }
        let mut sent = framed(&answer);
        if let Some(behind) = self.behind.take() {
            sent.extend(framed(&behind));
        }
        io.write_all(&sent).await.is_ok()
    }

    /// The honest answer, as a whole message; none where none is wanted.
    fn answer(&mut self, head: &RequestHead, body: &[u8]) -> Option<Vec<u8>> {
        let key = ApiKey::try_from(head.api_key).ok();
        // Versions that the codec does not know any more begin with it.
        let old_acks = body.first_chunk().map_or(0, |acks| i16::from_be_bytes(*acks));
        let mut body = Bytes::copy_from_slice(body);
        // The codec takes memory for what a message claims to have.
        let is_safe = wire::check(head.api_key, head.version, Direction::Request, &body).is_ok()
            || head.correlation_id < INJECTED;
        let own = match key.filter(|_| is_safe || head.api_key == ApiKey::Produce as i16) {
            Some(ApiKey::Produce) => {
                let request = ProduceRequest::decode(&mut body, head.version).ok();
                let acks = request.as_ref().map_or(old_acks, |request| request.acks);
                let answer = request.map(|request| self.produce(&request, head.version));
                if acks == 0 {
                    return None;
                }
                answer.and_then(|answer| encoded(&answer, head.version))
            }
            Some(ApiKey::Fetch) => FetchRequest::decode(&mut body, head.version)
                .ok()
                .and_then(|request| encoded(&self.fetch(&request, head.version), head.version)),
            Some(ApiKey::ShareFetch) => {
                let stored = |topic: &str, partition| self.stored(topic, partition);
                share::fetched(head.version, &body, self.error, stored)
            }
            Some(ApiKey::ShareAcknowledge) => share::acknowledged(head.version, self.error),
            Some(ApiKey::Metadata) => MetadataRequest::decode(&mut body, head.version)
                .ok()
                .and_then(|request| encoded(&metadata(&request), head.version)),
            Some(ApiKey::ApiVersions) => encoded(&versions(), head.version),
            Some(ApiKey::DescribeConfigs) => DescribeConfigsRequest::decode(&mut body, head.version)
                .ok()
                .and_then(|request| encoded(&configs(&request), head.version)),
            Some(ApiKey::ListOffsets) => ListOffsetsRequest::decode(&mut body, head.version)
                .ok()
                .and_then(|request| encoded(&offsets(&request), head.version)),
            Some(ApiKey::SaslHandshake) => {
                if head.version == 0 {
                    let request = SaslHandshakeRequest::decode(&mut body, 0).ok();
                    let mechanism = request.as_ref().map(|request| &*request.mechanism);
                    self.tokens = match mechanism {
                        Some("PLAIN" | "OAUTHBEARER") => 1,
                        Some("SCRAM-SHA-512" | "SCRAM-SHA-256") => 2,
                        _ => 0,
                    };
                    self.open_ended = mechanism == Some("GSSAPI");
                }
                encoded(&SaslHandshakeResponse::default(), head.version)
            }
            _ => None,
        };
        let body = own
            .or_else(|| wire::fuzzing::body(head.api_key, head.version, Direction::Response, 7))
            .unwrap_or_else(|| vec![0; 8]);
        Some(with_header(head, &body))
    }

    fn produce(&mut self, request: &ProduceRequest, version: i16) -> ProduceResponse {
        let topics = request.topic_data.iter().map(|topic| {
            let name = name_of(&topic.name, topic.topic_id, version >= 13);
            let partitions = topic.partition_data.iter().map(|partition| {
                if self.error == 0 {
                    let log = self.logs.entry((name.clone(), partition.index)).or_default();
                    log.extend(partition.records.as_deref().map(<[u8]>::to_vec));
                }
                PartitionProduceResponse::default().with_index(partition.index).with_error_code(self.error)
            });
            let partitions = partitions.collect();
            TopicProduceResponse::default()
                .with_name(topic.name.clone())
                .with_topic_id(topic.topic_id)
                .with_partition_responses(partitions)
        });
        ProduceResponse::default().with_responses(topics.collect())
    }

    /// A session has all topics, whether a request names them or not.
    fn fetch(&self, request: &FetchRequest, version: i16) -> FetchResponse {
        let partition = |name: &str, index| {
            PartitionData::default()
                .with_partition_index(index)
                .with_error_code(self.error)
                .with_high_watermark(1000)
                .with_records(Some(self.stored(name, index)))
        };
        let asked = request.topics.iter().map(|topic| {
            let name = name_of(&topic.topic, topic.topic_id, version >= 13);
            let partitions = topic.partitions.iter().map(|asked| partition(&name, asked.partition));
            FetchableTopicResponse::default()
                .with_topic(topic.topic.clone())
                .with_topic_id(topic.topic_id)
                .with_partitions(partitions.collect())
        });
        if request.session_epoch <= 0 {
            let session = if request.session_epoch == 0 { SESSION } else { 0 };
            return FetchResponse::default().with_session_id(session).with_responses(asked.collect());
        }
        let all = TOPICS.iter().map(|(name, byte)| {
            FetchableTopicResponse::default()
                .with_topic(TopicName(StrBytes::from_static_str(name)))
                .with_topic_id(Uuid::from_bytes([*byte; 16]))
                .with_partitions((0..4).map(|index| partition(name, index)).collect())
        });
        FetchResponse::default().with_session_id(SESSION).with_responses(all.collect())
    }

    /// All records of a partition, with offsets.
    fn stored(&self, topic: &str, partition: i32) -> Bytes {
        if let Some(records) = &self.records {
            return records.clone().into();
        }
        let log = self.logs.get(&(topic.to_owned(), partition)).map_or(&[][..], Vec::as_slice);
        let (mut all, mut next) = (Vec::new(), 0_i64);
        for batch in log {
            let mut batch = batch.clone();
            if let Ok(header) = BatchHeader::parse(&batch) {
                batch.splice(..8, next.to_be_bytes());
                next += i64::from(header.last_offset_delta.max(0)) + 1;
            }
            if !self.tampering.is_empty() {
                change(&mut batch, &self.tampering);
                mend(&mut batch);
            }
            all.extend(batch);
        }
        all.into()
    }
}

/// Puts the length and the checksum right.
fn mend(batch: &mut [u8]) {
    if let Ok(mut header) = BatchHeader::parse(batch)
        && let Some((slot, section)) = batch.split_first_chunk_mut()
    {
        *slot = header.complete(&[section]);
    }
}

fn name_of(name: &TopicName, id: Uuid, by_id: bool) -> String {
    if !by_id {
        return name.to_string();
    }
    let known = TOPICS.iter().find(|(_, byte)| *id.as_bytes() == [*byte; 16]);
    known.map_or_else(String::new, |(name, _)| (*name).to_owned())
}

fn with_header(head: &RequestHead, body: &[u8]) -> Vec<u8> {
    let mut message = head.correlation_id.to_be_bytes().to_vec();
    if ApiKey::try_from(head.api_key).is_ok_and(|api| api.response_header_version(head.version) >= 1) {
        message.push(0);
    }
    message.extend_from_slice(body);
    message
}

fn versions() -> ApiVersionsResponse {
    let keys = (0..94).filter_map(|key| ApiKey::try_from(key).ok()).map(|key| {
        let versions = key.valid_versions();
        ApiVersion::default()
            .with_api_key(key as i16)
            .with_min_version(versions.min)
            .with_max_version(versions.max)
    });
    ApiVersionsResponse::default().with_api_keys(keys.collect())
}

fn metadata(request: &MetadataRequest) -> MetadataResponse {
    let asked = |name: &str, id: Uuid| {
        request.topics.as_ref().is_none_or(|topics| {
            topics.iter().any(|topic| {
                topic.topic_id == id || topic.name.as_ref().is_some_and(|asked| asked.as_str() == name)
            })
        })
    };
    let broker = MetadataResponseBroker::default()
        .with_node_id(BrokerId(1))
        .with_host(StrBytes::from_static_str("broker-1"))
        .with_port(9092);
    let topics = TOPICS.iter().map(|(name, byte)| (*name, Uuid::from_bytes([*byte; 16])));
    let topics = topics.filter(|(name, id)| asked(name, *id)).map(|(name, id)| {
        let partitions = (0..4).map(|index| {
            MetadataResponsePartition::default().with_partition_index(index).with_leader_id(BrokerId(1))
        });
        MetadataResponseTopic::default()
            .with_name(Some(TopicName(StrBytes::from_static_str(name))))
            .with_topic_id(id)
            .with_partitions(partitions.collect())
    });
    MetadataResponse::default().with_brokers(vec![broker]).with_topics(topics.collect())
}

/// The second topic is compacted.
fn configs(request: &DescribeConfigsRequest) -> DescribeConfigsResponse {
    let results = request.resources.iter().map(|resource| {
        let policy = if resource.resource_name.as_str() == "enc.b" { "compact" } else { "delete" };
        let config = |name: &'static str, value: &'static str| {
            DescribeConfigsResourceResult::default()
                .with_name(StrBytes::from_static_str(name))
                .with_value(Some(StrBytes::from_static_str(value)))
        };
        DescribeConfigsResult::default()
            .with_resource_type(resource.resource_type)
            .with_resource_name(resource.resource_name.clone())
            .with_configs(vec![config("cleanup.policy", policy), config("max.message.bytes", "1048588")])
    });
    DescribeConfigsResponse::default().with_results(results.collect())
}

fn offsets(request: &ListOffsetsRequest) -> ListOffsetsResponse {
    let topics = request.topics.iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|partition| {
            ListOffsetsPartitionResponse::default()
                .with_partition_index(partition.partition_index)
                .with_offset(2)
        });
        ListOffsetsTopicResponse::default()
            .with_name(topic.name.clone())
            .with_partitions(partitions.collect())
    });
    ListOffsetsResponse::default().with_topics(topics.collect())
}
