//! Look-ups that the proxy makes on the client's own connection, thus with the client's rights: the names behind topic
//! ids, and the configuration that chooses a format.

use crate::connection::Close;
use crate::connection::requests::Requests;
use crate::topics::{Facts, TopicId};
use crate::wire::{self, Direction};
use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::describe_configs_response::DescribeConfigsResult;
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{
    ApiKey, BrokerId, DescribeConfigsRequest, DescribeConfigsResponse, ListOffsetsRequest,
    ListOffsetsResponse, MetadataRequest, MetadataResponse, TopicName,
};
use kafka_protocol::protocol::{Decodable, Encodable, StrBytes};
use std::collections::HashMap;
use std::sync::Arc;
use uuid::Uuid;

/// The first version that takes topic ids (KIP-516).
const METADATA_VERSION: i16 = 12;
/// Not flexible, so every broker since 1.1 and every codec knows it.
const CONFIGS_VERSION: i16 = 1;
/// Not flexible. A new leader that does not know the end yet says so from this version on (KIP-207).
const OFFSETS_VERSION: i16 = 5;
/// `ListOffsetsRequest.LATEST_TIMESTAMP`: the high watermark, for a consumer that reads uncommitted records.
const LATEST: i64 = -1;
/// `ConfigResource.Type.TOPIC`.
const RESOURCE_TOPIC: i8 = 2;
const CLIENT_ID: &[u8] = b"topic-encryption-proxy";

const CLEANUP_POLICY: &str = "cleanup.policy";
const MAX_MESSAGE_BYTES: &str = "max.message.bytes";

/// Learns the names of these ids, as far as the broker tells them.
pub(crate) async fn names(requests: &mut Requests, ids: &[TopicId]) -> Result<(), Close> {
    let topics = ids
        .iter()
        .map(|id| MetadataRequestTopic::default().with_topic_id(Uuid::from_bytes(*id)).with_name(None));
    metadata(requests, topics.collect()).await?;
    requests.session.shared.topics.note_asked(ids);
    Ok(())
}

/// Learns the ids of these topics, without creating any.
pub(crate) async fn ids(requests: &mut Requests, topics: &[Arc<str>]) -> Result<(), Close> {
    let topics = topics.iter().map(|name| {
        MetadataRequestTopic::default().with_name(Some(TopicName(StrBytes::from_string(name.to_string()))))
    });
    metadata(requests, topics.collect()).await
}

async fn metadata(requests: &mut Requests, topics: Vec<MetadataRequestTopic>) -> Result<(), Close> {
    let request = MetadataRequest::default().with_topics(Some(topics)).with_allow_auto_topic_creation(false);
    let body = encode(&request, METADATA_VERSION, true).ok_or(Close::Codec("Metadata"))?;
    let Some(frame) = requests.inject(ApiKey::Metadata, METADATA_VERSION, &body).await? else {
        return Ok(());
    };
    super::addresses::learn(&requests.session.shared, &frame.bytes, METADATA_VERSION)
}

/// What a broker says of a topic.
pub(crate) struct Partitions {
    pub(crate) topic: Arc<str>,
    pub(crate) id: TopicId,
    /// How many it has.
    pub(crate) count: usize,
}

/// Learns the ids and the partitions of these topics, as far as the broker tells them.
pub(crate) async fn partitions(
    requests: &mut Requests,
    topics: &[Arc<str>],
) -> Result<Vec<Partitions>, Close> {
    let asked = topics.iter().map(|name| {
        MetadataRequestTopic::default().with_name(Some(TopicName(StrBytes::from_string(name.to_string()))))
    });
    let request =
        MetadataRequest::default().with_topics(Some(asked.collect())).with_allow_auto_topic_creation(false);
    let body = encode(&request, METADATA_VERSION, true).ok_or(Close::Codec("Metadata"))?;
    let Some(frame) = requests.inject(ApiKey::Metadata, METADATA_VERSION, &body).await? else {
        return Ok(Vec::new());
    };
    super::addresses::learn(&requests.session.shared, &frame.bytes, METADATA_VERSION)?;
    let base = super::addresses::body_start(ApiKey::Metadata, METADATA_VERSION, &frame.bytes)?;
    let mut body = Bytes::copy_from_slice(frame.bytes.get(base..).unwrap_or_default());
    let response =
        MetadataResponse::decode(&mut body, METADATA_VERSION).map_err(|_| Close::Codec("Metadata"))?;
    let known = response.topics.into_iter().filter(|topic| topic.error_code == 0 && !topic.topic_id.is_nil());
    let known = known.filter_map(|topic| {
        let name = topic.name?;
        let topic_name = topics.iter().find(|asked| ***asked == *name.0.as_str())?;
        Some(Partitions {
            topic: Arc::clone(topic_name),
            id: topic.topic_id.into_bytes(),
            count: topic.partitions.len(),
        })
    });
    Ok(known.collect())
}

