//! An answer, reduced to what must be the same wherever it comes from.

use std::io;

use bytes::{Buf, Bytes};
use kafka_protocol::messages::{ApiKey, ResponseHeader, ResponseKind};
use kafka_protocol::protocol::Decodable;
use tests::KafkaErrorName;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) api: ApiKey,
    pub(super) version: i16,
    /// All codes in it, in their order, or how the connection ended.
    errors: Result<Vec<Option<KafkaErrorName>>, io::ErrorKind>,
    /// What it has of records, or all of it where it cannot be taken apart.
    records: Vec<Bytes>,
}

impl Answer {
    pub(super) fn read(api: ApiKey, version: i16, frame: io::Result<Bytes>) -> Self {
        let frame = match frame {
            Ok(frame) => frame,
            Err(error) => return Self { api, version, errors: Err(error.kind()), records: Vec::new() },
        };
        let Some(answer) = decode(api, version, frame.clone()) else {
            return Self { api, version, errors: Ok(Vec::new()), records: vec![frame] };
        };
        let text = format!("{answer:?}");
        let codes = text.split("error_code: ").skip(1).map(|rest| {
            let end = rest.find(|letter: char| letter != '-' && !letter.is_ascii_digit());
            rest[..end.unwrap_or(rest.len())].parse().expect("a code is a number")
        });
        let errors = Ok(codes.map(KafkaErrorName::from_code).collect());
        Self { api, version, errors, records: records(answer) }
    }

    /// Whether it is of this API, without an error, and with records where it fetched.
    pub(super) fn went_well(&self, api: ApiKey) -> bool {
        let well = self.errors.as_ref().is_ok_and(|errors| errors.iter().all(Option::is_none));
        self.api == api && well && (api != ApiKey::Fetch || !self.records.is_empty())
    }
}

/// What a request asks for, and in which version.
pub(super) fn head(request: &Bytes) -> (ApiKey, i16) {
    let mut head = request.clone();
    let api = ApiKey::try_from(head.get_i16()).expect("clients use known APIs");
    (api, head.get_i16())
}

/// None where the crate does not have this version; then all bytes must be the same.
fn decode(api: ApiKey, version: i16, mut frame: Bytes) -> Option<ResponseKind> {
    ResponseHeader::decode(&mut frame, api.response_header_version(version)).expect("an answer has a header");
    let answer = ResponseKind::decode(api, &mut frame.clone(), version).ok();
    // A version of ApiVersions that the peer does not know is answered in the first one.
    answer.or_else(|| ResponseKind::decode(api, &mut frame, 0).ok().filter(|_| api == ApiKey::ApiVersions))
}

fn records(answer: ResponseKind) -> Vec<Bytes> {
    let ResponseKind::Fetch(answer) = answer else { return Vec::new() };
    let partitions = answer.responses.into_iter().flat_map(|topic| topic.partitions);
    partitions.filter_map(|partition| partition.records).filter(|records| !records.is_empty()).collect()
}
