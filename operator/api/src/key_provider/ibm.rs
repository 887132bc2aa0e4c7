//! IBM Key Protect.
#![allow(clippy::struct_field_names, reason = "Kubernetes names references to objects so")]

use k8s_openapi::api::networking::v1::NetworkPolicyPeer;
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::{HTTPS_ADDRESS, ProviderTrust};
use crate::references::LocalRef;

/// An instance of IBM Key Protect.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct IbmKeyProtectProvider {
    /// The address of its region, such as `https://eu-de.kms.cloud.ibm.com` or `https://private.eu-de.kms.cloud.ibm.com`.
    #[schemars(length(min = 9, max = 280), regex(pattern = HTTPS_ADDRESS))]
    pub endpoint: String,
    /// Its id, a UUID.
    #[schemars(length(min = 1, max = 128), regex(pattern = r"^[a-zA-Z0-9_-]+$"))]
    pub instance_id: String,
    /// The key ring to look for keys in. By default all that the proxies may see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128), regex(pattern = r"^[a-zA-Z0-9_-]+$"))]
    pub key_ring: Option<String>,
    /// Another address of IAM than `https://iam.cloud.ibm.com`, such as `https://private.iam.cloud.ibm.com`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 9, max = 280), regex(pattern = HTTPS_ADDRESS))]
    pub iam_endpoint: Option<String>,
    /// As whom the proxies call.
    pub credentials: IbmCredentials,
    /// Whom the proxies trust, instead of the certificate authorities of their image. It counts for logins too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<ProviderTrust>,
    /// Where Key Protect and IAM are, as in a `NetworkPolicy`. By default anywhere, at the ports of their addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub network_policy_peers: Vec<NetworkPolicyPeer>,
}

/// As whom to call: exactly one of the fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("[has(self.trustedProfile), has(self.apiKey)].filter(given, given).size() == 1").message("give exactly one of trustedProfile and apiKey"))]
pub struct IbmCredentials {
    /// A trusted profile that the proxies' `ServiceAccount` may take, in a cluster that IBM Cloud knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trusted_profile: Option<IbmTrustedProfile>,
    /// A service id whose API key is in a Secret that somebody else keeps up to date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key: Option<IbmApiKey>,
}

/// A trusted profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct IbmTrustedProfile {
    /// Its id.
    #[schemars(length(min = 1, max = 128), regex(pattern = r"^[a-zA-Z0-9_-]+$"))]
    pub profile_id: String,
    /// For whom the token of the `ServiceAccount` is.
    #[serde(default = "iam")]
    #[schemars(length(min = 1, max = 253))]
    pub token_audience: String,
}

/// An API key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct IbmApiKey {
    /// A Secret with the entry `api-key`.
    pub secret_ref: LocalRef,
}

fn iam() -> String {
    "iam".to_owned()
}
