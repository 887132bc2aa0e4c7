//! What the views find, against what the crate decodes.

use super::{Decoded, bodies};
use crate::wire::{self, BrokerSpans, Direction, Span, TopicRef};
use kafka_protocol::messages::metadata_response::MetadataResponseTopic;
use kafka_protocol::messages::{RequestKind, ResponseKind, TopicName};
use kafka_protocol::protocol::StrBytes;

const EACH: u64 = 150;

macro_rules! decoded {
    ($side:ident, $kind:ident, $api:ident, $decoded:expr) => {
        match $decoded {
            Decoded::$side($kind::$api(message)) => message,
            other => panic!("unexpected {other:?}"),
        }
    };
}

fn assert_topic(key: TopicRef<'_>, name: &TopicName, id: [u8; 16], by_id: bool) {
    let expected = if by_id { TopicRef::Id(id) } else { TopicRef::Name(name) };
    assert_eq!(key, expected);
}

fn assert_int(span: Span, body: &[u8], expected: &[u8]) {
    assert_eq!(span.of(body), expected);
}

/// Spans that follow each other without overlap.
fn assert_ascending(spans: impl IntoIterator<Item = Span>) {
    let mut last = 0;
    for span in spans {
        assert!(last <= span.start && span.start <= span.end);
        last = span.end;
    }
}

fn assert_brokers<'a>(
    found: &[BrokerSpans],
    body: &[u8],
    expected: impl ExactSizeIterator<Item = (i32, &'a StrBytes, i32, Option<&'a StrBytes>)>,
) {
    assert_eq!(found.len(), expected.len());
    for (broker, (id, host, port, rack)) in found.iter().zip(expected) {
        assert_eq!((broker.node_id, broker.port), (id, port));
        assert_eq!(broker.host.text(body), host.as_str());
        assert!(broker.host_field.start < broker.host.start && broker.host_field.end == broker.host.end);
        assert_int(broker.port_field, body, &port.to_be_bytes());
        assert_eq!(broker.rack.map(|rack| rack.text(body)), rack.map(StrBytes::as_str));
    }
}

#[test]
fn produce_request() {
    let mut view = wire::ProduceView::default();
    for (version, body, decoded) in bodies(0, Direction::Request, EACH) {
        let expected = decoded!(Request, RequestKind, Produce, decoded);
        wire::produce_request(version, &body, &mut view).unwrap();
        assert_eq!((view.acks, view.timeout_ms), (expected.acks, expected.timeout_ms));
        let transactional = expected.transactional_id.as_ref().map(|id| id.0.as_str());
        assert_eq!(view.transactional_id.map(|id| id.text(&body)), transactional);
        assert_eq!(view.topics.count.elements, expected.topic_data.len());
        assert_eq!(view.topics.topics.len(), expected.topic_data.len());
        assert_ascending(view.topics.topics.iter().map(|topic| topic.element));
        for ((topic, partitions), data) in view.topics.iter().zip(&expected.topic_data) {
            assert_topic(topic.key.of(&body), &data.name, *data.topic_id.as_bytes(), version >= 13);
            assert_eq!(
                (topic.count.elements, partitions.len()),
                (data.partition_data.len(), data.partition_data.len())
            );
            for (partition, data) in partitions.iter().zip(&data.partition_data) {
                assert_eq!(partition.index, data.index);
                assert_eq!(partition.records.map(|span| span.of(&body)), data.records.as_deref());
                assert_ascending([Span::new(0, partition.element.start), partition.records_field]);
                assert!(partition.records_field.end <= partition.element.end);
                assert!(partition.element.end <= topic.element.end);
            }
        }
    }
}

#[test]
fn produce_request_without_transactional_id() {
    let mut body = vec![0, 1, 0, 0, 0, 9, 0, 0, 0, 1, 0, 1, b't', 0, 0, 0, 1, 0, 0, 0, 7, 0, 0, 0, 2];
    body.extend([8, 9]);
    let mut view = wire::ProduceView::default();
    for version in 0..=2 {
        wire::produce_request(version, &body, &mut view).unwrap();
        assert_eq!((view.transactional_id, view.acks, view.timeout_ms), (None, 1, 9));
        assert_eq!(view.topics.topics[0].key.of(&body), TopicRef::Name("t"));
        assert_eq!(view.topics.partitions[0].records.unwrap().of(&body), [8, 9]);
    }
}

