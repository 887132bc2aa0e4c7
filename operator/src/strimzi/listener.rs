//! Listeners as the spec of a `Kafka` has them.

use std::collections::BTreeMap;
use std::fmt;

use proxy_config::BrokerId;

use super::field::{Field, ParseError};
use super::node_pool;
use super::peer::Peer;

/// One of `spec.kafka.listeners`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenerSpec {
    /// Its name.
    pub name: String,
    /// Where brokers listen, and where Services of the type `internal` and `cluster-ip` do.
    pub port: u16,
    /// How it is exposed.
    pub kind: ListenerType,
    /// Whether brokers speak TLS there.
    pub tls: bool,
    /// How clients show who they are.
    pub authentication: ListenerAuth,
    /// Who may connect; everyone if there are none.
    pub peers: Vec<Peer>,
    /// Whether brokers show a certificate that the user brought (`brokerCertChainAndKey`) in place of Strimzi's.
    pub custom_certificate: bool,
    /// Whether the names of Services are advertised with the domain of the Kubernetes cluster.
    pub service_dns_domain: bool,
    /// Names under which single brokers advertise themselves.
    pub advertised_hosts: BTreeMap<BrokerId, String>,
    /// The pattern of names under which the other brokers advertise themselves.
    pub advertised_host_template: Option<String>,
}

/// How a listener is exposed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListenerType {
    /// Inside the Kubernetes cluster, by the names of pods.
    Internal,
    /// Inside the Kubernetes cluster, by a Service for each broker.
    ClusterIp,
    /// Any of the others: they lead outside.
    Other(String),
}

/// How clients of a listener show who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListenerAuth {
    /// Not at all.
    None,
    /// By a client certificate.
    Tls,
    /// By SASL with SCRAM-SHA-512.
    ScramSha512,
    /// As the user configured.
    Custom {
        /// Whether by SASL.
        sasl: bool,
        /// Whether brokers demand a client certificate.
        client_certificate: bool,
    },
    /// A type that we do not know, or that Strimzi has given up, such as `oauth`.
    Other(String),
}

impl ListenerSpec {
    pub(super) fn parse(listener: &Field<'_>) -> Result<Self, ParseError> {
        let (name, port, kind, tls) =
            (listener.get("name")?, listener.get("port")?, listener.get("type")?, listener.get("tls")?);
        let configuration = listener.get("configuration")?;
        Ok(Self {
            name: name.require(name.owned()?)?,
            port: parse_port(&port)?,
            kind: ListenerType::from(kind.require(kind.text()?)?),
            tls: tls.require(tls.flag()?)?,
            authentication: ListenerAuth::parse(&listener.get("authentication")?)?,
            peers: listener
                .get("networkPolicyPeers")?
                .items()?
                .iter()
                .map(Peer::parse)
                .collect::<Result<_, _>>()?,
            custom_certificate: configuration.get("brokerCertChainAndKey")?.is_present(),
            service_dns_domain: configuration.get("useServiceDnsDomain")?.flag()?.unwrap_or_default(),
            advertised_hosts: parse_advertised(&configuration.get("brokers")?)?,
            advertised_host_template: configuration.get("advertisedHostTemplate")?.owned()?,
        })
    }
}

impl From<&str> for ListenerType {
    fn from(text: &str) -> Self {
        match text {
            "internal" => Self::Internal,
            "cluster-ip" => Self::ClusterIp,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl fmt::Display for ListenerType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Internal => "internal",
            Self::ClusterIp => "cluster-ip",
            Self::Other(other) => other,
        })
    }
}

impl ListenerAuth {
    fn parse(authentication: &Field<'_>) -> Result<Self, ParseError> {
        if !authentication.is_present() {
            return Ok(Self::None);
        }
        let kind = authentication.get("type")?;
        Ok(match kind.require(kind.text()?)? {
            "tls" => Self::Tls,
            "scram-sha-512" => Self::ScramSha512,
            "custom" => {
                // Keys of Kafka have dots of their own; values may be text or not.
                let demanded = authentication.get("listenerConfig")?.get("ssl.client.auth")?;
                Self::Custom {
                    sasl: authentication.get("sasl")?.flag()?.unwrap_or_default(),
                    client_certificate: demanded.raw().is_some_and(|value| value == "required"),
                }
            }
            other => Self::Other(other.to_owned()),
        })
    }
}

impl fmt::Display for ListenerAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Tls => "tls",
            Self::ScramSha512 => "scram-sha-512",
            Self::Custom { client_certificate: true, .. } => "custom with client certificates",
            Self::Custom { sasl: true, .. } => "custom with SASL",
            Self::Custom { .. } => "custom",
            Self::Other(other) => other,
        })
    }
}

fn parse_port(port: &Field<'_>) -> Result<u16, ParseError> {
    let number = port.require(port.integer()?)?;
    u16::try_from(number).ok().filter(|port| *port != 0).ok_or_else(|| port.wrong("must be from 1 to 65535"))
}

fn parse_advertised(brokers: &Field<'_>) -> Result<BTreeMap<BrokerId, String>, ParseError> {
    let mut hosts = BTreeMap::new();
    for broker in brokers.items()? {
        let id = node_pool::parse_id(&broker.get("broker")?)?;
        if let Some(host) = broker.get("advertisedHost")?.owned()? {
            hosts.insert(id, host);
        }
    }
    Ok(hosts)
}
