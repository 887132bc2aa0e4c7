use serde_json::json;

use super::super::fixtures::{Edits, topic, topic_error};
use super::*;

#[test]
fn a_topic_is_read_whole() {
    let topic = topic(&[]);
    assert_eq!((topic.name.as_str(), topic.topic.as_str()), ("payments-orders", "payments.orders"));
    assert_eq!(topic.cluster.as_deref(), Some("my-cluster"));
    assert_eq!(topic.topic_id.as_deref(), Some("7gXwTtJ9SY2kB5n3Oq1VbA"));
    assert_eq!(topic.cleanup_policy, Some(CleanupPolicy { compact: false, delete: true }));
    assert_eq!(topic.max_message_bytes, Some(2_097_152));
    assert!(topic.managed && topic.current && topic.state.is_ready());
}

#[test]
fn the_name_is_that_of_status_then_of_spec_then_of_the_resource() {
    let name = |edits: Edits<'_>| topic(edits).topic.as_str().to_owned();
    assert_eq!(name(&[("/status/topicName", json!("real"))]), "real");
    assert_eq!(name(&[("/status/topicName", json!(null))]), "payments.orders");
    let neither = [("/status/topicName", json!(null)), ("/spec/topicName", json!(null))];
    assert_eq!(name(&neither), "payments-orders");
}

#[test]
fn values_of_the_configuration_may_be_text_or_not() {
    let policy = |value| topic(&[("/spec/config/cleanup.policy", value)]).cleanup_policy.unwrap();
    let both = CleanupPolicy { compact: true, delete: true };
    assert_eq!(policy(json!("compact, delete")), both);
    assert_eq!(policy(json!(["delete", "compact"])), both);
    assert_eq!(policy(json!("compact")), CleanupPolicy { compact: true, delete: false });
    assert_eq!(
        topic(&[("/spec/config/max.message.bytes", json!("1048588"))]).max_message_bytes,
        Some(1_048_588)
    );
    let unset = topic(&[("/spec/config", json!(null))]);
    assert_eq!((unset.cleanup_policy, unset.max_message_bytes), (None, None));
}

#[test]
fn a_topic_is_not_compacted_where_strimzi_reports_that_as_done() {
    assert_eq!(topic(&[]).compaction(), Compaction::NotCompacted);
}

#[test]
fn a_topic_that_is_to_be_compacted_counts_as_compacted_before_it_is() {
    let edits = [("/spec/config/cleanup.policy", json!("compact")), ("/metadata/generation", json!(3))];
    assert_eq!(topic(&edits).compaction(), Compaction::Compacted);
    let both = [("/spec/config/cleanup.policy", json!("delete,compact"))];
    assert_eq!(topic(&both).compaction(), Compaction::Compacted);
}

#[test]
fn anything_less_than_done_leaves_compaction_unknown() {
    let failed = json!([{"type": "Ready", "status": "False", "reason": "KafkaError", "message": "no"}]);
    for edit in [
        ("/spec/config/cleanup.policy", json!(null)),
        ("/metadata/generation", json!(3)),
        ("/metadata/annotations", json!({"strimzi.io/managed": "false"})),
        ("/metadata/annotations", json!({"strimzi.io/pause-reconciliation": "true"})),
        ("/status/topicId", json!(null)),
        ("/status/conditions", failed),
        ("/status/conditions", json!([{"type": "ReconciliationPaused", "status": "True"}])),
        ("/status", json!(null)),
    ] {
        assert_eq!(topic(std::slice::from_ref(&edit)).compaction(), Compaction::Unknown, "{edit:?}");
    }
}

#[test]
fn an_unmanaged_topic_says_so() {
    assert!(!topic(&[("/metadata/annotations", json!({"strimzi.io/managed": "false"}))]).managed);
}

#[test]
fn a_malformed_topic_is_an_error_that_names_the_field() {
    let name = "spec.topicName may only have letters, digits, '.', '_' and '-'";
    let policy = "spec.config.cleanup.policy must be made of delete and compact";
    for (pointer, value, expected) in [
        (
            "/spec/config/max.message.bytes",
            json!(-1),
            "spec.config.max.message.bytes must be a number of bytes",
        ),
        (
            "/spec/config/max.message.bytes",
            json!("1k"),
            "spec.config.max.message.bytes must be a number of bytes",
        ),
        ("/spec/config/cleanup.policy", json!("shred"), policy),
        (
            "/spec/config/cleanup.policy",
            json!(1),
            "spec.config.cleanup.policy must be text or a list of texts",
        ),
        ("/spec/config", json!("none"), "spec.config must be an object"),
        ("/spec/topicName", json!("a b"), name),
    ] {
        assert_eq!(topic_error(&[("/status/topicName", json!(null)), (pointer, value)]), expected);
    }
}
