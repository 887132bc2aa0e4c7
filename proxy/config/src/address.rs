//! Addresses of brokers and of ourselves.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// Why a text is not an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// No colon and port behind the host.
    #[error("must be host:port")]
    NoPort,
    /// A port out of range, or no number.
    #[error("must have a port from 1 to 65535")]
    Port,
    /// An IPv6 address whose end cannot be told from the port.
    #[error("must have an IPv6 address in brackets, such as [::1]:9092")]
    Brackets,
    /// Neither a DNS name nor an IP address.
    #[error("must have a DNS name or an IP address as its host")]
    Host,
}

/// The id of a broker, never negative: Kafka uses negative ids for "no broker".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct BrokerId(i32);

/// A DNS name, or an IP address without brackets.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Host(String);

/// A host and a port, written `host:port` or `[ipv6]:port`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostPort {
    host: Host,
    port: u16,
}

impl BrokerId {
    /// Takes a number as a broker's id; `None` if it is negative.
    pub fn new(id: i32) -> Option<Self> {
        (id >= 0).then_some(Self(id))
    }

    /// The id as Kafka's protocol has it.
    pub fn value(self) -> i32 {
        self.0
    }
}

impl fmt::Display for BrokerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Host {
    /// Checks a DNS name or IP address; brackets around an IPv6 address are taken off.
    pub fn new(text: &str) -> Result<Self, AddressError> {
        let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        if let Some(bare) = bare {
            return bare.parse::<Ipv6Addr>().map(|_| Self(bare.to_owned())).map_err(|_| AddressError::Host);
        }
        if text.parse::<IpAddr>().is_ok() || is_dns_name(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(AddressError::Host)
        }
    }

    /// The name or address, without brackets.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address, if this is one rather than a name.
    pub fn ip(&self) -> Option<IpAddr> {
        self.0.parse().ok()
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl HostPort {
    /// Joins a host and a port; `None` for port 0, at which nobody can be reached.
    pub fn new(host: Host, port: u16) -> Option<Self> {
        (port != 0).then_some(Self { host, port })
    }

    /// The host.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The port, never 0.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl FromStr for HostPort {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if text.parse::<Ipv6Addr>().is_ok() {
            return Err(AddressError::Brackets);
        }
        let (host, port) = text.rsplit_once(':').ok_or(AddressError::NoPort)?;
        if host.contains(':') && !host.starts_with('[') {
            return Err(AddressError::Brackets);
        }
        let host = Host::new(host)?;
        // `parse` alone would take "+9092".
        let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
        let port = digits.then(|| port.parse().ok()).flatten().ok_or(AddressError::Port)?;
        Self::new(host, port).ok_or(AddressError::Port)
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.0.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl Serialize for HostPort {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Names as resolvers take them, with the underscores that container networks use. A text of digits and dots
/// only would be a mistyped IPv4 address.
fn is_dns_name(text: &str) -> bool {
    let labels = text.strip_suffix('.').unwrap_or(text);
    let label = |label: &str| {
        let bytes = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        (1..=63).contains(&label.len()) && bytes && !label.starts_with('-') && !label.ends_with('-')
    };
    let numeric = labels.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    text.len() <= 253 && !numeric && labels.split('.').all(label)
}
