//! How patterns and keys stand in files that the operator writes and reads back.

use operator_api::{KeyRef as KeySpec, TopicPattern};
use proxy_config::{KeyName, KeyRef, Pattern, ProviderName, TopicName, TopicPrefix, is_internal_topic};
use serde::{Deserialize, Serialize};

/// What is wrong with a file that the operator wrote.
#[derive(Debug, thiserror::Error)]
pub enum TextError {
    /// It is no YAML, or not of this form.
    #[error("{0}")]
    Form(#[source] serde_yaml::Error),
    /// It is of a version that this operator does not know.
    #[error("version: must be {known}, not {found}; a newer operator may have written this")]
    Version {
        /// The version that it knows.
        known: u32,
        /// That of the file.
        found: u32,
    },
    /// A pattern stands in two places.
    #[error("{field}: is the same pattern as an earlier one, {pattern}")]
    Duplicate {
        /// The second place.
        field: String,
        /// The pattern.
        pattern: Pattern,
    },
    /// A rule contradicts itself.
    #[error("{field}: {problem}")]
    Rule {
        /// The rule.
        field: String,
        /// What is wrong.
        problem: &'static str,
    },
}

/// A pattern as `{name: …}`, `{prefix: …}` or `{any: true}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "PatternFields", into = "PatternFields")]
pub(crate) struct PatternText(pub(crate) Pattern);

/// A key as `{provider: …, name: …}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "KeyFields", into = "KeyFields")]
pub(super) struct KeyText(pub(super) KeyRef);

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PatternFields {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    prefix: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    any: Option<bool>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyFields {
    #[serde(default = "default_provider")]
    provider: String,
    name: String,
}

/// A field that cannot be taken, with the reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub(super) struct FieldError {
    /// Its name; empty if the whole is meant.
    pub(super) field: &'static str,
    /// What is wrong with it.
    pub(super) problem: String,
}

impl FieldError {
    fn new(field: &'static str, problem: impl Into<String>) -> Self {
        Self { field, problem: problem.into() }
    }
}

/// Writes our own types as YAML.
pub(super) fn write(value: &impl Serialize) -> String {
    serde_yaml::to_string(value).expect("mappings, lists and text have a form in YAML")
}

/// Reads a pattern of a policy.
pub(super) fn pattern(spec: &TopicPattern) -> Result<Pattern, FieldError> {
    match (&spec.name, &spec.prefix, spec.any) {
        (Some(name), None, None) => TopicName::new(name.as_str())
            .map(Pattern::Name)
            .map_err(|error| FieldError::new("name", format!("{error}, not {name:?}"))),
        (None, Some(prefix), None) => TopicPrefix::new(prefix.as_str())
            .map(Pattern::Prefix)
            .map_err(|error| FieldError::new("prefix", format!("{error}, not {prefix:?}"))),
        (None, None, Some(true)) => Ok(Pattern::Any),
        _ => Err(FieldError::new("", "must have exactly one of name, prefix and any: true")),
    }
}

/// Reads a key of a policy.
pub(super) fn key(spec: &KeySpec) -> Result<KeyRef, FieldError> {
    let name = KeyName::new(spec.name.as_str())
        .map_err(|error| FieldError::new("name", format!("{error}, not {:?}", spec.name)))?;
    let provider = ProviderName::new(spec.provider.as_str())
        .map_err(|error| FieldError::new("provider", format!("{error}, not {:?}", spec.provider)))?;
    Ok(KeyRef { provider, name })
}

impl TryFrom<PatternFields> for PatternText {
    type Error = FieldError;

    fn try_from(fields: PatternFields) -> Result<Self, FieldError> {
        let PatternFields { name, prefix, any } = fields;
        let pattern = pattern(&TopicPattern { name, prefix, any })?;
        match &pattern {
            Pattern::Name(name) if is_internal_topic(name.as_str()) => {
                Err(FieldError::new("name", "must not be an internal topic of Kafka"))
            }
            _ => Ok(Self(pattern)),
        }
    }
}

impl From<PatternText> for PatternFields {
    fn from(PatternText(pattern): PatternText) -> Self {
        match pattern {
            Pattern::Name(name) => Self { name: Some(name.to_string()), ..Self::default() },
            Pattern::Prefix(prefix) => Self { prefix: Some(prefix.to_string()), ..Self::default() },
            Pattern::Any => Self { any: Some(true), ..Self::default() },
        }
    }
}

impl TryFrom<KeyFields> for KeyText {
    type Error = FieldError;

    fn try_from(KeyFields { provider, name }: KeyFields) -> Result<Self, FieldError> {
        key(&KeySpec { name, provider }).map(Self)
    }
}

impl From<KeyText> for KeyFields {
    fn from(KeyText(key): KeyText) -> Self {
        Self { provider: key.provider.to_string(), name: key.name.to_string() }
    }
}

pub(super) fn default_provider() -> String {
    "default".to_owned()
}
