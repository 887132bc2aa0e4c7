//! A KMIP server.

use k8s_openapi::api::networking::v1::NetworkPolicyPeer;
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::ProviderTls;

/// A server of the Key Management Interoperability Protocol, version 1.4.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.tls.clientSecretRef) && (has(self.tls.caConfigMapRef) || has(self.tls.caSecretRef))").message("tls needs clientSecretRef and one of caConfigMapRef and caSecretRef").field_path(".tls"))]
pub struct KmipProvider {
    /// The server, such as `kmip.example.com:5696`.
    #[schemars(
        length(min = 3, max = 280),
        regex(
            pattern = r"^([a-zA-Z0-9._-]+|\[[0-9a-fA-F:.]+\]):([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])$"
        )
    )]
    pub address: String,
    /// Whom the proxies trust, and the certificate by which the server knows them.
    pub tls: ProviderTls,
    /// Fetches the key and encrypts in the proxies, for servers that cannot encrypt with AES-GCM and additional data. Whoever
    /// is in a proxy can then take the key away.
    #[serde(default)]
    pub fetch_keys: bool,
    /// Where the server is, as in a `NetworkPolicy`. By default anywhere, at the port of the address.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub network_policy_peers: Vec<NetworkPolicyPeer>,
}
