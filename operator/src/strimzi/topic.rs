//! The `KafkaTopic` resource.

use kube::core::DynamicObject;
use proxy_config::TopicName;
use serde_json::Value;

use super::field::{Field, ParseError};
use super::object::Object;
use super::state::KafkaState;

/// What we read of a `KafkaTopic`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KafkaTopic {
    /// The name of the resource, which need not be that of the topic.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// The Kafka cluster that it says it belongs to.
    pub cluster: Option<String>,
    /// The name of the topic in Kafka.
    pub topic: TopicName,
    /// The id of the topic, as Kafka writes it; none while unmanaged or paused.
    pub topic_id: Option<String>,
    /// `cleanup.policy`, if the resource sets it.
    pub cleanup_policy: Option<CleanupPolicy>,
    /// `max.message.bytes`, if the resource sets it.
    pub max_message_bytes: Option<u64>,
    /// Whether Strimzi keeps the topic as the resource says.
    pub managed: bool,
    /// How it is.
    pub state: KafkaState,
    /// Whether its status is about this generation of its spec, and nobody asked Strimzi to leave it alone.
    pub current: bool,
}

/// What brokers do with old records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CleanupPolicy {
    /// They keep the last record of each key.
    pub compact: bool,
    /// They delete records by age and size.
    pub delete: bool,
}

/// Whether a topic is compacted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compaction {
    /// It is, or will be as soon as Strimzi gets to it.
    Compacted,
    /// It positively is not.
    NotCompacted,
    /// The resource does not tell: it leaves it to the broker's default, or Strimzi has not made it true.
    Unknown,
}

impl KafkaTopic {
    /// Whether the topic is compacted. Only what Strimzi reports as done, of a topic whose id is known, counts as
    /// not compacted: on that word keys leave the sight of the log cleaner.
    pub fn compaction(&self) -> Compaction {
        let done = self.managed && self.current && self.state.is_ready() && self.topic_id.is_some();
        match self.cleanup_policy {
            Some(policy) if policy.compact => Compaction::Compacted,
            Some(_) if done => Compaction::NotCompacted,
            _ => Compaction::Unknown,
        }
    }
}

impl TryFrom<&DynamicObject> for KafkaTopic {
    type Error = ParseError;

    fn try_from(object: &DynamicObject) -> Result<Self, ParseError> {
        let object = Object::from(object);
        let (name, config) = (object.name()?, object.spec.get("config")?);
        let observed = object.status.get("observedGeneration")?.integer()?;
        Ok(Self {
            topic: parse_topic_name(&object, &name)?,
            name,
            namespace: object.namespace()?,
            cluster: object.cluster(),
            topic_id: object.status.get("topicId")?.owned()?,
            cleanup_policy: CleanupPolicy::parse(&config.get("cleanup.policy")?)?,
            max_message_bytes: parse_size(&config.get("max.message.bytes")?)?,
            managed: object.annotation("strimzi.io/managed") != Some("false"),
            state: KafkaState::parse(&object.status)?,
            current: observed.is_some()
                && observed == object.metadata.generation
                && !object.pause_requested(),
        })
    }
}

impl CleanupPolicy {
    /// Text as Kafka has it, or the list that the Topic Operator also takes.
    fn parse(field: &Field<'_>) -> Result<Option<Self>, ParseError> {
        let words = match field.raw() {
            None => return Ok(None),
            Some(Value::Array(_)) => field.texts()?,
            Some(Value::String(text)) => text.split(',').map(str::to_owned).collect(),
            Some(_) => return Err(field.expected("text or a list of texts")),
        };
        let mut policy = Self::default();
        for word in &words {
            match word.trim() {
                "compact" => policy.compact = true,
                "delete" => policy.delete = true,
                "" => {}
                _ => return Err(field.wrong("must be made of delete and compact")),
            }
        }
        Ok(Some(policy))
    }
}

/// Status knows best; the spec may override the name of the resource.
fn parse_topic_name(object: &Object<'_>, name: &str) -> Result<TopicName, ParseError> {
    for field in [object.status.get("topicName")?, object.spec.get("topicName")?] {
        if let Some(topic) = field.text()? {
            return TopicName::new(topic).map_err(|error| field.wrong(error.to_string()));
        }
    }
    TopicName::new(name)
        .map_err(|error| ParseError::Value { field: "metadata.name".to_owned(), problem: error.to_string() })
}

/// A number, or text with one: values of topics' configuration may be either.
pub(super) fn parse_size(field: &Field<'_>) -> Result<Option<u64>, ParseError> {
    let size = match field.raw() {
        None => return Ok(None),
        Some(Value::String(text)) => text.trim().parse().ok(),
        Some(value) => value.as_u64(),
    };
    size.map(Some).ok_or_else(|| field.expected("a number of bytes"))
}

#[cfg(test)]
mod tests;
