//! What becomes of each `KafkaTopic`.

use std::path::PathBuf;

use operator_api::{RecordFormat, UnmatchedTopics};
use proxy_config::{KeyRef, is_internal_topic};
use serde::Serialize;

use super::finding::{Code, Findings, Severity};
use super::objects::{KafkaName, Object, Objects, Topic, size};
use crate::policies::{Encrypt, Merged, MergedRule, PolicyId, Treatment};

/// What producers send at most by default (`max.request.size`).
const LARGEST_BATCH: u64 = 1_048_576;
const CLEANUP_POLICY: &str = "spec.config.cleanup.policy";

/// What becomes of one topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TopicRow {
    /// The file of its `KafkaTopic`.
    pub file: PathBuf,
    /// The document in it, from 1.
    pub document: usize,
    /// Its Kafka cluster.
    pub kafka: KafkaName,
    /// Its name in Kafka.
    pub topic: String,
    /// What becomes of it.
    pub state: TopicState,
    /// The policy that says so.
    pub policy: Option<PolicyRef>,
    /// The pattern that says so.
    pub pattern: Option<String>,
    /// The key, if it is encrypted.
    pub key: Option<KeyRef>,
    /// How it is encrypted, as far as the files tell: `Batch` or `Record`.
    pub format: Option<RecordFormat>,
}

/// A policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PolicyRef {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// What becomes of a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum TopicState {
    /// It is encrypted.
    Encrypted,
    /// Nobody can write to it.
    Refused,
    /// It is clear, since a rule says so.
    Clear,
    /// It is clear, since no rule is for it.
    Unmatched,
    /// It is Kafka's own, and clear.
    Internal,
}

/// Looks at all topics of a Kafka cluster.
pub(super) fn check(
    kafka: &KafkaName,
    merged: &Merged,
    objects: &Objects,
    findings: &mut Findings,
) -> Vec<TopicRow> {
    let of_brokers =
        objects.kafka(kafka).and_then(|kafka| size(&kafka.content, "/spec/kafka/config/message.max.bytes"));
    let topics = objects.topics.iter().filter(|topic| topic.content.kafka == *kafka);
    let rows = topics.map(|topic| {
        let rule = merged.program.decide(&topic.content.name);
        remark(topic, rule, merged.program.unmatched(), of_brokers, findings);
        row(topic, rule, merged.program.unmatched())
    });
    let mut rows: Vec<_> = rows.collect();
    rows.sort_by(|a, b| a.topic.cmp(&b.topic));
    rows
}

fn row(topic: &Object<Topic>, rule: Option<&MergedRule>, unmatched: UnmatchedTopics) -> TopicRow {
    let (state, encrypt) = match rule.map(|rule| &rule.treatment) {
        Some(Treatment::Encrypt(encrypt)) => (TopicState::Encrypted, Some(encrypt)),
        Some(Treatment::Pending { .. } | Treatment::Retired { .. }) => (TopicState::Refused, None),
        Some(Treatment::Clear) => (TopicState::Clear, None),
        None if is_internal_topic(&topic.content.name) => (TopicState::Internal, None),
        None if unmatched == UnmatchedTopics::Reject => (TopicState::Refused, None),
        None => (TopicState::Unmatched, None),
    };
    let policy = rule.and_then(|rule| rule.source.as_ref());
    TopicRow {
        file: topic.place().file.clone(),
        document: topic.place().document,
        kafka: topic.content.kafka.clone(),
        topic: topic.content.name.clone(),
        state,
        policy: policy.map(|PolicyId { namespace, name }| PolicyRef {
            namespace: namespace.clone(),
            name: name.clone(),
        }),
        pattern: rule.map(|rule| rule.pattern.to_string()),
        key: encrypt.map(|encrypt| encrypt.key.clone()),
        format: encrypt.map(|encrypt| format(encrypt, &topic.content)),
    }
}

/// What `Auto` comes to, given the topic's configuration.
fn format(encrypt: &Encrypt, topic: &Topic) -> RecordFormat {
    match encrypt.format {
        RecordFormat::Auto if topic.is_compacted() => RecordFormat::Record,
        RecordFormat::Auto => RecordFormat::Batch,
        format @ (RecordFormat::Batch | RecordFormat::Record) => format,
    }
}

fn remark(
    topic: &Object<Topic>,
    rule: Option<&MergedRule>,
    unmatched: UnmatchedTopics,
    of_brokers: Option<u64>,
    findings: &mut Findings,
) {
    let Topic { name, max_message_bytes, .. } = &topic.content;
    let by = |rule: &MergedRule| {
        let source = rule.source.as_ref().map_or_else(String::new, |policy| format!(" of policy {policy}"));
        format!("{}{source}", rule.pattern)
    };
    let mut add =
        |severity, code, field, message| findings.add(topic.place().finding(severity, code, field, message));
    match rule.map(|rule| (rule, &rule.treatment)) {
        None if is_internal_topic(name) => {}
        None if unmatched == UnmatchedTopics::Reject => {
            let message = format!("no rule is for topic {name}, and the EncryptionProxy rejects such topics");
            add(Severity::Warning, Code::TopicRefused, "", message);
        }
        None => {
            let message = format!("topic {name} is left in clear: no rule is for it");
            add(Severity::Warning, Code::TopicInClear, "", message);
        }
        Some((rule, Treatment::Clear)) => {
            let message = format!("topic {name} is left in clear: {} says encryption: Disabled", by(rule));
            add(Severity::Note, Code::TopicInClear, "", message);
        }
        Some((rule, Treatment::Retired { .. } | Treatment::Pending { .. })) => {
            let message = format!("nobody can write to topic {name}, since {} is refused", by(rule));
            add(Severity::Warning, Code::TopicRefused, "", message);
        }
        Some((rule, Treatment::Encrypt(encrypt))) => {
            if topic.content.is_compacted() && encrypt.format == RecordFormat::Batch {
                let message = format!(
                    "topic {name} is compacted, and {} says format: Batch, which is refused there: say Auto or Record",
                    by(rule)
                );
                add(Severity::Error, Code::BatchOnCompactedTopic, CLEANUP_POLICY, message);
            }
            let wanted = LARGEST_BATCH + LARGEST_BATCH.div_ceil(10);
            if let Some(bytes) = max_message_bytes.or(of_brokers).filter(|bytes| *bytes < wanted) {
                let whose = if max_message_bytes.is_none() {
                    " (message.max.bytes of the Kafka resource)"
                } else {
                    ""
                };
                let message = format!(
                    "{bytes}{whose} leaves little room for what encryption adds: a batch of {LARGEST_BATCH} bytes, which producers \
                     send by default, may need {wanted}"
                );
                add(Severity::Note, Code::SizeHeadroom, "spec.config.max.message.bytes", message);
            }
        }
    }
}

impl Topic {
    fn is_compacted(&self) -> bool {
        let mut policies = self.cleanup_policy.iter().flat_map(|policies| policies.split(','));
        policies.any(|policy| policy.trim() == "compact")
    }
}
