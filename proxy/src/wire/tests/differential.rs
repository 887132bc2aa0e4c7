//! The tables and the walker against the crate, for every message and version.

use super::{Decoded, Generator, all, decode, encode, in_crate};
use crate::wire::schema::MESSAGES;
use crate::wire::{check, supports};
use kafka_protocol::messages::{ApiKey, RequestKind, ResponseKind};
use std::collections::BTreeSet;

#[test]
fn the_crate_reads_every_body_that_the_tables_make() {
    for (message, version) in all() {
        for seed in 0..200 {
            let body = Generator::new(seed).body(message, version);
            let context = format!("{} {:?} v{version} seed {seed}", message.api_key, message.direction);
            assert_eq!(check(message.api_key, version, message.direction, &body), Ok(()), "{context}");
            if !in_crate(message, version) {
                continue;
            }
            let (decoded, left) =
                decode(message, version, &body).unwrap_or_else(|e| panic!("{context}: {e}"));
            assert_eq!(left, 0, "{context}");
            assert_eq!(encode(&decoded, version), body, "{context}");
        }
    }
}

#[test]
fn tables_cover_all_versions_of_the_crate() {
    for message in MESSAGES {
        let range = ApiKey::try_from(message.api_key).unwrap().valid_versions();
        assert!(message.min <= range.min && range.max <= message.max, "{}", message.api_key);
        assert!(supports(message.api_key, range.max, message.direction));
        assert!(!supports(message.api_key, message.max + 1, message.direction));
        assert!(!supports(message.api_key, -1, message.direction));
    }
    let pairs: BTreeSet<_> = MESSAGES.iter().map(|m| (m.api_key, m.direction as u8)).collect();
    assert_eq!(pairs.len(), MESSAGES.len());
}

/// The other direction: what the crate makes by itself, with its defaults and with nulls.
#[test]
fn the_walker_reads_the_crates_defaults() {
    use kafka_protocol::messages::*;
    let requests = [
        RequestKind::Produce(ProduceRequest::default()),
        RequestKind::Fetch(FetchRequest::default()),
        RequestKind::Metadata(MetadataRequest::default()),
        RequestKind::Metadata(MetadataRequest::default().with_topics(Some(Vec::new()))),
        RequestKind::FindCoordinator(FindCoordinatorRequest::default()),
        RequestKind::DescribeCluster(DescribeClusterRequest::default()),
        RequestKind::SaslHandshake(SaslHandshakeRequest::default()),
        RequestKind::ApiVersions(ApiVersionsRequest::default()),
        RequestKind::DescribeConfigs(DescribeConfigsRequest::default()),
        RequestKind::ShareFetch(ShareFetchRequest::default()),
        RequestKind::ShareFetch(ShareFetchRequest::default().with_group_id(None).with_member_id(None)),
        RequestKind::ShareAcknowledge(ShareAcknowledgeRequest::default()),
    ];
    let responses = [
        ResponseKind::Produce(ProduceResponse::default()),
        ResponseKind::Fetch(FetchResponse::default()),
        ResponseKind::Metadata(MetadataResponse::default()),
        ResponseKind::Metadata(MetadataResponse::default().with_cluster_id(None)),
        ResponseKind::FindCoordinator(FindCoordinatorResponse::default()),
        ResponseKind::DescribeCluster(DescribeClusterResponse::default()),
        ResponseKind::SaslHandshake(SaslHandshakeResponse::default()),
        ResponseKind::ApiVersions(ApiVersionsResponse::default()),
        ResponseKind::DescribeConfigs(DescribeConfigsResponse::default()),
        ResponseKind::ListOffsets(ListOffsetsResponse::default()),
        ResponseKind::ShareFetch(ShareFetchResponse::default()),
        ResponseKind::ShareAcknowledge(ShareAcknowledgeResponse::default()),
        ResponseKind::CreateTopics(CreateTopicsResponse::default()),
        ResponseKind::DeleteTopics(DeleteTopicsResponse::default()),
        ResponseKind::AlterConfigs(AlterConfigsResponse::default()),
        ResponseKind::IncrementalAlterConfigs(IncrementalAlterConfigsResponse::default()),
    ];
    let decoded =
        requests.into_iter().map(Decoded::Request).chain(responses.into_iter().map(Decoded::Response));
    for decoded in decoded {
        let mut seen = 0;
        for (message, version) in all().filter(|(message, version)| in_crate(message, *version)) {
            let Some(body) = encoded(&decoded, message, version) else {
                continue;
            };
            seen += 1;
            let null_topics = message.api_key == 3 && version == 0;
            let walked = check(message.api_key, version, message.direction, &body);
            assert!(walked.is_ok() || null_topics, "{} {version} {walked:?}", message.api_key);
        }
        assert!(seen > 0);
    }
}

