//! Which topics a rule is for.

use std::fmt;

use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

use super::internal::is_internal_topic;
use crate::name::{TopicName, TopicPrefix};
use crate::reader::Field;

/// A set of topics.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pattern {
    /// One topic.
    Name(TopicName),
    /// All topics whose names begin so.
    Prefix(TopicPrefix),
    /// All topics but Kafka's own.
    Any,
}

/// How narrow a pattern is. Of the patterns that match one topic no two are equally specific.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Specificity {
    /// Every topic.
    Any,
    /// A prefix of this length.
    Prefix(usize),
    /// One topic.
    Name,
}

impl Pattern {
    /// How narrow this is.
    pub fn specificity(&self) -> Specificity {
        match self {
            Self::Name(_) => Specificity::Name,
            Self::Prefix(prefix) => Specificity::Prefix(prefix.as_str().len()),
            Self::Any => Specificity::Any,
        }
    }

    /// Whether a topic belongs to the set. Kafka's internal topics belong to none.
    pub fn matches(&self, topic: &str) -> bool {
        let matches = match self {
            Self::Name(name) => name.as_str() == topic,
            Self::Prefix(prefix) => topic.starts_with(prefix.as_str()),
            Self::Any => true,
        };
        matches && !is_internal_topic(topic)
    }

    pub(super) fn read(field: &Field<'_>) -> Option<Self> {
        let fields = field.fields(&["name", "prefix", "any"])?;
        let (kind, value) = fields.only()?;
        match kind {
            "name" => read_name(value).map(Self::Name),
            "prefix" => value.parsed(TopicPrefix::new).map(Self::Prefix),
            _ => value.truth().map(|()| Self::Any),
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(f, "name {name}"),
            Self::Prefix(prefix) => write!(f, "prefix {prefix}"),
            Self::Any => f.write_str("any"),
        }
    }
}

// By hand, since the YAML library writes enums as tags.
impl Serialize for Pattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        match self {
            Self::Name(name) => map.serialize_entry("name", name)?,
            Self::Prefix(prefix) => map.serialize_entry("prefix", prefix)?,
            Self::Any => map.serialize_entry("any", &true)?,
        }
        map.end()
    }
}

fn read_name(field: &Field<'_>) -> Option<TopicName> {
    let name = field.parsed(|text| {
        TopicName::new(text).map_err(|error| {
            let hint = if text.ends_with('*') { " (for all that begin so, use prefix)" } else { "" };
            format!("{error}{hint}")
        })
    })?;
    if is_internal_topic(name.as_str()) {
        // A rule that never takes effect would be taken for protection.
        field.mistake(format!(
            "must not be an internal topic of Kafka, which no rule applies to, such as {name}"
        ));
        return None;
    }
    Some(name)
}
