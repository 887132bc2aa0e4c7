//! How clients reach the proxies.

use k8s_openapi::api::networking::v1::NetworkPolicyPeer;
use operator_api::{CipherSuite, ClientCertificates, ListenerType, TlsVersion};

/// A way for clients to the proxies.
#[derive(Debug, Clone)]
pub struct Listener {
    /// Its name.
    pub name: String,
    /// Its kind of Service.
    pub kind: ListenerType,
    /// Whether it has TLS.
    pub tls: bool,
    /// The bootstrap port.
    pub port: u16,
    /// The host that clients are told; `None` while a load balancer has no address yet.
    pub advertised_host: Option<String>,
    /// Whose certificates clients show, if these are asked for.
    pub clients: Option<Clients>,
    /// The oldest version of TLS that clients may speak, if that is said.
    pub min_version: Option<TlsVersion>,
    /// The cipher suites that clients may choose of; all, unless that is said.
    pub cipher_suites: Option<Vec<CipherSuite>>,
    /// Whether every connection comes through a load balancer that says whose it is.
    pub proxy_protocol: bool,
    /// Who may connect; everybody, if empty.
    pub peers: Vec<NetworkPolicyPeer>,
}

/// Whose certificates clients show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clients {
    /// Who issues them.
    pub authority: ClientAuthority,
    /// Whether clients may come without one.
    pub certificates: ClientCertificates,
    /// The Secret with what was revoked of them.
    pub revoked: Option<String>,
    /// Whose are taken; all, unless that is said.
    pub principals: Option<Vec<String>>,
}

/// The Secret with whoever issues clients' certificates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientAuthority {
    /// Strimzi's: while it replaces its authority, older ones are entries `*.crt` of their own, and count as well.
    Strimzi(String),
    /// Another: its `ca.crt` alone. A Secret of cert-manager also has a `tls.crt`, which is no authority.
    Given(String),
}

impl ClientAuthority {
    /// The Secret.
    pub fn secret(&self) -> &str {
        match self {
            Self::Strimzi(secret) | Self::Given(secret) => secret,
        }
    }
}
