//! What answers leave behind, and which are too large to be read.

use super::super::expected::queue;
use super::*;
use crate::budget::Budget;
use crate::fuzzing::session;
use crate::io::split_tls;
use crate::wire::WireError;
use kafka_protocol::messages::find_coordinator_response::Coordinator;
use kafka_protocol::messages::metadata_response::MetadataResponseTopic;
use kafka_protocol::messages::{BrokerId, FindCoordinatorResponse, MetadataResponse, TopicName};
use kafka_protocol::protocol::{Encodable, StrBytes};
use tokio::io::{AsyncWriteExt, DuplexStream};
use uuid::Uuid;

const METADATA_VERSION: i16 = 12;
const COORDINATOR_VERSION: i16 = 4;

/// Answers, and what the broker and the client have of them.
fn answers() -> (Answers, DuplexStream, DuplexStream) {
    let (broker, theirs) = tokio::io::duplex(usize::MAX);
    let (client, ours) = tokio::io::duplex(usize::MAX);
    let frames = FrameReader::new(split_tls(Box::new(theirs)).0, 64 << 20, Budget::new(64 << 20));
    let answers = Answers::new(Arc::new(session()), frames, split_tls(Box::new(ours)).1, queue().1);
    (answers, broker, client)
}

/// A whole frame with a flexible header.
fn framed(message: &impl Encodable, version: i16) -> Vec<u8> {
    let mut body = BytesMut::new();
    message.encode(&mut body, version).unwrap();
    [&length_prefix(body.len() + 5)[..], &[0, 0, 0, 1, 0], &body].concat()
}

/// About so many topics, with ids if there are these topics.
fn metadata(topics: u32, exist: bool) -> Vec<u8> {
    let topic = |index: u32| {
        let id = if exist { Uuid::from_u128(u128::from(index) + 1) } else { Uuid::nil() };
        MetadataResponseTopic::default()
            .with_error_code(if exist { 0 } else { 3 })
            .with_name(Some(TopicName(StrBytes::from_string(format!("topic-{index}")))))
            .with_topic_id(id)
    };
    framed(&MetadataResponse::default().with_topics((0..topics).map(topic).collect()), METADATA_VERSION)
}

fn coordinators(keys: u32) -> Vec<u8> {
    let coordinator = |key: u32| {
        Coordinator::default()
            .with_key(StrBytes::from_string(key.to_string()))
            .with_node_id(BrokerId(0))
            .with_host(StrBytes::from_static_str("broker-0"))
            .with_port(9092)
    };
    let answer = FindCoordinatorResponse::default().with_coordinators((0..keys).map(coordinator).collect());
    framed(&answer, COORDINATOR_VERSION)
}

#[tokio::test]
async fn a_connection_holds_nothing_of_a_large_metadata_answer() {
    let (mut answers, mut broker, _client) = answers();
    for exist in [false, true] {
        broker.write_all(&metadata(50_000, exist)).await.unwrap();
        answers.answer(1, Answer::Metadata { version: METADATA_VERSION }).await.unwrap();
        assert!(answers.metadata.topics.capacity() < 10, "{exist}");
    }
    assert!(answers.session.shared.topics.id("topic-49999").is_some(), "it was learned from");
}

#[tokio::test]
async fn coordinators_of_more_groups_than_any_client_has_are_not_decoded() {
    let (mut answers, mut broker, _client) = answers();
    let answer = || Answer::FindCoordinator { version: COORDINATOR_VERSION };
    broker.write_all(&coordinators(50_000)).await.unwrap();
    answers.answer(1, answer()).await.unwrap();
    broker.write_all(&coordinators(150_000)).await.unwrap();
    let refused = answers.answer(1, answer()).await;
    assert!(matches!(refused, Err(Close::Answer(WireError::TooMany(..)))), "{refused:?}");
}
