//! What a mock of a broker answers wrongly: the client's connection ends, or the partition has an error, and the proxy
//! goes on.

use std::sync::Arc;

use bytes::Bytes;
use kafka_protocol::messages::api_versions_response::ApiVersion;
use kafka_protocol::messages::{
    ApiVersionsRequest, ApiVersionsResponse, FetchRequest, MetadataRequest, MetadataResponse,
    ShareFetchRequest,
};
use kafka_protocol::protocol::Request;
use tests::raw_connection::Location;
use tests::{Batch, Field, KafkaErrorName, Payload, RawConnection};
use uuid::Uuid;

use super::PATIENCE;
use super::mock_broker::{Answer, encode, fetched, frame, proxy_before_mock};

fn place(topic: &str) -> Location {
    Location { topic: topic.to_owned(), topic_id: Uuid::from_u128(1), partition: 0, leader: String::new() }
}

/// Sends a request of the kind that the answer claims to be for; the connection must end without an answer.
async fn ends<R: Request>(
    what: &str,
    request: R,
    version: i16,
    answer: impl Fn(i32) -> Vec<u8> + Send + Sync + 'static,
) {
    let answer: Answer = Arc::new(answer);
    let proxy = proxy_before_mock(answer).await;
    for _ in 0..2 {
        let mut connection = RawConnection::connect(&proxy.bootstrap()).await.unwrap();
        connection.send(&request, version).await.unwrap();
        assert!(connection.closes_within(PATIENCE).await, "{what}: the connection stays open");
    }
    assert!(proxy.runs(), "{what}");
    assert!(!proxy.log().contains("panicked"), "{what}");
    assert!(proxy.peak_rss() < 96 << 20, "{what}: {} MiB were taken", proxy.peak_rss() >> 20);
}

macro_rules! wrong_answers {
    ($($name:ident: $request:expr, $version:literal, $answer:expr;)*) => {$(
        #[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            ends(stringify!($name), $request, $version, $answer).await;
        }
    )*};
}

const HUGE: [u8; 4] = i32::MAX.to_be_bytes();
const HUGE_COMPACT: [u8; 5] = [0xff, 0xff, 0xff, 0xff, 0x0f];

fn fetch(version: i16) -> FetchRequest {
    RawConnection::fetch_request(&place("batch.mock"), version, 0, 100)
}

wrong_answers! {
    // Conformance: TE-18.
    mock_answer_to_another_request: ApiVersionsRequest::default(), 0, |id| frame(id + 1, &[0; 6]);
    mock_answer_with_the_proxys_own_number: ApiVersionsRequest::default(), 0, |_| frame(i32::MIN, &[0; 6]);
    mock_answer_of_no_bytes: ApiVersionsRequest::default(), 0, |_| vec![0; 4];
    mock_answer_of_three_bytes: ApiVersionsRequest::default(), 0, |_| vec![0, 0, 0, 3, 0, 0, 0];
    mock_answer_of_negative_length: ApiVersionsRequest::default(), 0, |_| vec![0xff; 32];
    mock_answer_of_huge_length: ApiVersionsRequest::default(), 0, |_| [&HUGE[..], &[0; 32]].concat();
    mock_answer_with_a_huge_count: ApiVersionsRequest::default(), 0, |id| frame(id, &[&[0, 0], &HUGE[..]].concat());
    mock_answer_that_is_cut_off: ApiVersionsRequest::default(), 0, |id| frame(id, &[0, 0, 0, 0, 0, 9, 0, 1]);
    mock_answer_without_a_body: ApiVersionsRequest::default(), 0, |id| frame(id, &[]);
    mock_answer_with_bytes_behind_it: ApiVersionsRequest::default(), 0, |id| {
        let sound = encode(id, &ApiVersionsResponse::default().with_api_keys(vec![ApiVersion::default()]), 0);
        frame(id, &[&sound[8..], &[1]].concat())
    };
    mock_metadata_with_a_huge_count: MetadataRequest::default(), 1, |id| frame(id, &HUGE);
    mock_metadata_with_a_huge_compact_count: MetadataRequest::default(), 12, |id| {
        frame(id, &[&[0, 0, 0, 0, 0], &HUGE_COMPACT[..]].concat())
    };
    mock_metadata_that_is_garbage: MetadataRequest::default(), 12, |id| frame(id, &Payload::new(1).bytes(300));
    mock_fetch_with_a_huge_count: fetch(4), 4, |id| frame(id, &[&[0; 4], &HUGE[..]].concat());
    mock_fetch_with_a_huge_compact_count: fetch(12), 12, |id| frame(id, &[&[0; 11], &HUGE_COMPACT[..]].concat());
    mock_fetch_that_is_garbage: fetch(12), 12, |id| frame(id, &Payload::new(2).bytes(300));
    mock_share_fetch_that_is_garbage: ShareFetchRequest::default(), 1, |id| frame(id, &Payload::new(3).bytes(300));
    mock_fetch_with_records_that_are_not_there: fetch(4), 4, |id| {
        let sound = encode(id, &fetched("clear.mock", &[(0, Batch::of(&Payload::new(1).orders(2)).into())]), 4);
        frame(id, &sound[8..sound.len() - 5])
    };
}

