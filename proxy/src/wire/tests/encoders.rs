//! What the encoders write, read by the crate.

use crate::wire::write::{self, Broker, FetchError, ProduceError};
use crate::wire::{Direction, TopicRef, check};
use bytes::Bytes;
use kafka_protocol::messages::{
    ApiVersionsResponse, FetchResponse, MetadataResponse, ProduceResponse, ShareFetchResponse,
};
use kafka_protocol::protocol::{Decodable, StrBytes};

const ID: [u8; 16] = [7; 16];

fn topic(version: i16) -> TopicRef<'static> {
    if version >= 13 { TopicRef::Id(ID) } else { TopicRef::Name("orders") }
}

fn decode<T: Decodable>(body: Vec<u8>, version: i16) -> T {
    let mut bytes = Bytes::from(body);
    let decoded = T::decode(&mut bytes, version).expect("the crate reads it");
    assert!(bytes.is_empty());
    decoded
}

const BROKERS: [Broker<'static>; 2] = [
    Broker { node_id: 0, host: StrBytes::from_static_str("broker-0.proxy.example"), port: 9093, rack: None },
    Broker { node_id: i32::MAX, host: StrBytes::from_static_str(""), port: -1, rack: Some("zone-ü") },
];

#[test]
fn produce_response() {
    let errors = [
        ProduceError { index: 3, code: 44, message: Some("no") },
        ProduceError { index: -1, code: -1, message: None },
    ];
    for version in 0..=13 {
        let mut body = Vec::new();
        write::produce_response(version, 11, &[(topic(version), &errors), (topic(version), &[])], &mut body);
        check(0, version, Direction::Response, &body).unwrap();
        if version < 3 {
            continue;
        }
        let decoded: ProduceResponse = decode(body, version);
        assert_eq!(decoded.throttle_time_ms, 11);
        assert_eq!(decoded.responses.len(), 2);
        let first = &decoded.responses[0];
        if version >= 13 {
            assert_eq!(first.topic_id.as_bytes(), &ID);
        } else {
            assert_eq!(first.name.0.as_str(), "orders");
        }
        assert_eq!(first.partition_responses.len(), 2);
        for (partition, error) in first.partition_responses.iter().zip(&errors) {
            assert_eq!((partition.index, partition.error_code), (error.index, error.code));
            let expected = if version >= 8 { error.message } else { None };
            assert_eq!(partition.error_message.as_ref().map(StrBytes::as_str), expected);
            assert_eq!((partition.base_offset, partition.log_append_time_ms), (-1, -1));
            assert_eq!(partition.log_start_offset, -1);
            assert!(partition.record_errors.is_empty());
            assert_eq!(partition.current_leader.leader_id.0, -1);
        }
        assert!(decoded.node_endpoints.is_empty());
    }
}

#[test]
fn fetch_response() {
    let errors = [FetchError { index: 3, code: 2 }, FetchError { index: 9, code: 100 }];
    for version in 0..=18 {
        let mut body = Vec::new();
        write::fetch_response(version, 5, 70, 123, &[(topic(version), &errors)], &mut body);
        check(1, version, Direction::Response, &body).unwrap();
        if version < 4 {
            continue;
        }
        let decoded: FetchResponse = decode(body, version);
        assert_eq!(decoded.throttle_time_ms, 5);
        let expected = if version >= 7 { (70, 123) } else { (0, 0) };
        assert_eq!((decoded.error_code, decoded.session_id), expected);
        for (partition, error) in decoded.responses[0].partitions.iter().zip(&errors) {
            assert_eq!((partition.partition_index, partition.error_code), (error.index, error.code));
            assert_eq!((partition.high_watermark, partition.last_stable_offset), (-1, -1));
            assert_eq!((partition.log_start_offset, partition.preferred_read_replica.0), (-1, -1));
            assert_eq!(partition.records, Some(Bytes::new()));
            assert_eq!(partition.aborted_transactions, Some(Vec::new()));
        }
        assert_eq!(decoded.responses[0].partitions.len(), 2);
    }
}

#[test]
fn brokers() {
    for version in 0..=13 {
        let mut body = Vec::new();
        if version >= 3 {
            body.extend([0; 4]);
        }
        write::broker_array(version, &BROKERS, &mut body);
        let rest: &[u8] = match version {
            0 => &[0; 4],
            1 => &[0; 8],
            2..=7 => &[0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0],
            8 => &[0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            9..=10 => &[0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0],
            11..=12 => &[0, 0, 0, 0, 0, 1, 0],
            _ => &[0, 0, 0, 0, 0, 1, 0, 0, 0],
        };
        body.extend(rest);
        let decoded: MetadataResponse = decode(body, version);
        for (broker, expected) in decoded.brokers.iter().zip(&BROKERS) {
            assert_eq!((broker.node_id.0, broker.port), (expected.node_id, expected.port));
            assert_eq!(broker.host, expected.host);
            let rack = if version >= 1 { expected.rack } else { None };
            assert_eq!(broker.rack.as_ref().map(StrBytes::as_str), rack);
        }
        assert_eq!(decoded.brokers.len(), 2);
    }
}

#[test]
fn node_endpoints() {
    let mut body = vec![0; 10];
    body.extend([1, 1]);
    write::node_endpoints(true, &BROKERS, &mut body);
    let decoded: FetchResponse = decode(body, 16);
    assert_eq!(decoded.node_endpoints.len(), 2);
    assert_eq!(decoded.node_endpoints[0].host, BROKERS[0].host);
    assert_eq!(decoded.node_endpoints[1].rack.as_ref().unwrap().as_str(), "zone-ü");

    let mut body = vec![0; 7];
    body.extend([0, 0, 0, 0, 1]);
    write::node_endpoints(false, &BROKERS, &mut body);
    body.push(0);
    let decoded: ShareFetchResponse = decode(body, 1);
    assert_eq!(decoded.node_endpoints.len(), 2);
    assert_eq!(decoded.node_endpoints[0].rack, None);
}

#[test]
fn api_versions() {
    let mut body = Vec::new();
    write::api_versions_v0_unsupported(0, 4, &mut body);
    let decoded: ApiVersionsResponse = decode(body, 0);
    assert_eq!(decoded.error_code, 35);
    assert_eq!(decoded.api_keys.len(), 1);
    let key = &decoded.api_keys[0];
    assert_eq!((key.api_key, key.min_version, key.max_version), (18, 0, 4));
}

#[test]
fn long_text_is_cut_at_a_character() {
    let text = "é".repeat(20_000);
    let mut body = Vec::new();
    write::string(false, &text, &mut body);
    assert_eq!(body.len(), 2 + 32_766);
    check(17, 1, Direction::Request, &body).unwrap();
}

#[test]
fn records_prefix() {
    let prefix = |api, version, length| {
        let mut out = Vec::new();
        write::records_prefix(api, version, length, &mut out);
        out
    };
    assert_eq!(prefix(0, 8, 300), [0, 0, 1, 44]);
    assert_eq!(prefix(0, 9, 300), [0xad, 2]);
    assert_eq!(prefix(1, 11, 0), [0, 0, 0, 0]);
    assert_eq!(prefix(1, 12, 0), [1]);
    assert_eq!(prefix(78, 1, 127), [0x80, 1]);
}
