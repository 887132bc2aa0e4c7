//! How clients reach the proxies.

use std::net::Ipv6Addr;

use k8s_openapi::api::networking::v1::NetworkPolicyPeer;
use operator_api::{CipherSuite, ClientCertificates, GatewayRef, ListenerType, TlsVersion};
use proxy_config::{BrokerId, BrokerNames, NamePattern};

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
    /// How brokers are told apart, if they have no ports of their own.
    pub broker_names: Option<BrokerNames>,
    /// The Gateways that lead to it; none, unless it is of the type `tlsroute`.
    pub gateways: Vec<GatewayRef>,
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

impl Listener {
    /// The bootstrap port that clients are told, and those of brokers with names.
    pub fn advertised_port(&self) -> u16 {
        self.broker_names.as_ref().and_then(|names| names.advertised_port).unwrap_or(self.port)
    }

    /// Where clients connect, by this host.
    pub fn bootstrap_servers(&self, host: &str) -> String {
        let port = self.advertised_port();
        let is_ipv6 = host.parse::<Ipv6Addr>().is_ok();
        if is_ipv6 { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }

    /// The port of its Service. A load balancer stands before the proxies by itself, elsewhere somebody's own does.
    pub fn service_port(&self) -> u16 {
        if self.kind == ListenerType::LoadBalancer { self.advertised_port() } else { self.port }
    }

    /// The name of a broker.
    pub(crate) fn broker_name(&self, id: BrokerId) -> Option<String> {
        self.broker_names.as_ref().map(|names| names.pattern.name(id))
    }

    /// The names under which brokers are known to clients, and which a certificate must have: for all at once, so that it lasts
    /// when brokers are added, where clients take such a name.
    pub(super) fn certified_names(&self, brokers: impl Iterator<Item = BrokerId>) -> Vec<String> {
        let Some(BrokerNames { pattern, .. }) = &self.broker_names else { return Vec::new() };
        match wildcard(pattern) {
            Some(name) => vec![name],
            None => brokers.map(|id| pattern.name(id)).collect(),
        }
    }
}

/// A name with `*` as its first label, if the id is in that label, and two others follow: OpenSSL takes none with fewer.
fn wildcard(pattern: &NamePattern) -> Option<String> {
    let parent = |id| {
        let name = pattern.name(BrokerId::new(id)?);
        name.split_once('.').map(|(_, parent)| parent.to_owned())
    };
    parent(0)
        .filter(|found| parent(1).as_ref() == Some(found) && found.contains('.'))
        .map(|found| format!("*.{found}"))
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