/// The present ends of these partitions, by topic, as far as the broker leads them and tells them.
pub(crate) async fn ends(
    requests: &mut Requests,
    topics: &[(&str, &[i32])],
) -> Result<HashMap<String, HashMap<i32, i64>>, Close> {
    let topics = topics.iter().map(|(name, partitions)| {
        let partition = |index: &i32| {
            ListOffsetsPartition::default()
                .with_partition_index(*index)
                .with_current_leader_epoch(-1)
                .with_timestamp(LATEST)
        };
        ListOffsetsTopic::default()
            .with_name(TopicName(StrBytes::from_string((*name).to_owned())))
            .with_partitions(partitions.iter().map(partition).collect())
    });
    let request = ListOffsetsRequest::default().with_replica_id(BrokerId(-1)).with_topics(topics.collect());
    let body = encode(&request, OFFSETS_VERSION, false).ok_or(Close::Codec("ListOffsets"))?;
    let Some(frame) = requests.inject(ApiKey::ListOffsets, OFFSETS_VERSION, &body).await? else {
        return Ok(HashMap::new());
    };
    let body = frame.bytes.get(4..).unwrap_or_default();
    wire::check(ApiKey::ListOffsets as i16, OFFSETS_VERSION, Direction::Response, body)
        .map_err(Close::Answer)?;
    let response = ListOffsetsResponse::decode(&mut Bytes::copy_from_slice(body), OFFSETS_VERSION)
        .map_err(|_| Close::Codec("ListOffsets"))?;
    let ends = response.topics.into_iter().map(|topic| {
        let told =
            topic.partitions.iter().filter(|partition| partition.error_code == 0 && partition.offset >= 0);
        (topic.name.to_string(), told.map(|told| (told.partition_index, told.offset)).collect())
    });
    Ok(ends.collect())
}

/// Learns what the broker tells of these topics' configuration; what it does not tell is unknown for a while.
pub(crate) async fn facts(requests: &mut Requests, topics: &[Arc<str>]) -> Result<(), Close> {
    let resources = topics.iter().map(|name| {
        DescribeConfigsResource::default()
            .with_resource_type(RESOURCE_TOPIC)
            .with_resource_name(StrBytes::from_string(name.to_string()))
            .with_configuration_keys(Some(vec![
                StrBytes::from_static_str(CLEANUP_POLICY),
                StrBytes::from_static_str(MAX_MESSAGE_BYTES),
            ]))
    });
    let request = DescribeConfigsRequest::default().with_resources(resources.collect());
    let body = encode(&request, CONFIGS_VERSION, false).ok_or(Close::Codec("DescribeConfigs"))?;
    let frame = requests.inject(ApiKey::DescribeConfigs, CONFIGS_VERSION, &body).await?;
    let known = &requests.session.shared.topics;
    let results = match frame {
        Some(frame) => configs(&frame.bytes)?,
        None => Vec::new(),
    };
    let told: HashMap<&str, &DescribeConfigsResult> = results
        .iter()
        .filter(|result| result.error_code == 0)
        .map(|result| (result.resource_name.as_str(), result))
        .collect();
    for topic in topics {
        match told.get(&**topic).map(|result| read(result)).filter(|facts| facts.compacted.is_some()) {
            Some(facts) => known.set_facts(topic, facts),
            None => known.keep_facts(topic),
        }
    }
    Ok(())
}

fn configs(message: &[u8]) -> Result<Vec<DescribeConfigsResult>, Close> {
    let body = message.get(4..).unwrap_or_default();
    wire::check(ApiKey::DescribeConfigs as i16, CONFIGS_VERSION, Direction::Response, body)
        .map_err(Close::Answer)?;
    let mut body = Bytes::copy_from_slice(body);
    DescribeConfigsResponse::decode(&mut body, CONFIGS_VERSION)
        .map(|response| response.results)
        .map_err(|_| Close::Codec("DescribeConfigs"))
}

fn read(result: &DescribeConfigsResult) -> Facts {
    let value = |name: &str| {
        result
            .configs
            .iter()
            .find(|config| config.name.as_str() == name)
            .and_then(|config| config.value.as_ref())
    };
    Facts {
        compacted: value(CLEANUP_POLICY).map(|policy| policy.split(',').any(|part| part.trim() == "compact")),
        max_message_bytes: value(MAX_MESSAGE_BYTES).and_then(|bytes| bytes.parse().ok()),
    }
}

/// The rest of a request header behind the correlation id, and the body.
pub(crate) fn encode<T: Encodable>(request: &T, version: i16, flexible: bool) -> Option<BytesMut> {
    let mut out = BytesMut::new();
    out.extend_from_slice(&u16::try_from(CLIENT_ID.len()).ok()?.to_be_bytes());
    out.extend_from_slice(CLIENT_ID);
    if flexible {
        out.extend_from_slice(&[0]);
    }
    request.encode(&mut out, version).ok()?;
    Some(out)
}
