//! Bounds of each proxy.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// Bounds of each proxy. A change replaces the pods, one by one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.fetchMaxBytes) || self.fetchMaxBytes <= (has(self.maxFrameBytes) ? self.maxFrameBytes : 104857600)").message("fetchMaxBytes must be at most maxFrameBytes, which is 104857600 by default").field_path(".fetchMaxBytes"))]
#[x_kube(validation = Rule::new("!has(self.authenticationTimeout) || (duration(self.authenticationTimeout) >= duration('5s') && duration(self.authenticationTimeout) <= duration('10m'))").message("authenticationTimeout must be from 5s to 10m").field_path(".authenticationTimeout"))]
#[x_kube(validation = Rule::new("!has(self.idleTimeout) || (duration(self.idleTimeout) >= duration('1m') && duration(self.idleTimeout) <= duration('24h'))").message("idleTimeout must be from 1m to 24h").field_path(".idleTimeout"))]
pub struct Limits {
    /// The largest request or answer, in bytes; by default 104857600 (100 MiB), as at brokers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 65536, max = 2_147_483_647))]
    pub max_frame_bytes: Option<i64>,
    /// Buffers of all connections together, in bytes, at least `maxFrameBytes`; by default 268435456 (256 MiB).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 65536, max = 1_099_511_627_776_i64))]
    pub buffer_bytes: Option<i64>,
    /// Client connections at the same time; by default 2000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub connections: Option<i32>,
    /// Of these, connections from one address; by default as many as there may be. Further ones are closed at once. A load balancer
    /// that a listener does not know by `proxyProtocol`, or a network behind NAT, has one address for many clients.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub connections_per_address: Option<i32>,
    /// The most that one fetch asks a broker for, in bytes; by default 8388608 (8 MiB), or half of `maxFrameBytes` if that is less.
    /// Clients that ask for more get it in portions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1024, max = 2_147_483_647))]
    pub fetch_max_bytes: Option<i64>,
    /// Time from the start of a connection to the first request that is not about authentication. From 5s to 10m, by default 1m.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 16), regex(pattern = r"^([0-9]{1,5}h)?([0-9]{1,5}m)?([0-9]{1,5}s)?$"))]
    pub authentication_timeout: Option<String>,
    /// Time after which a client that asks for nothing, and waits for no answer, is disconnected. From 1m to 24h, by default 15m. More
    /// than brokers' `connections.max.idle.ms` (10m by default) lets brokers disconnect first, as clients know it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 16), regex(pattern = r"^([0-9]{1,5}h)?([0-9]{1,5}m)?([0-9]{1,5}s)?$"))]
    pub idle_timeout: Option<String>,
}
