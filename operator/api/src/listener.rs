//! How clients reach the proxies.

mod authentication;
mod broker_names;
mod tls;
mod tls_route;

pub use self::authentication::{ClientAuthentication, ClientAuthenticationType, ClientCertificates};
pub use self::broker_names::BrokerNames;
pub use self::tls::{CipherSuite, TlsVersion};
pub use self::tls_route::{GatewayRef, TlsRoute};

use k8s_openapi::api::networking::v1::NetworkPolicyPeer;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One way for clients to the proxies. Broker *n* is reached at port `port + 1 + n`, or by a name of its own, with `brokerNames`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.advertisedHost) || self.type != 'internal' || has(self.brokerNames)").message("advertisedHost must not be given for type: internal without brokerNames, as clients use the name of the Service").field_path(".advertisedHost"))]
#[x_kube(validation = Rule::new("has(self.advertisedHost) || self.type != 'nodeport'").message("advertisedHost is required for type: nodeport: the name or address of a node, or of what stands before the nodes").field_path(".advertisedHost"))]
#[x_kube(validation = Rule::new("self.type != 'nodeport' || (self.port >= 30000 && self.port <= 32700)").message("port must be between 30000 and 32700 for type: nodeport, where it is the port of the nodes").field_path(".port"))]
#[x_kube(validation = Rule::new("!has(self.brokerNames) || self.tls").message("brokerNames needs tls: true, as clients send the name in the TLS handshake").field_path(".brokerNames"))]
#[x_kube(validation = Rule::new("!has(self.brokerNames) || (has(self.advertisedHost) && self.advertisedHost.matches('[a-zA-Z]') && !self.advertisedHost.contains(':'))").message("advertisedHost is required with brokerNames, as a DNS name that leads where the names of brokers lead").field_path(".advertisedHost"))]
#[x_kube(validation = Rule::new("self.type != 'tlsroute' || (has(self.brokerNames) && has(self.tlsRoute))").message("brokerNames and tlsRoute are required for type: tlsroute").field_path(".type"))]
#[x_kube(validation = Rule::new("!has(self.tlsRoute) || self.type == 'tlsroute'").message("tlsRoute needs type: tlsroute").field_path(".tlsRoute"))]
#[x_kube(validation = Rule::new("(!has(self.minVersion) && !has(self.cipherSuites)) || self.tls").message("minVersion and cipherSuites need tls: true").field_path(".tls"))]
#[x_kube(validation = Rule::new("!has(self.cipherSuites) || !has(self.minVersion) || self.minVersion != 'TLSv1.3' || self.cipherSuites.exists(suite, suite in ['TLS_AES_256_GCM_SHA384', 'TLS_AES_128_GCM_SHA256', 'TLS_CHACHA20_POLY1305_SHA256'])").message("cipherSuites must have one of TLSv1.3, since minVersion is TLSv1.3: TLS_AES_256_GCM_SHA384, TLS_AES_128_GCM_SHA256 or TLS_CHACHA20_POLY1305_SHA256").field_path(".cipherSuites"))]
#[x_kube(validation = Rule::new("!has(self.authentication) || self.tls").message("authentication needs tls: true, as clients show a certificate").field_path(".authentication"))]
pub struct Listener {
    /// Its name, unique among the listeners.
    #[schemars(length(min = 1, max = 11), regex(pattern = r"^[a-z0-9]{1,11}$"))]
    pub name: String,
    /// What kind of Service it gets: `internal`, `loadbalancer` or `nodeport`; or `tlsroute`, one that a Gateway leads to.
    #[serde(rename = "type", default)]
    pub kind: ListenerType,
    /// Whether clients connect with TLS.
    #[serde(default = "yes")]
    pub tls: bool,
    /// The bootstrap port. The ports of brokers follow it: broker *n* has `port + 1 + n`. Leave room before the next listener's
    /// port for the highest broker id that there may be. With `brokerNames` it is the only port.
    #[serde(default = "default_port")]
    #[schemars(range(min = 1024, max = 65000))]
    pub port: i32,
    /// The name or address that clients are told to connect to. By default the name of the Service, for a load balancer
    /// the address that it is given. With `brokerNames` it must be given, as a DNS name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^[a-zA-Z0-9.:-]+$"))]
    pub advertised_host: Option<String>,
    /// All brokers at one port, told apart by the names that clients ask for in the TLS handshake (SNI). DNS must lead these names, and
    /// `advertisedHost`, to the Service, or to what stands before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broker_names: Option<BrokerNames>,
    /// The Gateways through which clients come, for `type: tlsroute`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_route: Option<TlsRoute>,
    /// Clients show a certificate. What it says ends at the proxies: brokers see the proxies' own user, with `spec.authentication`, or
    /// the user of the clients' SASL, which passes through to the brokers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authentication: Option<ClientAuthentication>,
    /// The oldest version of TLS that clients may speak: `TLSv1.2`, the default, or `TLSv1.3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_version: Option<TlsVersion>,
    /// The cipher suites that clients may choose of, by their IANA names. By default all that are listed here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 9))]
    pub cipher_suites: Option<Vec<CipherSuite>>,
    /// Whether every connection comes through a load balancer that says whose it is, by a header of the PROXY protocol, version 2.
    /// Connections without one are closed. Whoever reaches the port can write one, so let `networkPolicyPeers` admit the balancer alone.
    #[serde(default)]
    pub proxy_protocol: bool,
    /// Who may connect, as peers of a `NetworkPolicy`. By default everybody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub network_policy_peers: Vec<NetworkPolicyPeer>,
}

/// What kind of Service a listener gets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ListenerType {
    /// For clients inside the Kubernetes cluster.
    #[default]
    Internal,
    /// A load balancer of the cloud.
    LoadBalancer,
    /// Ports of the nodes.
    NodePort,
    /// For clients that come through a Gateway.
    TlsRoute,
}

fn default_port() -> i32 {
    9092
}

fn yes() -> bool {
    true
}

/// One internal listener with TLS.
pub(crate) fn default_listeners() -> Vec<Listener> {
    vec![Listener {
        name: "tls".to_owned(),
        kind: ListenerType::Internal,
        tls: true,
        port: default_port(),
        advertised_host: None,
        broker_names: None,
        tls_route: None,
        authentication: None,
        min_version: None,
        cipher_suites: None,
        proxy_protocol: false,
        network_policy_peers: Vec::new(),
    }]
}