#[test]
fn produce_response() {
    let mut view = wire::ProduceResponseView::default();
    for (version, body, decoded) in bodies(0, Direction::Response, EACH) {
        let expected = decoded!(Response, ResponseKind, Produce, decoded);
        wire::produce_response(version, &body, &mut view).unwrap();
        assert_eq!(view.topics.topics.len(), expected.responses.len());
        for ((topic, partitions), data) in view.topics.iter().zip(&expected.responses) {
            assert_topic(topic.key.of(&body), &data.name, *data.topic_id.as_bytes(), version >= 13);
            assert_eq!(partitions.len(), data.partition_responses.len());
            for (partition, data) in partitions.iter().zip(&data.partition_responses) {
                assert_eq!((partition.index, partition.base_offset), (data.index, data.base_offset));
                assert_eq!(partition.error_code, data.error_code);
                assert_int(partition.error_field, &body, &data.error_code.to_be_bytes());
                let message = data.error_message.as_ref().map(StrBytes::as_str);
                assert_eq!(partition.error_message.map(|message| message.text(&body)), message);
            }
        }
        let endpoints = expected.node_endpoints.iter();
        let endpoints = endpoints.map(|node| (node.node_id.0, &node.host, node.port, node.rack.as_ref()));
        assert_brokers(&view.brokers.brokers, &body, endpoints);
        assert_eq!(view.brokers.field.is_some(), !expected.node_endpoints.is_empty());
    }
}

#[test]
fn fetch_request() {
    let mut view = wire::FetchRequestView::default();
    for (version, body, decoded) in bodies(1, Direction::Request, EACH) {
        let expected = decoded!(Request, RequestKind, Fetch, decoded);
        wire::fetch_request(version, &body, &mut view).unwrap();
        assert_eq!((view.max_wait_ms, view.min_bytes), (expected.max_wait_ms, expected.min_bytes));
        assert_eq!(view.max_bytes, Some(expected.max_bytes));
        assert_int(view.max_bytes_field, &body, &expected.max_bytes.to_be_bytes());
        assert_eq!((view.session_id, view.session_epoch), (expected.session_id, expected.session_epoch));
        if version < 15 {
            assert_eq!(view.replica_id, Some(expected.replica_id.0));
        }
        assert_eq!(view.topics.topics.len(), expected.topics.len());
        for ((topic, partitions), data) in view.topics.iter().zip(&expected.topics) {
            assert_topic(topic.key.of(&body), &data.topic, *data.topic_id.as_bytes(), version >= 13);
            assert_eq!(partitions.len(), data.partitions.len());
            for (partition, data) in partitions.iter().zip(&data.partitions) {
                assert_eq!((partition.index, partition.offset), (data.partition, data.fetch_offset));
                assert_eq!(partition.max_bytes, data.partition_max_bytes);
                assert_int(partition.max_bytes_field, &body, &data.partition_max_bytes.to_be_bytes());
            }
        }
    }
}

#[test]
fn fetch_response() {
    let mut view = wire::FetchView::default();
    for (version, body, decoded) in bodies(1, Direction::Response, EACH) {
        let expected = decoded!(Response, ResponseKind, Fetch, decoded);
        wire::fetch_response(version, &body, &mut view).unwrap();
        assert_eq!((view.error_code, view.session_id), (expected.error_code, expected.session_id));
        assert_eq!(view.topics.topics.len(), expected.responses.len());
        for ((topic, partitions), data) in view.topics.iter().zip(&expected.responses) {
            assert_topic(topic.key.of(&body), &data.topic, *data.topic_id.as_bytes(), version >= 13);
            assert_eq!(partitions.len(), data.partitions.len());
            for (partition, data) in partitions.iter().zip(&data.partitions) {
                assert_eq!((partition.index, partition.error_code), (data.partition_index, data.error_code));
                assert_eq!(partition.high_watermark, data.high_watermark);
                assert_int(partition.error_field, &body, &data.error_code.to_be_bytes());
                assert_eq!(partition.records.map(|span| span.of(&body)), data.records.as_deref());
            }
        }
        let endpoints = expected.node_endpoints.iter();
        let endpoints = endpoints.map(|node| (node.node_id.0, &node.host, node.port, node.rack.as_ref()));
        assert_brokers(&view.brokers.brokers, &body, endpoints);
        assert_eq!(view.brokers.field.is_some(), view.brokers.tagged);
    }
}

