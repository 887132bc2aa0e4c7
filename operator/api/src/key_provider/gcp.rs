//! Google Cloud KMS.
#![allow(clippy::struct_field_names, reason = "Kubernetes names references to objects so")]

use k8s_openapi::api::networking::v1::NetworkPolicyPeer;
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::{HTTPS_ADDRESS, ProviderTrust};
use crate::references::LocalRef;

/// Google Cloud KMS.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct GcpKmsProvider {
    /// Where all keys are, such as `projects/my-project/locations/europe-west3/keyRings/kafka`. Rules call them by their short names,
    /// or by their full ones. Keys elsewhere are not used: who writes to the brokers could name a key of their own.
    #[schemars(
        length(min = 1, max = 253),
        regex(
            pattern = r"^projects/[a-zA-Z0-9_:-][a-zA-Z0-9._:-]*/locations/[a-zA-Z0-9_-]+/keyRings/[a-zA-Z0-9_-]+$"
        )
    )]
    pub key_ring: String,
    /// Another address than `https://cloudkms.googleapis.com`, such as one of Private Service Connect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 9, max = 280), regex(pattern = HTTPS_ADDRESS))]
    pub endpoint: Option<String>,
    /// As whom the proxies call. By default as their `ServiceAccount` where GKE's workload identity federation knows it, by GKE's
    /// metadata server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<GcpCredentials>,
    /// Whom the proxies trust, instead of the certificate authorities of their image. It counts for logins too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<ProviderTrust>,
    /// Where Google's services are, as in a `NetworkPolicy`. By default anywhere, at the ports of their addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub network_policy_peers: Vec<NetworkPolicyPeer>,
}

/// As whom to call: exactly one of the fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("[has(self.workloadIdentity), has(self.serviceAccountKey)].filter(given, given).size() == 1").message("give exactly one of workloadIdentity and serviceAccountKey"))]
pub struct GcpCredentials {
    /// The proxies' `ServiceAccount`, by a token of it that a workload identity pool takes. It works outside of GKE too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload_identity: Option<GcpWorkloadIdentity>,
    /// A Google service account whose key is in a Secret that somebody else keeps up to date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_account_key: Option<GcpServiceAccountKey>,
}

/// Workload identity federation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct GcpWorkloadIdentity {
    /// The provider of the pool:
    /// `//iam.googleapis.com/projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER`.
    #[schemars(
        length(min = 1, max = 512),
        regex(pattern = r"^//iam\.googleapis\.com/[!-~]*/workloadIdentityPools/[!-~]+/providers/[!-~]+$")
    )]
    pub audience: String,
    /// For whom the token of the `ServiceAccount` is. By default `https:` and the audience, which every provider of a pool
    /// takes that lists no other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    pub token_audience: Option<String>,
    /// A Google service account to take on. Without it rights are given to the identity of the pool itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 3, max = 253), regex(pattern = r"^[a-zA-Z0-9.-]+@[a-zA-Z0-9.-]+$"))]
    pub service_account: Option<String>,
    /// Another address of the Security Token Service than `https://sts.googleapis.com`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 9, max = 280), regex(pattern = HTTPS_ADDRESS))]
    pub sts_endpoint: Option<String>,
    /// Another address of the IAM Service Account Credentials API than `https://iamcredentials.googleapis.com`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 9, max = 280), regex(pattern = HTTPS_ADDRESS))]
    pub iam_credentials_endpoint: Option<String>,
}

/// The key of a Google service account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct GcpServiceAccountKey {
    /// A Secret with the entry `key.json`.
    pub secret_ref: LocalRef,
}
