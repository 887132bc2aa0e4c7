//! Message headers.

use super::all;
use crate::wire::schema::MESSAGES;
use crate::wire::{Direction, WireError, request_header, response_header};
use bytes::BytesMut;
use kafka_protocol::messages::{ApiKey, RequestHeader, ResponseHeader};
use kafka_protocol::protocol::{Encodable, StrBytes};

/// Conformance: TE-B14.
#[test]
fn request_headers_end_where_the_crates_end() {
    // Of some APIs only the tools' own requests are made, and only answers are read.
    for (message, version) in all().filter(|(message, _)| message.direction == Direction::Request) {
        let api = ApiKey::try_from(message.api_key).unwrap();
        for client in [None, Some(""), Some("a client, ünïcode")] {
            let header = RequestHeader::default()
                .with_request_api_key(message.api_key)
                .with_request_api_version(version)
                .with_correlation_id(-77)
                .with_client_id(client.map(StrBytes::from_static_str));
            let mut frame = BytesMut::new();
            header.encode(&mut frame, api.request_header_version(version)).unwrap();
            let end = frame.len();
            for cut in 0..end {
                request_header(&frame[..cut]).unwrap_err();
            }
            frame.extend_from_slice(b"body");
            let head = request_header(&frame).unwrap();
            assert_eq!((head.api_key, head.version, head.correlation_id), (message.api_key, version, -77));
            assert_eq!(head.body, Some(end), "{} v{version}", message.api_key);
            assert_eq!(head.client_id.map(|span| span.text(&frame)), client);
        }
    }
}

#[test]
fn response_headers_end_where_the_crates_end() {
    for message in MESSAGES.iter().filter(|message| message.direction == Direction::Response) {
        let api = ApiKey::try_from(message.api_key).unwrap();
        for version in message.min..=message.max {
            let mut frame = BytesMut::new();
            let header = ResponseHeader::default().with_correlation_id(5);
            header.encode(&mut frame, api.response_header_version(version)).unwrap();
            let head = response_header(message.api_key, version, &frame).unwrap();
            assert_eq!(
                (head.correlation_id, head.body),
                (5, Some(frame.len())),
                "{} v{version}",
                message.api_key
            );
        }
    }
}

#[test]
fn of_an_api_without_schema_eight_bytes_are_read() {
    let head = request_header(&[0, 88, 0, 3, 0, 0, 0, 9, 0xff]).unwrap();
    assert_eq!((head.api_key, head.version, head.correlation_id), (88, 3, 9));
    assert_eq!((head.client_id, head.body), (None, None));
    assert_eq!(request_header(&[0, 88, 0, 3, 0, 0, 0]), Err(WireError::Truncated(4)));
    assert_eq!(response_header(88, 0, &[0, 0, 0, 9]).unwrap().body, None);
}

#[test]
fn a_version_beyond_the_tables_still_has_a_header() {
    let head = request_header(&[0, 18, 0, 99, 0, 0, 0, 1, 0, 1, b'c', 0, 5]).unwrap();
    assert_eq!((head.version, head.body), (99, Some(12)));
}

/// Conformance: TE-B14.
#[test]
fn header_tags_are_skipped() {
    let head = request_header(&[0, 1, 0, 12, 0, 0, 0, 1, 0xff, 0xff, 1, 7, 3, 1, 2, 3]).unwrap();
    assert_eq!(head.body, Some(16));
}