/// Record bytes that no broker would store: an error, while the partition beside it is delivered.
#[tokio::test(flavor = "multi_thread")]
async fn mock_broken_records_are_errors() {
    let sound = Batch::of(&Payload::new(1).orders(3));
    let field = |field, value| {
        let mut batch = sound.clone();
        batch.set(field, value);
        batch.seal();
        Bytes::from(batch)
    };
    let length = |length: i32| {
        let mut bytes = sound.bytes().to_vec();
        bytes[8..12].copy_from_slice(&length.to_be_bytes());
        Bytes::from(bytes)
    };
    let broken = [
        ("negative length", length(-1)),
        ("length of zero", length(0)),
        ("short length", length(20)),
        ("unknown magic", field(Field::Magic, 9)),
        ("negative count", field(Field::Count, -7)),
        ("records that are not counted", field(Field::Count, 0)),
        ("huge count", field(Field::Count, i64::from(i32::MAX))),
        ("unknown codec", field(Field::Attributes, 7)),
        ("no zstd", field(Field::Attributes, 4)),
    ];
    for (what, records) in broken {
        let beside = sound.clone();
        let proxy = proxy_before_mock(Arc::new(move |id| {
            encode(id, &fetched("clear.mock", &[(0, records.clone()), (1, beside.clone().into())]), 12)
        }))
        .await;
        let mut connection = RawConnection::connect(&proxy.bootstrap()).await.unwrap();
        let answer = connection.call(&fetch(12), 12).await.unwrap();
        let [broken, beside] = &answer.responses[0].partitions[..] else { panic!("{what}: {answer:?}") };
        assert_eq!(broken.error_code, 2, "{what}");
        assert!(broken.records.as_ref().is_none_or(Bytes::is_empty), "{what}");
        assert_eq!(beside.error_code, 0, "{what}");
        assert_eq!(beside.records.as_deref(), Some(sound.bytes()), "{what}");
        assert!(proxy.runs() && !proxy.log().contains("panicked"), "{what}");
    }
}

/// TE-B05: records of a topic id that no name is known for are an error, whether they are sealed or clear.
#[tokio::test(flavor = "multi_thread")]
async fn mock_records_of_a_nameless_topic_never_reach_the_client() {
    let nameless = Uuid::from_u128(77);
    let records = Batch::of(&Payload::new(5).orders(3));
    let answer = move |id| {
        // The proxy's own questions have numbers below zero: what the topic's name is.
        if id < 0 {
            return encode(id, &MetadataResponse::default(), 12);
        }
        let mut answer = fetched("", &[(0, records.clone().into()), (1, Bytes::new())]);
        answer.responses[0].topic_id = nameless;
        encode(id, &answer, 17)
    };
    let proxy = proxy_before_mock(Arc::new(answer)).await;
    let mut connection = RawConnection::connect(&proxy.bootstrap()).await.unwrap();
    for _ in 0..2 {
        let at = Location { topic_id: nameless, ..place("") };
        let request = RawConnection::fetch_request(&at, 17, 0, 100);
        let answer = connection.call(&request, 17).await.unwrap();
        let [refused, empty] = &answer.responses[0].partitions[..] else { panic!("{answer:?}") };
        assert_eq!(KafkaErrorName::from_code(refused.error_code).unwrap(), "UNKNOWN_TOPIC_ID");
        assert!(refused.records.as_ref().is_none_or(Bytes::is_empty), "its records are delivered");
        assert_eq!(empty.error_code, 0, "nothing is wrong with no records");
    }
}

/// An answer that nobody waits for.
/// Conformance: TE-18.
#[tokio::test(flavor = "multi_thread")]
async fn mock_answers_twice() {
    let sound = ApiVersionsResponse::default().with_api_keys(vec![ApiVersion::default().with_max_version(3)]);
    let proxy =
        proxy_before_mock(Arc::new(move |id| [encode(id, &sound, 0), encode(id, &sound, 0)].concat())).await;
    let mut connection = RawConnection::connect(&proxy.bootstrap()).await.unwrap();
    connection.call(&ApiVersionsRequest::default(), 0).await.unwrap();
    assert!(connection.closes_within(PATIENCE).await, "the second answer is kept for the next request");
    assert!(proxy.runs());
}
