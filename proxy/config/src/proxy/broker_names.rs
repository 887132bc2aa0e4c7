//! Brokers told apart by the name that a client asks for in its TLS handshake (SNI, RFC 6066 section 3), all at one port.

use serde::{Serialize, Serializer};

use crate::address::{BrokerId, Host};
use crate::reader::Field;

/// What stands for the id of a broker.
const ID: &str = "{id}";
/// The longest label that an id adds.
const LONGEST_ID: &str = "2147483647";

/// Names of brokers, and the port at which clients find them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BrokerNames {
    /// The names.
    pub pattern: NamePattern,
    /// The port that clients are told; where something stands before the proxy, not the one that it listens on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advertised_port: Option<u16>,
}

/// A DNS name with `{id}` once, such as `broker-{id}.kafka.example.com`. Names of hosts do not tell cases apart (RFC 4343); this is
/// in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamePattern {
    before: String,
    after: String,
}

/// Why a text is no pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NamePatternError {
    /// None or several places for the id.
    #[error("must have {ID} once")]
    Id,
    /// With an id it is no name.
    #[error("must be a DNS name with any broker id in place of {ID}")]
    Name,
}

impl NamePattern {
    /// Checks a pattern.
    pub fn new(text: &str) -> Result<Self, NamePatternError> {
        let (before, after) = text.split_once(ID).ok_or(NamePatternError::Id)?;
        if after.contains(ID) {
            return Err(NamePatternError::Id);
        }
        let pattern = Self { before: before.to_ascii_lowercase(), after: after.to_ascii_lowercase() };
        let longest = pattern.with(LONGEST_ID);
        match Host::new(&longest) {
            // An id beside a digit would be read as another id's.
            Ok(host) if host.ip().is_none() && !pattern.touches_digits() => Ok(pattern),
            _ => Err(NamePatternError::Name),
        }
    }

    /// The name of a broker.
    pub fn name(&self, broker: BrokerId) -> String {
        self.with(&broker.to_string())
    }

    /// The broker that has a name, in lower case.
    pub fn broker(&self, name: &str) -> Option<BrokerId> {
        let digits = name.strip_prefix(self.before.as_str())?.strip_suffix(self.after.as_str())?;
        let broker = BrokerId::new(digits.parse().ok()?)?;
        // One name for a broker: no sign and no zeros in front.
        (broker.to_string() == digits).then_some(broker)
    }

    fn touches_digits(&self) -> bool {
        let is_digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
        is_digit(self.before.as_bytes().last()) || is_digit(self.after.as_bytes().first())
    }

    fn with(&self, id: &str) -> String {
        format!("{}{id}{}", self.before, self.after)
    }
}

impl Serialize for NamePattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.with(ID))
    }
}

impl BrokerNames {
    pub(super) fn read(field: &Field<'_>) -> Option<Self> {
        let fields = field.fields(&["pattern", "advertisedPort"])?;
        let pattern = fields.required("pattern").and_then(|field| field.parsed(NamePattern::new));
        let advertised_port = match fields.optional("advertisedPort") {
            None => None,
            Some(field) => Some(field.integer(1..=u16::MAX)?),
        };
        Some(Self { pattern: pattern?, advertised_port })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_broker_and_a_broker_one_name() {
        let pattern = NamePattern::new("Broker-{id}.Kafka.example.com").unwrap();
        for id in [0, 7, 1000, i32::MAX] {
            let broker = BrokerId::new(id).unwrap();
            assert_eq!(pattern.broker(&pattern.name(broker)), Some(broker));
        }
        assert_eq!(pattern.name(BrokerId::new(7).unwrap()), "broker-7.kafka.example.com");
        for name in
            ["broker-.kafka.example.com", "broker-07.kafka.example.com", "broker-+7.kafka.example.com"]
        {
            assert_eq!(pattern.broker(name), None, "{name}");
        }
        for name in ["broker-7.kafka.example.org", "broker--1.kafka.example.com", "kafka.example.com", ""] {
            assert_eq!(pattern.broker(name), None, "{name}");
        }
        assert_eq!(pattern.broker("broker-2147483648.kafka.example.com"), None);
    }

    #[test]
    fn a_pattern_is_a_name_for_every_broker() {
        for text in ["kafka.example.com", "b{id}-{id}.example.com"] {
            assert_eq!(NamePattern::new(text), Err(NamePatternError::Id), "{text}");
        }
        for text in
            ["b-{id}..com", "b_{id}.example.com ", "10.0.0.{id}", "b1{id}.example.com", "b{id}0.example.com"]
        {
            assert_eq!(NamePattern::new(text), Err(NamePatternError::Name), "{text}");
        }
        assert!(NamePattern::new("{id}.kafka.example.com").is_ok());
    }
}
