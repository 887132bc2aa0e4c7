//! What stands behind the proxies.

use std::collections::BTreeMap;

use proxy_config::{BrokerId, HostPort};

/// What stands behind the proxies.
#[derive(Debug, Clone)]
pub struct Upstream {
    /// Where the cluster is found.
    pub bootstrap: Vec<HostPort>,
    /// Every broker.
    pub brokers: BTreeMap<BrokerId, HostPort>,
    /// The port of brokers.
    pub port: u16,
    /// Whom to trust; `None` is a clear connection.
    pub trust: Option<Trust>,
    /// Whom the proxies are, where clients' identities end at them.
    pub authentication: Option<Authentication>,
    /// How clients authenticate themselves, in Strimzi's words, for those who look for Kafka by Services.
    pub client_authentication: String,
}

/// Whom to trust as a broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// Every `*.crt` of a Secret.
    Secret(String),
    /// These certificates.
    Certificates(String),
}

/// A user of the proxies' own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authentication {
    /// A certificate: `user.crt` and `user.key` of a Secret.
    Tls {
        /// The Secret.
        secret: String,
    },
    /// A password: `password` of a Secret.
    ScramSha512 {
        /// The Secret.
        secret: String,
        /// The name of the user.
        username: String,
    },
}

impl Authentication {
    /// The Secret.
    pub fn secret(&self) -> &str {
        match self {
            Self::Tls { secret } | Self::ScramSha512 { secret, .. } => secret,
        }
    }
}
