//! Where clients connect.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::Path;

use serde::Serialize;

use super::broker_names::BrokerNames;
use super::runtime::read_bind;
use super::server_tls::ServerTls;
use crate::address::{BrokerId, Host};
use crate::name::ListenerName;
use crate::reader::{Field, Fields};

/// Far more than anybody needs; it bounds the pairwise check of ports.
const MOST_LISTENERS: usize = 64;
/// Each port is an open socket in every proxy.
const MOST_BROKER_PORTS: u16 = 10_000;
const DEFAULT_BROKER_PORTS: u16 = 16;

/// One listener: a bootstrap port, and a port or a name for each broker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Listener {
    /// Its name, unique in the file.
    pub name: ListenerName,
    /// The address of the bootstrap port. Broker ports are bound on the same IP address.
    pub bind: SocketAddr,
    /// The host that clients are told to connect to.
    pub advertised_host: Host,
    /// How brokers are told apart.
    #[serde(flatten)]
    pub brokers: BrokerAddresses,
    /// Whether every connection comes through a load balancer that says whose it is, in the PROXY protocol.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub proxy_protocol: bool,
    /// TLS towards clients; without it the connection is clear.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<ServerTls>,
}

/// How brokers are told apart by where clients connect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum BrokerAddresses {
    /// By the port.
    BrokerPorts(BrokerPorts),
    /// By the name in the TLS handshake.
    BrokerNames(BrokerNames),
}

/// A range of ports, one for each broker id from 0 on. Never reaches beyond 65535.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BrokerPorts {
    start: u16,
    count: u16,
}

/// Reads all listeners, those with mistakes as `None`, so that the index of the others stays that of the
/// file.
pub(super) fn read_all(field: &Field<'_>, base_dir: &Path) -> Option<Vec<Option<Listener>>> {
    let items = field.some_items()?;
    if items.len() > MOST_LISTENERS {
        field.mistake(format!("must have at most {MOST_LISTENERS} entries, not {}", items.len()));
        return None;
    }
    let mut names = HashMap::new();
    let mut listeners = Vec::with_capacity(items.len());
    for item in &items {
        let listener = Listener::read(item, base_dir);
        if let Some(listener) = &listener
            && let Some(earlier) = names.insert(listener.name.clone(), item.path())
        {
            item.mistake(format!("has the same name as {earlier}, {}", listener.name));
        }
        listeners.push(listener);
    }
    Some(listeners)
}

impl Listener {
    fn read(field: &Field<'_>, base_dir: &Path) -> Option<Self> {
        let fields = field.fields(&[
            "name",
            "bind",
            "advertisedHost",
            "brokerPorts",
            "brokerNames",
            "proxyProtocol",
            "tls",
        ])?;
        let name = fields.required("name").and_then(|field| field.parsed(ListenerName::new));
        let bind = fields.required("bind").and_then(read_bind);
        let advertised_host = fields.required("advertisedHost").and_then(read_advertised_host);
        let brokers = BrokerAddresses::read(&fields, advertised_host.as_ref());
        let proxy_protocol = match fields.optional("proxyProtocol") {
            None => Some(false),
            Some(field) => field.boolean(),
        };
        let tls = fields.optional("tls").map(|field| ServerTls::read(field, base_dir));
        Some(Self {
            name: name?,
            bind: bind?,
            advertised_host: advertised_host?,
            brokers: brokers?,
            proxy_protocol: proxy_protocol?,
            tls: match tls {
                None => None,
                Some(tls) => Some(tls?),
            },
        })
    }
}

impl Listener {
    /// The ports of brokers, where they have ports of their own.
    pub fn broker_ports(&self) -> Option<BrokerPorts> {
        match &self.brokers {
            BrokerAddresses::BrokerPorts(ports) => Some(*ports),
            BrokerAddresses::BrokerNames(_) => None,
        }
    }
}

impl BrokerAddresses {
    fn read(fields: &Fields<'_>, host: Option<&Host>) -> Option<Self> {
        let Some(field) = fields.optional("brokerNames") else {
            return fields.required("brokerPorts").and_then(BrokerPorts::read).map(Self::BrokerPorts);
        };
        if fields.optional("brokerPorts").is_some() {
            field.mistake("must not be given beside brokerPorts");
        }
        if fields.optional("tls").is_none() {
            field.mistake("needs tls, since clients send the name in the TLS handshake");
        }
        let names = BrokerNames::read(field)?;
        let host = host?;
        if host.ip().is_some() {
            field.mistake(format!("needs a DNS name as advertisedHost, not the address {host}"));
        } else if names.pattern.broker(&host.as_str().to_ascii_lowercase()).is_some() {
            field.mistake(format!("must not have advertisedHost, {host}, as the name of a broker"));
        }
        Some(Self::BrokerNames(names))
    }
}

impl BrokerPorts {
    /// A range of ports; `None` if it is empty or too long, begins at 0 or ends beyond 65535.
    pub fn new(start: u16, count: u16) -> Option<Self> {
        let last = start.checked_add(count.checked_sub(1)?);
        (start > 0 && count <= MOST_BROKER_PORTS && last.is_some()).then_some(Self { start, count })
    }

    /// The ports to open.
    pub fn ports(self) -> RangeInclusive<u16> {
        self.start..=self.start.saturating_add(self.count - 1)
    }

    /// The port at which a broker is reached, if it has one.
    pub fn port(self, broker: BrokerId) -> Option<u16> {
        let offset = u16::try_from(broker.value()).ok().filter(|offset| *offset < self.count)?;
        self.start.checked_add(offset)
    }

    /// The broker that is reached at a port.
    pub fn broker(self, port: u16) -> Option<BrokerId> {
        let offset = port.checked_sub(self.start).filter(|offset| *offset < self.count)?;
        BrokerId::new(offset.into())
    }

    /// How many ports there are, at least one.
    pub fn count(self) -> u16 {
        self.count
    }

    fn read(field: &Field<'_>) -> Option<Self> {
        let fields = field.fields(&["start", "count"])?;
        let start = fields.required("start").and_then(|field| field.integer(1..=u16::MAX));
        let count = match fields.optional("count") {
            None => Some(DEFAULT_BROKER_PORTS),
            Some(field) => field.integer(1..=MOST_BROKER_PORTS),
        };
        let (start, count) = (start?, count?);
        let ports = Self::new(start, count);
        if ports.is_none() {
            let start_field = fields.optional("start").unwrap_or(field);
            start_field.mistake(format!(
                "must be at most {} for {count} ports to end by 65535, not {start}",
                u16::MAX - (count - 1)
            ));
        }
        ports
    }
}

fn read_advertised_host(field: &Field<'_>) -> Option<Host> {
    let host = field.parsed(|text| Host::new(text).map_err(|_| "must be a DNS name or an IP address"))?;
    if host.ip().is_some_and(|ip| ip.is_unspecified()) {
        field.mistake(format!("must be a host that clients can reach, not {host}"));
        return None;
    }
    Some(host)
}
