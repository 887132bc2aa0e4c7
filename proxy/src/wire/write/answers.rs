//! Whole answers and partitions of answers that say why something was refused.

use super::{count, is_flexible, no_tags, nullable_string, topic};
use crate::wire::TopicRef;

const PRODUCE: i16 = 0;
const FETCH: i16 = 1;
const UNSUPPORTED_VERSION: i16 = 35;
const API_VERSIONS: i16 = 18;

/// A partition that was not written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProduceError<'a> {
    /// The partition.
    pub index: i32,
    /// Why, as Kafka's code.
    pub code: i16,
    /// Why, in words; sent from version 8 on.
    pub message: Option<&'a str>,
}

/// A partition that could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FetchError {
    /// The partition.
    pub index: i32,
    /// Why, as Kafka's code.
    pub code: i16,
}

/// A Produce answer (0 to 13) in which nothing was written.
pub fn produce_response(
    version: i16,
    throttle_ms: i32,
    topics: &[(TopicRef<'_>, &[ProduceError<'_>])],
    out: &mut Vec<u8>,
) {
    let flexible = is_flexible(PRODUCE, version);
    count(flexible, topics.len(), out);
    for (topic, partitions) in topics {
        produce_topic(version, *topic, partitions, out);
    }
    if version >= 1 {
        out.extend_from_slice(&throttle_ms.to_be_bytes());
    }
    no_tags(flexible, out);
}

/// A whole element of a Produce answer's array of topics.
pub fn produce_topic(version: i16, name: TopicRef<'_>, partitions: &[ProduceError<'_>], out: &mut Vec<u8>) {
    let flexible = is_flexible(PRODUCE, version);
    topic(flexible, name, out);
    count(flexible, partitions.len(), out);
    for partition in partitions {
        produce_error_partition(version, partition, out);
    }
    no_tags(flexible, out);
}

/// A whole element of a topic's array of partitions: no offset, no time.
pub fn produce_error_partition(version: i16, partition: &ProduceError<'_>, out: &mut Vec<u8>) {
    let flexible = is_flexible(PRODUCE, version);
    out.extend_from_slice(&partition.index.to_be_bytes());
    out.extend_from_slice(&partition.code.to_be_bytes());
    unknown(out);
    if version >= 2 {
        unknown(out);
    }
    if version >= 5 {
        unknown(out);
    }
    if version >= 8 {
        count(flexible, 0, out);
        nullable_string(flexible, partition.message, out);
    }
    no_tags(flexible, out);
}

/// A Fetch answer (0 to 18) with an error of its own (7 and later), and partitions that could not be read.
pub fn fetch_response(
    version: i16,
    throttle_ms: i32,
    error_code: i16,
    session_id: i32,
    topics: &[(TopicRef<'_>, &[FetchError])],
    out: &mut Vec<u8>,
) {
    let flexible = is_flexible(FETCH, version);
    if version >= 1 {
        out.extend_from_slice(&throttle_ms.to_be_bytes());
    }
    if version >= 7 {
        out.extend_from_slice(&error_code.to_be_bytes());
        out.extend_from_slice(&session_id.to_be_bytes());
    }
    count(flexible, topics.len(), out);
    for (topic, partitions) in topics {
        fetch_topic(version, *topic, partitions, out);
    }
    no_tags(flexible, out);
}

/// A whole element of a Fetch answer's array of topics.
pub fn fetch_topic(version: i16, name: TopicRef<'_>, partitions: &[FetchError], out: &mut Vec<u8>) {
    let flexible = is_flexible(FETCH, version);
    topic(flexible, name, out);
    count(flexible, partitions.len(), out);
    for partition in partitions {
        fetch_error_partition(version, *partition, out);
    }
    no_tags(flexible, out);
}

/// A whole element of a topic's array of partitions: no watermark, no records.
pub fn fetch_error_partition(version: i16, partition: FetchError, out: &mut Vec<u8>) {
    let flexible = is_flexible(FETCH, version);
    out.extend_from_slice(&partition.index.to_be_bytes());
    out.extend_from_slice(&partition.code.to_be_bytes());
    unknown(out);
    if version >= 4 {
        unknown(out);
    }
    if version >= 5 {
        unknown(out);
    }
    if version >= 4 {
        count(flexible, 0, out);
    }
    if version >= 11 {
        out.extend_from_slice(&(-1_i32).to_be_bytes());
    }
    // Empty, as brokers send it: some clients take null records for a broken answer.
    count(flexible, 0, out);
    no_tags(flexible, out);
}

/// The answer to an `ApiVersions` request of a version that we do not have: in the oldest form, with the range that we
/// have, so that the client asks again.
pub fn api_versions_v0_unsupported(min: i16, max: i16, out: &mut Vec<u8>) {
    out.extend_from_slice(&UNSUPPORTED_VERSION.to_be_bytes());
    count(false, 1, out);
    for number in [API_VERSIONS, min, max] {
        out.extend_from_slice(&number.to_be_bytes());
    }
}

/// An offset or time that there is none of.
fn unknown(out: &mut Vec<u8>) {
    out.extend_from_slice(&(-1_i64).to_be_bytes());
}