#[test]
fn share_fetch_request() {
    let mut view = wire::ShareFetchRequestView::default();
    for (version, body, decoded) in bodies(78, Direction::Request, EACH) {
        let expected = decoded!(Request, RequestKind, ShareFetch, decoded);
        wire::share_fetch_request(version, &body, &mut view).unwrap();
        assert_eq!(
            (view.session_epoch, view.max_wait_ms),
            (expected.share_session_epoch, expected.max_wait_ms)
        );
        assert_eq!((view.min_bytes, view.max_bytes), (expected.min_bytes, expected.max_bytes));
        assert_eq!((view.max_records, view.batch_size), (expected.max_records, expected.batch_size));
        assert_int(view.max_bytes_field, &body, &expected.max_bytes.to_be_bytes());
        assert_eq!(view.topics.topics.len(), expected.topics.len());
        for ((topic, partitions), data) in view.topics.iter().zip(&expected.topics) {
            assert_eq!(topic.key.of(&body), TopicRef::Id(*data.topic_id.as_bytes()));
            let indices = data.partitions.iter().map(|partition| partition.partition_index);
            assert!(partitions.iter().map(|partition| partition.index).eq(indices));
        }
    }
}

#[test]
fn share_fetch_response() {
    let mut view = wire::ShareFetchView::default();
    for (version, body, decoded) in bodies(78, Direction::Response, EACH * 4) {
        let expected = decoded!(Response, ResponseKind, ShareFetch, decoded);
        wire::share_fetch_response(version, &body, &mut view).unwrap();
        assert_eq!(view.error_code, expected.error_code);
        assert_eq!(view.topics.topics.len(), expected.responses.len());
        for ((topic, partitions), data) in view.topics.iter().zip(&expected.responses) {
            assert_eq!(topic.key.of(&body), TopicRef::Id(*data.topic_id.as_bytes()));
            assert_eq!(partitions.len(), data.partitions.len());
            for (partition, data) in partitions.iter().zip(&data.partitions) {
                assert_eq!((partition.index, partition.error_code), (data.partition_index, data.error_code));
                assert_int(partition.error_field, &body, &data.error_code.to_be_bytes());
                assert_eq!(partition.records.map(|span| span.of(&body)), data.records.as_deref());
                assert_eq!(partition.acquired_count.elements, data.acquired_records.len());
                assert_ascending([
                    partition.error_field,
                    partition.error_message_field,
                    partition.records_field,
                    partition.acquired_field,
                ]);
                assert!(partition.acquired_field.end < partition.element.end);
            }
        }
        let endpoints = expected.node_endpoints.iter();
        let endpoints = endpoints.map(|node| (node.node_id.0, &node.host, node.port, node.rack.as_ref()));
        assert_brokers(&view.brokers.brokers, &body, endpoints);
        assert!(view.brokers.field.is_some() && !view.brokers.tagged);
    }
}

#[test]
fn share_acknowledge_response() {
    let mut view = wire::ShareFetchView::default();
    for (version, body, decoded) in bodies(79, Direction::Response, EACH * 4) {
        let expected = decoded!(Response, ResponseKind, ShareAcknowledge, decoded);
        wire::share_acknowledge_response(version, &body, &mut view).unwrap();
        assert_eq!(view.error_code, expected.error_code);
        let codes = expected.responses.iter().flat_map(|topic| &topic.partitions).map(|data| data.error_code);
        assert!(view.topics.partitions.iter().map(|partition| partition.error_code).eq(codes));
        let endpoints = expected.node_endpoints.iter();
        let endpoints = endpoints.map(|node| (node.node_id.0, &node.host, node.port, node.rack.as_ref()));
        assert_brokers(&view.brokers.brokers, &body, endpoints);
    }
}

