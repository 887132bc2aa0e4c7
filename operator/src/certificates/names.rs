//! Names that a server certificate is for.

use std::collections::BTreeSet;
use std::net::IpAddr;

use tokio_rustls::rustls::pki_types::{self, DnsName};

const WILDCARD: &str = "*.";
/// The longest DNS name.
const MAX_LEN: usize = 253;

/// The names of a server; their order and case do not matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerNames(BTreeSet<ServerName>);

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ServerName {
    Dns(String),
    Ip(IpAddr),
}

/// Why texts are no names of a server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NamesError {
    /// A certificate without names serves nobody.
    #[error("a server certificate needs at least one name")]
    None,
    /// Neither a DNS name nor an address.
    #[error("{0:?} is neither a DNS name nor an IP address")]
    Name(String),
}

impl ServerNames {
    /// Takes DNS names, of which the first label may be `*`, and IP addresses without brackets.
    pub fn new(names: impl IntoIterator<Item = impl AsRef<str>>) -> Result<Self, NamesError> {
        let names: BTreeSet<_> =
            names.into_iter().map(|name| ServerName::parse(name.as_ref())).collect::<Result<_, _>>()?;
        if names.is_empty() { Err(NamesError::None) } else { Ok(Self(names)) }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &ServerName> {
        self.0.iter()
    }

    pub(super) fn are(&self, names: &BTreeSet<ServerName>) -> bool {
        self.0 == *names
    }
}

impl ServerName {
    fn parse(text: &str) -> Result<Self, NamesError> {
        if let Ok(address) = text.parse() {
            return Ok(Self::Ip(address));
        }
        let name = text.strip_suffix('.').unwrap_or(text);
        let labels = name.strip_prefix(WILDCARD).unwrap_or(name);
        match DnsName::try_from(labels) {
            Ok(_) if name.len() <= MAX_LEN => Ok(Self::Dns(name.to_ascii_lowercase())),
            _ => Err(NamesError::Name(text.to_owned())),
        }
    }

    /// A name under which a client may know the server.
    pub(super) fn asked_for(&self) -> Option<pki_types::ServerName<'static>> {
        match self {
            Self::Ip(address) => Some(pki_types::ServerName::from(*address)),
            Self::Dns(name) => match name.strip_prefix(WILDCARD) {
                Some(labels) => format!("x.{labels}").try_into().ok(),
                None => name.clone().try_into().ok(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_case_and_final_dots_do_not_matter() {
        let names = ServerNames::new(["B.example.", "10.0.0.1", "a", "a"]).unwrap();
        assert_eq!(names, ServerNames::new(["10.0.0.1", "a", "b.example"]).unwrap());
    }

    #[test]
    fn refuses_what_is_no_name() {
        assert_eq!(ServerNames::new([""; 0]), Err(NamesError::None));
        let long = "a".repeat(64);
        for bad in ["", ".", "a..b", "a b", "a.*.b", "*", "-a", "a.1", "[::1]", "ä", "a:1", &long] {
            assert_eq!(ServerNames::new([bad]), Err(NamesError::Name(bad.to_owned())), "{bad}");
        }
        for good in ["*.example.com", "::1", "k-encryption.kafka.svc"] {
            assert!(ServerNames::new([good]).is_ok(), "{good}");
        }
    }
}