/// The body, if `decoded` is this message and can be written at this version.
fn encoded(decoded: &Decoded, message: &crate::wire::schema::Message, version: i16) -> Option<Vec<u8>> {
    let (key, direction) = match decoded {
        Decoded::Request(kind) => (request_key(kind), crate::wire::Direction::Request),
        Decoded::Response(kind) => (response_key(kind), crate::wire::Direction::Response),
    };
    if (key, direction) != (message.api_key, message.direction) {
        return None;
    }
    let mut bytes = bytes::BytesMut::new();
    match decoded {
        Decoded::Request(request) => request.encode(&mut bytes, version).ok()?,
        Decoded::Response(response) => response.encode(&mut bytes, version).ok()?,
    }
    Some(bytes.to_vec())
}

fn request_key(kind: &RequestKind) -> i16 {
    let api = match kind {
        RequestKind::Produce(_) => ApiKey::Produce,
        RequestKind::Fetch(_) => ApiKey::Fetch,
        RequestKind::Metadata(_) => ApiKey::Metadata,
        RequestKind::FindCoordinator(_) => ApiKey::FindCoordinator,
        RequestKind::DescribeCluster(_) => ApiKey::DescribeCluster,
        RequestKind::SaslHandshake(_) => ApiKey::SaslHandshake,
        RequestKind::ApiVersions(_) => ApiKey::ApiVersions,
        RequestKind::DescribeConfigs(_) => ApiKey::DescribeConfigs,
        RequestKind::ShareFetch(_) => ApiKey::ShareFetch,
        RequestKind::ShareAcknowledge(_) => ApiKey::ShareAcknowledge,
        _ => panic!("not listed"),
    };
    api as i16
}

fn response_key(kind: &ResponseKind) -> i16 {
    let api = match kind {
        ResponseKind::Produce(_) => ApiKey::Produce,
        ResponseKind::Fetch(_) => ApiKey::Fetch,
        ResponseKind::Metadata(_) => ApiKey::Metadata,
        ResponseKind::FindCoordinator(_) => ApiKey::FindCoordinator,
        ResponseKind::DescribeCluster(_) => ApiKey::DescribeCluster,
        ResponseKind::SaslHandshake(_) => ApiKey::SaslHandshake,
        ResponseKind::ApiVersions(_) => ApiKey::ApiVersions,
        ResponseKind::DescribeConfigs(_) => ApiKey::DescribeConfigs,
        ResponseKind::ListOffsets(_) => ApiKey::ListOffsets,
        ResponseKind::ShareFetch(_) => ApiKey::ShareFetch,
        ResponseKind::ShareAcknowledge(_) => ApiKey::ShareAcknowledge,
        ResponseKind::CreateTopics(_) => ApiKey::CreateTopics,
        ResponseKind::DeleteTopics(_) => ApiKey::DeleteTopics,
        ResponseKind::AlterConfigs(_) => ApiKey::AlterConfigs,
        ResponseKind::IncrementalAlterConfigs(_) => ApiKey::IncrementalAlterConfigs,
        _ => panic!("not listed"),
    };
    api as i16
}