#[test]
fn metadata_response() {
    let mut view = wire::MetadataView::default();
    for (version, body, decoded) in bodies(3, Direction::Response, EACH) {
        let expected = decoded!(Response, ResponseKind, Metadata, decoded);
        wire::metadata_response(version, &body, &mut view).unwrap();
        let cluster = expected.cluster_id.as_ref().map(StrBytes::as_str);
        assert_eq!(view.cluster_id.map(|id| id.text(&body)), cluster);
        let brokers = expected.brokers.iter();
        let brokers = brokers.map(|node| (node.node_id.0, &node.host, node.port, node.rack.as_ref()));
        assert_brokers(&view.brokers.brokers, &body, brokers);
        let told = |topic: &MetadataResponseTopic| {
            let name = topic.name.as_ref()?.0.to_string();
            (!name.is_empty() && !topic.topic_id.is_nil()).then_some((name, topic.topic_id.into_bytes()))
        };
        let expected: Vec<_> = expected.topics.iter().filter_map(told).collect();
        let seen: Vec<_> =
            view.topics.iter().map(|topic| (topic.name.text(&body).to_owned(), topic.id)).collect();
        assert_eq!(seen, expected);
    }
}

#[test]
fn describe_cluster_response() {
    let mut view = wire::Brokers::default();
    for (version, body, decoded) in bodies(60, Direction::Response, EACH) {
        let expected = decoded!(Response, ResponseKind, DescribeCluster, decoded);
        wire::describe_cluster_response(version, &body, &mut view).unwrap();
        let brokers = expected.brokers.iter();
        let brokers = brokers.map(|node| (node.broker_id.0, &node.host, node.port, node.rack.as_ref()));
        assert_brokers(&view.brokers, &body, brokers);
    }
}

#[test]
fn find_coordinator_response() {
    let mut view = wire::Brokers::default();
    for (version, body, decoded) in bodies(10, Direction::Response, EACH) {
        let expected = decoded!(Response, ResponseKind, FindCoordinator, decoded);
        wire::find_coordinator_response(version, &body, &mut view).unwrap();
        if version >= 4 {
            let brokers = expected.coordinators.iter();
            assert_brokers(
                &view.brokers,
                &body,
                brokers.map(|node| (node.node_id.0, &node.host, node.port, None)),
            );
        } else {
            let only = [(expected.node_id.0, &expected.host, expected.port, None)];
            assert_brokers(&view.brokers, &body, only.into_iter());
            assert_eq!(view.field, None);
        }
    }
}

/// Error, type of resource, name and id.
type Altered = (i16, Option<i8>, Option<String>, [u8; 16]);

#[test]
fn alterations_responses() {
    let mut view = wire::AlterationsView::default();
    for key in [19, 20, 33, 44] {
        for (version, body, decoded) in bodies(key, Direction::Response, EACH) {
            wire::alterations_response(key, version, &body, &mut view).unwrap();
            let found = view.resources.iter().map(|each| {
                let name = each.name.map(|name| name.text(&body).to_owned());
                (each.error_code, each.kind, name, each.id)
            });
            assert!(found.eq(altered(decoded)), "API {key} version {version}");
        }
    }
}

fn altered(decoded: Decoded) -> Vec<Altered> {
    let none = [0; 16];
    match decoded {
        Decoded::Response(ResponseKind::CreateTopics(answer)) => {
            let topics = answer.topics.into_iter();
            topics
                .map(|each| (each.error_code, None, Some(each.name.to_string()), *each.topic_id.as_bytes()))
                .collect()
        }
        Decoded::Response(ResponseKind::DeleteTopics(answer)) => {
            let name = |name: Option<TopicName>| name.map(|name| name.to_string());
            let topics = answer.responses.into_iter();
            topics.map(|each| (each.error_code, None, name(each.name), *each.topic_id.as_bytes())).collect()
        }
        Decoded::Response(ResponseKind::AlterConfigs(answer)) => {
            let all = answer.responses.into_iter();
            all.map(|each| {
                (each.error_code, Some(each.resource_type), Some(each.resource_name.to_string()), none)
            })
            .collect()
        }
        Decoded::Response(ResponseKind::IncrementalAlterConfigs(answer)) => {
            let all = answer.responses.into_iter();
            all.map(|each| {
                (each.error_code, Some(each.resource_type), Some(each.resource_name.to_string()), none)
            })
            .collect()
        }
        other => panic!("unexpected {other:?}"),
    }
}
