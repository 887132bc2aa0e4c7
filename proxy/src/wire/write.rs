//! Encodes what the proxy says by itself: fields that replace others, and whole answers.
//!
//! All functions append to a buffer. `flexible` is whether a version has compact lengths and tagged fields; see
//! [`is_flexible`].

mod addresses;
mod answers;

pub use addresses::{Broker, broker_array, node_endpoints};
pub use answers::{
    FetchError, ProduceError, api_versions_v0_unsupported, fetch_error_partition, fetch_response,
    fetch_topic, produce_error_partition, produce_response, produce_topic,
};

use super::{Direction, TopicRef, schema};

/// Whether this version of an API has compact lengths and tagged fields. `false` for an API without schema.
pub fn is_flexible(api_key: i16, version: i16) -> bool {
    schema::of_api(api_key, Direction::Request).is_some_and(|message| version >= message.flexible_from)
}

/// A request of the proxy's own, without length prefix: `rest` is what follows the correlation id.
pub fn request(api_key: i16, version: i16, correlation_id: i32, rest: &[u8]) -> Vec<u8> {
    let mut message = Vec::with_capacity(rest.len().saturating_add(8));
    message.extend_from_slice(&api_key.to_be_bytes());
    message.extend_from_slice(&version.to_be_bytes());
    message.extend_from_slice(&correlation_id.to_be_bytes());
    message.extend_from_slice(rest);
    message
}

/// An unsigned integer in groups of seven bits.
pub fn varint(value: u32, out: &mut Vec<u8>) {
    let mut rest = value;
    loop {
        let [bits, ..] = rest.to_le_bytes();
        rest >>= 7;
        if rest == 0 {
            out.push(bits & 0x7f);
            return;
        }
        out.push(bits | 0x80);
    }
}

/// An array's count, or the length of bytes.
pub fn count(flexible: bool, elements: usize, out: &mut Vec<u8>) {
    if flexible {
        varint(u32::try_from(elements).unwrap_or(u32::MAX).saturating_add(1), out);
    } else {
        out.extend_from_slice(&i32::try_from(elements).unwrap_or(i32::MAX).to_be_bytes());
    }
}

/// A string. Where the version has 16-bit lengths, a longer text is cut at a character's end.
pub fn string(flexible: bool, text: &str, out: &mut Vec<u8>) {
    if flexible {
        count(true, text.len(), out);
        out.extend_from_slice(text.as_bytes());
        return;
    }
    let mut end = text.len().min(32_767);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let text = text.get(..end).unwrap_or_default();
    out.extend_from_slice(&i16::try_from(end).unwrap_or_default().to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}

/// A string or null.
pub fn nullable_string(flexible: bool, text: Option<&str>, out: &mut Vec<u8>) {
    match text {
        Some(text) => string(flexible, text, out),
        None if flexible => out.push(0),
        None => out.extend_from_slice(&(-1_i16).to_be_bytes()),
    }
}

/// The length prefix of a records field of so many bytes in this version of Produce, Fetch or ShareFetch.
pub fn records_prefix(api_key: i16, version: i16, length: usize, out: &mut Vec<u8>) {
    count(is_flexible(api_key, version), length, out);
}

/// An empty section of tagged fields, where the version has them.
fn no_tags(flexible: bool, out: &mut Vec<u8>) {
    if flexible {
        out.push(0);
    }
}

fn topic(flexible: bool, topic: TopicRef<'_>, out: &mut Vec<u8>) {
    match topic {
        TopicRef::Name(name) => string(flexible, name, out),
        TopicRef::Id(id) => out.extend_from_slice(&id),
    }
}
