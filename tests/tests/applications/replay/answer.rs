//! An answer, reduced to what must be the same wherever it comes from.

use std::io;

use bytes::{Buf, Bytes};
use kafka_protocol::messages::{ApiKey, ResponseHeader, ResponseKind};
use kafka_protocol::protocol::Decodable;
use tests::{Batch, Field};
use uuid::Uuid;

/// Fields that differ between places that are alike: where brokers are, what they make up, when they were asked.
const MASKED: [&str; 5] = ["host", "port", "throttle_time_ms", "session_id", "finalized_features_epoch"];
/// A text of this length may be an id.
const ID: usize = 36;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) api: ApiKey,
    pub(super) version: i16,
    /// All of it, or how the connection ended.
    said: Result<String, io::ErrorKind>,
    /// Whether there is no error in it, and records where it was to have them.
    pub(super) is_well: bool,
}

impl Answer {
    /// The topics' own ids are told apart, others are not.
    pub(super) fn read(api: ApiKey, version: i16, frame: io::Result<Bytes>, topics: &[Uuid]) -> Self {
        let frame = match frame {
            Ok(frame) => frame,
            Err(error) => return Self { api, version, said: Err(error.kind()), is_well: false },
        };
        let Some(mut answer) = decode(api, version, frame.clone()) else {
            return Self { api, version, said: Ok(format!("{frame:?}")), is_well: true };
        };
        if let ResponseKind::ApiVersions(answer) = &mut answer {
            // What the proxy keeps from clients has tests of its own.
            answer.api_keys.clear();
        }
        if let ResponseKind::Fetch(answer) = &mut answer {
            let partitions = answer.responses.iter_mut().flat_map(|topic| &mut topic.partitions);
            for records in partitions.filter_map(|partition| partition.records.as_mut()) {
                *records = without_times(records);
            }
        }
        let text = format!("{answer:?}");
        let is_well = codes(&text).all(|code| code == "0") && (api != ApiKey::Fetch || has_records(&answer));
        let said = MASKED.into_iter().fold(without_ids(&text, topics), |text, field| masked(&text, field));
        Self { api, version, said: Ok(said), is_well }
    }
}

/// What a request asks for, and in which version.
pub(super) fn head(request: &Bytes) -> (ApiKey, i16) {
    let mut head = request.clone();
    let api = ApiKey::try_from(head.get_i16()).expect("clients use known APIs");
    (api, head.get_i16())
}

/// The ids in text that a frame has, such as those that brokers give to members of groups.
pub(super) fn ids_in(frame: &[u8]) -> Vec<[u8; ID]> {
    let mut ids = Vec::new();
    let mut rest = frame;
    while let Some((id, _)) = rest.split_first_chunk::<ID>() {
        let is_id = is_id(id);
        ids.extend(is_id.then_some(*id));
        rest = &rest[if is_id { ID } else { 1 }..];
    }
    ids
}

fn is_id(text: &[u8; ID]) -> bool {
    (0..).zip(text).all(|(at, byte)| match at {
        8 | 13 | 18 | 23 => *byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    })
}

/// None where the crate does not have this version; then all bytes must be the same.
fn decode(api: ApiKey, version: i16, mut frame: Bytes) -> Option<ResponseKind> {
    ResponseHeader::decode(&mut frame, api.response_header_version(version)).expect("an answer has a header");
    let answer = ResponseKind::decode(api, &mut frame.clone(), version).ok();
    // A version of ApiVersions that the peer does not know is answered in the first one.
    answer.or_else(|| ResponseKind::decode(api, &mut frame, 0).ok().filter(|_| api == ApiKey::ApiVersions))
}

fn codes(text: &str) -> impl Iterator<Item = &str> {
    text.split("error_code: ").skip(1).map(|rest| {
        let end = rest.find(|letter: char| letter != '-' && !letter.is_ascii_digit());
        &rest[..end.unwrap_or(rest.len())]
    })
}

fn has_records(answer: &ResponseKind) -> bool {
    let ResponseKind::Fetch(answer) = answer else { return false };
    let mut partitions = answer.responses.iter().flat_map(|topic| &topic.partitions);
    partitions.any(|partition| partition.records.as_ref().is_some_and(|records| !records.is_empty()))
}

/// The end of a transaction is the broker's own record, with the time at which it was written.
fn without_times(records: &Bytes) -> Bytes {
    const CONTROL: i64 = 0x20;
    let mut batches = Batch::split(records);
    for batch in batches.iter_mut().filter(|batch| batch.field(Field::Attributes) & CONTROL != 0) {
        for field in [Field::Crc, Field::BaseTimestamp, Field::MaxTimestamp] {
            batch.set(field, 0);
        }
    }
    batches.iter().flat_map(|batch| batch.bytes().to_vec()).collect::<Vec<u8>>().into()
}

/// Ids of topics become their places, all others the same.
fn without_ids(text: &str, topics: &[Uuid]) -> String {
    let named = topics
        .iter()
        .enumerate()
        .fold(text.to_owned(), |text, (place, id)| text.replace(&id.to_string(), &format!("topic {place}")));
    ids_in(named.as_bytes())
        .into_iter()
        .fold(named, |named, id| named.replace(std::str::from_utf8(&id).expect("an id is text"), "an id"))
}

/// Leaves out what a field has, to the next one.
fn masked(text: &str, field: &str) -> String {
    let start = format!(" {field}: ");
    let mut parts = text.split(&start);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |before, rest| {
        let end = rest.find([',', '}']).unwrap_or(rest.len());
        before + &start + &rest[end..]
    })
}
