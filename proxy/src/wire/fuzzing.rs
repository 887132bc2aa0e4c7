//! Messages of every API and version that there is a schema for: arbitrary ones, and valid ones with mistakes.

use super::generator::Generator;
use super::schema::MESSAGES;
use super::{
    AlterationsView, Brokers, Direction, FetchRequestView, FetchView, MetadataView, ProduceResponseView,
    ProduceView, ShareFetchRequestView, ShareFetchView, check, request_header, response_header,
};
use bytes::Bytes;
use kafka_protocol::messages::{ApiKey, RequestKind, ResponseKind};

/// A valid body of an API and version, chosen by `seed`. None where there is no schema.
pub(crate) fn body(api_key: i16, version: i16, direction: Direction, seed: u64) -> Option<Vec<u8>> {
    let message = super::schema::find(api_key, version, direction).ok()?;
    Some(Generator::new(seed).body(message, version))
}

/// Which message, its version, 0 for a body as it follows or another seed for a valid one, then places to change in that.
pub(crate) fn fuzz_messages(data: &[u8]) {
    let _ = request_header(data);
    let Some((&[which, version, seed, more], rest)) = data.split_first_chunk() else { return };
    let Some(message) = MESSAGES.get(usize::from(which) % MESSAGES.len()) else { return };
    let versions = message.max - message.min + 1;
    let version = message.min + i16::from(version) % versions;
    let (key, direction) = (message.api_key, message.direction);
    let _ = response_header(key, version, rest);
    let body = if seed == 0 {
        rest.to_vec()
    } else {
        let mut body = Generator::new(u64::from(u16::from_be_bytes([seed, more]))).body(message, version);
        for change in rest.chunks_exact(3) {
            let [high, low, byte] = change else { continue };
            let place = usize::from(u16::from_be_bytes([*high, *low]));
            match body.get_mut(place) {
                Some(found) => *found = *byte,
                None => body.truncate(place % body.len().max(1)),
            }
        }
        assert!(!rest.is_empty() || check(key, version, direction, &body).is_ok(), "what is valid passes");
        body
    };
    let passes = check(key, version, direction, &body).is_ok();
    if passes
        && ApiKey::try_from(key)
            .is_ok_and(|api| (api.valid_versions().min..=api.valid_versions().max).contains(&version))
    {
        decode(key, direction, version, &body);
    }
    if let Some(viewed) = view(key, direction, version, &body) {
        assert_eq!(viewed, passes, "whoever looks takes what was checked, and nothing else");
    }
}

/// What the codec decodes must not take memory for what is not there, nor leave anything.
fn decode(key: i16, direction: Direction, version: i16, body: &[u8]) {
    let Ok(api) = ApiKey::try_from(key) else { return };
    let mut bytes = Bytes::copy_from_slice(body);
    let decoded = match direction {
        Direction::Request => RequestKind::decode(api, &mut bytes, version).map(drop),
        Direction::Response => ResponseKind::decode(api, &mut bytes, version).map(drop),
    };
    assert!(decoded.is_ok() && bytes.is_empty(), "what passes is decoded to its last byte");
}

/// Whether a view could be made. Views hold a bounded number of elements, which the size of an input never reaches.
fn view(key: i16, direction: Direction, version: i16, body: &[u8]) -> Option<bool> {
    let mut brokers = Brokers::default();
    let viewed = match (ApiKey::try_from(key).ok()?, direction) {
        (ApiKey::Produce, Direction::Request) => {
            super::produce_request(version, body, &mut ProduceView::default())
        }
        (ApiKey::Produce, Direction::Response) => {
            super::produce_response(version, body, &mut ProduceResponseView::default())
        }
        (ApiKey::Fetch, Direction::Request) => {
            super::fetch_request(version, body, &mut FetchRequestView::default())
        }
        (ApiKey::Fetch, Direction::Response) => {
            super::fetch_response(version, body, &mut FetchView::default())
        }
        (ApiKey::Metadata, Direction::Response) => {
            super::metadata_response(version, body, &mut MetadataView::default())
        }
        (ApiKey::ShareFetch, Direction::Request) => {
            super::share_fetch_request(version, body, &mut ShareFetchRequestView::default())
        }
        (ApiKey::ShareFetch, Direction::Response) => {
            super::share_fetch_response(version, body, &mut ShareFetchView::default())
        }
        (ApiKey::ShareAcknowledge, Direction::Response) => {
            super::share_acknowledge_response(version, body, &mut ShareFetchView::default())
        }
        (ApiKey::FindCoordinator, Direction::Response) => {
            super::find_coordinator_response(version, body, &mut brokers)
        }
        (ApiKey::DescribeCluster, Direction::Response) => {
            super::describe_cluster_response(version, body, &mut brokers)
        }
        (
            ApiKey::CreateTopics
            | ApiKey::DeleteTopics
            | ApiKey::AlterConfigs
            | ApiKey::IncrementalAlterConfigs,
            Direction::Response,
        ) => super::alterations_response(key, version, body, &mut AlterationsView::default()),
        _ => return None,
    };
    Some(viewed.is_ok())
}

/// The newest and the oldest version of every message, whole and with one change.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let messages = (0..).zip(MESSAGES.iter());
    let mut all = Vec::new();
    for (which, message) in messages {
        let last = u8::try_from(message.max - message.min).unwrap_or_default();
        for version in [0, last / 2, last] {
            let version_number = message.min + i16::from(version);
            let body = Generator::new(7).body(message, version_number);
            all.push([&[which, version, 0, 0][..], &body].concat());
            all.push(vec![which, version, 1, 5]);
            all.push(vec![which, version, 2, 9, 0, 4, 0xff]);
        }
    }
    all
}
