//! Azure Key Vault.
#![allow(clippy::struct_field_names, reason = "Kubernetes names references to objects so")]

use k8s_openapi::api::networking::v1::NetworkPolicyPeer;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{HTTPS_ADDRESS, ProviderTrust};
use crate::references::LocalRef;

/// A vault of Azure Key Vault, or a managed HSM.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.audience) || self.vault.matches('^https://[^./]+[.](vault|managedhsm)[.](azure[.]net|usgovcloudapi[.]net|azure[.]cn)/?$')").message("audience is required with a vault whose address is not one of Azure's own").field_path(".audience"))]
pub struct AzureKeyVaultProvider {
    /// Its address, such as `https://payments.vault.azure.net` or `https://payments.managedhsm.azure.net`.
    #[schemars(length(min = 9, max = 280), regex(pattern = HTTPS_ADDRESS))]
    pub vault: String,
    /// How data keys are wrapped. AES keys are there in a managed HSM alone; RSA keys are in every vault.
    pub algorithm: AzureAlgorithm,
    /// For whom tokens are. By default the service that the vault's address names, such as `https://vault.azure.net`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 9, max = 280), regex(pattern = HTTPS_ADDRESS))]
    pub audience: Option<String>,
    /// As whom the proxies call.
    pub credentials: AzureCredentials,
    /// Whom the proxies trust, instead of the certificate authorities of their image. It counts for logins too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<ProviderTrust>,
    /// Where the vault and the authority are, as in a `NetworkPolicy`. By default anywhere, at the ports of their addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub network_policy_peers: Vec<NetworkPolicyPeer>,
}

/// How data keys are wrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AzureAlgorithm {
    /// AES key wrap, by a key of type `oct-HSM` with 256 bits.
    #[serde(rename = "A256KW")]
    A256Kw,
    /// RSA with OAEP and SHA-256, by a key of type `RSA` or `RSA-HSM`.
    #[serde(rename = "RSA-OAEP-256")]
    RsaOaep256,
}

/// As whom to call: exactly one of the fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("[has(self.workloadIdentity), has(self.clientSecret)].filter(given, given).size() == 1").message("give exactly one of workloadIdentity and clientSecret"))]
pub struct AzureCredentials {
    /// An application or managed identity that a token of the proxies' `ServiceAccount` stands for, by a federated credential.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload_identity: Option<AzureWorkloadIdentity>,
    /// An application whose secret is in a Secret that somebody else keeps up to date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<AzureClientSecret>,
}

/// An application or managed identity with a federated credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct AzureWorkloadIdentity {
    /// Its tenant.
    #[schemars(length(min = 1, max = 128), regex(pattern = r"^[a-zA-Z0-9-][a-zA-Z0-9.-]*$"))]
    pub tenant_id: String,
    /// Its id.
    #[schemars(length(min = 1, max = 128), regex(pattern = r"^[a-zA-Z0-9-][a-zA-Z0-9.-]*$"))]
    pub client_id: String,
    /// For whom the token of the `ServiceAccount` is, as the federated credential says.
    #[serde(default = "exchange")]
    #[schemars(length(min = 1, max = 253))]
    pub token_audience: String,
    /// Another authority than `https://login.microsoftonline.com`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 9, max = 280), regex(pattern = HTTPS_ADDRESS))]
    pub authority: Option<String>,
}

/// An application with a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct AzureClientSecret {
    /// Its tenant.
    #[schemars(length(min = 1, max = 128), regex(pattern = r"^[a-zA-Z0-9-][a-zA-Z0-9.-]*$"))]
    pub tenant_id: String,
    /// Its id.
    #[schemars(length(min = 1, max = 128), regex(pattern = r"^[a-zA-Z0-9-][a-zA-Z0-9.-]*$"))]
    pub client_id: String,
    /// A Secret with the entry `client-secret`.
    pub secret_ref: LocalRef,
    /// Another authority than `https://login.microsoftonline.com`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 9, max = 280), regex(pattern = HTTPS_ADDRESS))]
    pub authority: Option<String>,
}

fn exchange() -> String {
    "api://AzureADTokenExchange".to_owned()
}
