//! The walker, views and encoders against the `kafka-protocol` crate, and against hostile bytes.

mod differential;
mod edits;
mod encoders;
mod heads;
mod hostile;
mod nulls;
mod speed;
mod views;

use super::Direction;
use super::generator::Generator;
use super::schema::{MESSAGES, Message};
use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::{ApiKey, RequestKind, ResponseKind};

/// Either direction of what the crate decodes.
#[derive(Debug, PartialEq)]
enum Decoded {
    Request(RequestKind),
    Response(ResponseKind),
}

/// Decodes with the crate; the second value is how many bytes it left.
fn decode(message: &Message, version: i16, body: &[u8]) -> Result<(Decoded, usize), String> {
    let api = ApiKey::try_from(message.api_key).expect("a known API");
    let mut bytes = Bytes::copy_from_slice(body);
    let decoded = match message.direction {
        Direction::Request => RequestKind::decode(api, &mut bytes, version).map(Decoded::Request),
        Direction::Response => ResponseKind::decode(api, &mut bytes, version).map(Decoded::Response),
    };
    decoded.map(|decoded| (decoded, bytes.len())).map_err(|error| error.to_string())
}

fn encode(decoded: &Decoded, version: i16) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    match decoded {
        Decoded::Request(request) => request.encode(&mut bytes, version),
        Decoded::Response(response) => response.encode(&mut bytes, version),
    }
    .expect("the crate encodes what it decoded");
    bytes.to_vec()
}

/// Whether the crate has this version too.
fn in_crate(message: &Message, version: i16) -> bool {
    let range = ApiKey::try_from(message.api_key).expect("a known API").valid_versions();
    range.min <= version && version <= range.max
}

/// Every message at every version that there is a schema for.
fn all() -> impl Iterator<Item = (&'static Message, i16)> {
    MESSAGES.iter().flat_map(|message| (message.min..=message.max).map(|version| (*message, version)))
}

/// A message's versions that the crate has too, with a number of random bodies each.
fn bodies(api_key: i16, direction: Direction, each: u64) -> impl Iterator<Item = (i16, Vec<u8>, Decoded)> {
    all()
        .filter(move |(message, version)| {
            message.api_key == api_key && message.direction == direction && in_crate(message, *version)
        })
        .flat_map(move |(message, version)| {
            (0..each).map(move |seed| {
                let body = Generator::new(seed).body(message, version);
                let (decoded, left) = decode(message, version, &body).expect("a valid body");
                assert_eq!(left, 0);
                (version, body, decoded)
            })
        })
}
