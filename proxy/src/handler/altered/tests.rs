use super::*;
use crate::topics::Facts;
use bytes::BytesMut;
use kafka_protocol::messages::alter_configs_response::AlterConfigsResourceResponse;
use kafka_protocol::messages::create_topics_response::CreatableTopicResult;
use kafka_protocol::messages::delete_topics_response::DeletableTopicResult;
use kafka_protocol::messages::{
    AlterConfigsResponse, ApiKey, CreateTopicsResponse, DeleteTopicsResponse,
    IncrementalAlterConfigsResponse, ResponseHeader, TopicName, incremental_alter_configs_response,
};
use kafka_protocol::protocol::{Encodable, HeaderVersion, StrBytes};
use uuid::Uuid;

const ID: [u8; 16] = [1; 16];
const REQUEST_TIMED_OUT: i16 = 7;
const BROKER: i8 = 4;

fn orders() -> StrBytes {
    StrBytes::from_static_str("orders")
}

/// Whether what was told of the topic itself and of another one is believed after the answer.
#[derive(Debug, PartialEq, Eq)]
struct Believed {
    itself: bool,
    other: bool,
}

const BOTH: Believed = Believed { itself: true, other: true };
const OTHER: Believed = Believed { itself: false, other: true };
const NEITHER: Believed = Believed { itself: false, other: false };

fn after(api: ApiKey, version: i16, message: &[u8]) -> Believed {
    let topics = Topics::default();
    topics.learn([("orders", ID), ("payments", [2; 16])].into_iter());
    for topic in ["orders", "payments"] {
        topics.set_facts(topic, Facts { compacted: Some(false), max_message_bytes: None });
    }
    note(&topics, api as i16, version, message);
    let believed = |topic| topics.facts(topic).is_some();
    Believed { itself: believed("orders"), other: believed("payments") }
}

fn message<T: Encodable + HeaderVersion>(answer: &T, version: i16) -> BytesMut {
    let mut message = BytesMut::new();
    ResponseHeader::default().encode(&mut message, T::header_version(version)).unwrap();
    answer.encode(&mut message, version).unwrap();
    message
}

fn created(error: i16, version: i16) -> BytesMut {
    let topic = CreatableTopicResult::default().with_name(TopicName(orders())).with_error_code(error);
    message(&CreateTopicsResponse::default().with_topics(vec![topic]), version)
}

fn deleted(name: Option<StrBytes>, id: [u8; 16], error: i16, version: i16) -> BytesMut {
    let topic = DeletableTopicResult::default().with_name(name.map(TopicName)).with_error_code(error);
    let topic = topic.with_topic_id(Uuid::from_bytes(id));
    message(&DeleteTopicsResponse::default().with_responses(vec![topic]), version)
}

fn replaced(error: i16, version: i16) -> BytesMut {
    let topic =
        AlterConfigsResourceResponse::default().with_resource_type(TOPIC).with_resource_name(orders());
    let topic = topic.with_error_code(error);
    message(&AlterConfigsResponse::default().with_responses(vec![topic]), version)
}

fn configured(kind: i8, error: i16, version: i16) -> BytesMut {
    let resource = incremental_alter_configs_response::AlterConfigsResourceResponse::default();
    let resource = resource.with_resource_type(kind).with_resource_name(orders()).with_error_code(error);
    message(&IncrementalAlterConfigsResponse::default().with_responses(vec![resource]), version)
}

/// Answers of each kind and version with this error.
fn answers(error: i16) -> Vec<(ApiKey, i16, BytesMut)> {
    let none = [0; 16];
    let created = (2..=7).map(|version| (ApiKey::CreateTopics, version, created(error, version)));
    let deleted =
        (1..=6).map(|version| (ApiKey::DeleteTopics, version, deleted(Some(orders()), none, error, version)));
    let replaced = (0..=2).map(|version| (ApiKey::AlterConfigs, version, replaced(error, version)));
    let configured =
        (0..=1).map(|version| (ApiKey::IncrementalAlterConfigs, version, configured(TOPIC, error, version)));
    created.chain(deleted).chain(replaced).chain(configured).collect()
}

#[test]
fn a_topic_that_was_altered_is_asked_for_anew_and_no_other() {
    for (api, version, answer) in answers(0) {
        assert_eq!(after(api, version, &answer), OTHER, "{api:?} {version}");
    }
}

#[test]
fn what_was_refused_leaves_what_is_believed() {
    for error in REFUSED {
        for (api, version, answer) in answers(error) {
            assert_eq!(after(api, version, &answer), BOTH, "{api:?} {version}, error {error}");
        }
    }
}

#[test]
fn what_may_have_been_done_counts() {
    let topic_already_exists = 36;
    for error in [REQUEST_TIMED_OUT, topic_already_exists, -1] {
        for (api, version, answer) in answers(error) {
            assert_eq!(after(api, version, &answer), OTHER, "{api:?} {version}, error {error}");
        }
    }
}

#[test]
fn a_brokers_own_configuration_counts_for_all_topics() {
    let answer = configured(BROKER, 0, 1);
    assert_eq!(after(ApiKey::IncrementalAlterConfigs, 1, &answer), NEITHER);
}

#[test]
fn loggers_client_metrics_and_groups_count_for_no_topic() {
    for kind in APART {
        let answer = configured(kind, 0, 1);
        assert_eq!(after(ApiKey::IncrementalAlterConfigs, 1, &answer), BOTH, "type {kind}");
    }
}

#[test]
fn a_topic_without_a_name_is_known_by_its_id() {
    for error in [0, REQUEST_TIMED_OUT] {
        let answer = deleted(None, ID, error, 6);
        assert_eq!(after(ApiKey::DeleteTopics, 6, &answer), OTHER, "error {error}");
    }
}

#[test]
fn an_id_that_nobody_knows_counts_for_all_topics_only_where_it_is_gone() {
    for (error, expected) in [(0, NEITHER), (REQUEST_TIMED_OUT, BOTH)] {
        let answer = deleted(None, [9; 16], error, 6);
        assert_eq!(after(ApiKey::DeleteTopics, 6, &answer), expected, "error {error}");
    }
}

#[test]
fn an_answer_that_cannot_be_read_counts_for_all_topics() {
    for (api, version, answer) in answers(29) {
        let cut = &answer[..answer.len() - 1];
        assert_eq!(after(api, version, cut), NEITHER, "{api:?} {version}");
    }
}
