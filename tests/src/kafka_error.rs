//! Kafka's error codes by the names that Kafka's documentation gives them.

use std::fmt::{self, Display, Formatter};

use kafka_protocol::ResponseError;

/// An error's name, such as `CORRUPT_MESSAGE`; a client's own errors have names of the client's making.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KafkaErrorName(String);

impl KafkaErrorName {
    /// By name.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// By code; 0 is none.
    pub fn from_code(code: i16) -> Option<Self> {
        let error = match ResponseError::try_from_code(code)? {
            ResponseError::Unknown(code) => return Some(Self(format!("UNKNOWN_CODE_{code}"))),
            error => format!("{error:?}"),
        };
        let mut name = String::with_capacity(error.len() + 8);
        for letter in error.trim_end_matches("Exception").chars() {
            if letter.is_ascii_uppercase() && !name.is_empty() {
                name.push('_');
            }
            name.push(letter.to_ascii_uppercase());
        }
        Some(Self(name))
    }
}

impl Display for KafkaErrorName {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl PartialEq<str> for KafkaErrorName {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

impl PartialEq<&str> for KafkaErrorName {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kafkas() {
        let name = |code| KafkaErrorName::from_code(code).map(|name| name.to_string());
        assert_eq!(name(0), None);
        assert_eq!(name(2).as_deref(), Some("CORRUPT_MESSAGE"));
        assert_eq!(name(17).as_deref(), Some("INVALID_TOPIC"));
        assert_eq!(name(56).as_deref(), Some("KAFKA_STORAGE_ERROR"));
        assert_eq!(name(100).as_deref(), Some("UNKNOWN_TOPIC_ID"));
        assert_eq!(name(-1).as_deref(), Some("UNKNOWN_SERVER_ERROR"));
    }
}
