//! Brokers told apart by name.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// Names of brokers, all at one port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.pattern.matches('^([a-zA-Z0-9.-]*[a-zA-Z.-])?[{]id[}]([a-zA-Z.-][a-zA-Z0-9.-]*)?$')").message("pattern must be a DNS name with {id} once, and no digit beside it, such as broker-{id}.kafka.example.com").field_path(".pattern"))]
pub struct BrokerNames {
    /// The name of a broker, with `{id}` in place of its id: `broker-{id}.kafka.example.com`. A certificate that the operator makes or
    /// orders is for `*.kafka.example.com` then.
    #[schemars(length(min = 4, max = 247))]
    pub pattern: String,
    /// The port that clients are told, by default `port`, or 443 for `type: tlsroute`. A load balancer of the operator's listens on it. For
    /// other types it is that of what stands before the Service, such as a Gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub advertised_port: Option<i32>,
}
