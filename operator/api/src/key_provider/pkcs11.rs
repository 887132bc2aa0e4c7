//! A hardware security module.

use k8s_openapi::api::networking::v1::NetworkPolicyPeer;
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::references::LocalRef;

/// A token of a hardware security module.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.tokenLabel) != has(self.slot)").message("give exactly one of tokenLabel and slot"))]
#[x_kube(validation = Rule::new("!has(self.networkPolicyPeers) || has(self.networkPolicyPorts)").message("networkPolicyPorts is required with networkPolicyPeers").field_path(".networkPolicyPeers"))]
pub struct Pkcs11Provider {
    /// The library, where the proxies see it: in a volume of `template` below `/mnt/`, or in an image of your own. It runs inside
    /// the proxies, which trust it with everything.
    #[schemars(length(min = 2, max = 512), regex(pattern = r"^/[!-~]+$"))]
    pub module: String,
    /// The token with this label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 32), regex(pattern = r"^[ -~]*[!-~]$"))]
    pub token_label: Option<String>,
    /// The token in the slot of this number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub slot: Option<i64>,
    /// A Secret whose entry `pin` is the user's PIN. Proxies log in anew when it changes.
    pub pin_secret_ref: LocalRef,
    /// Where the device is, as in a `NetworkPolicy`. By default anywhere, at `networkPolicyPorts`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub network_policy_peers: Vec<NetworkPolicyPeer>,
    /// TCP ports at which the library reaches its device. By default the proxies' `NetworkPolicy` lets it reach none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(range(min = 1, max = 65535)))]
    pub network_policy_ports: Vec<i32>,
}
