//! AWS KMS.
#![allow(clippy::struct_field_names, reason = "Kubernetes names references to objects so")]

use k8s_openapi::api::networking::v1::NetworkPolicyPeer;
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::{HTTPS_ADDRESS, ProviderTrust};
use crate::references::LocalRef;

/// AWS KMS in a region.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!(has(self.endpoint) && has(self.fips) && self.fips)").message("endpoint must not be given together with fips: true, which chooses AWS's own").field_path(".endpoint"))]
pub struct AwsKmsProvider {
    /// The region of the keys, such as `eu-central-1`.
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z][a-z0-9-]*$"))]
    pub region: String,
    /// Another address than the region's own, such as that of a VPC endpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 9, max = 280), regex(pattern = HTTPS_ADDRESS))]
    pub endpoint: Option<String>,
    /// AWS's endpoints with validated cryptography.
    #[serde(default)]
    pub fips: bool,
    /// As whom the proxies call. By default as the role that the platform gives their `ServiceAccount`: by EKS Pod Identity, or by
    /// the annotation `eks.amazonaws.com/role-arn` (in `template.serviceAccount`) where EKS's webhook acts on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<AwsCredentials>,
    /// A role to take on with these credentials, such as one of the account that owns the keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assume_role: Option<AwsRole>,
    /// Whom the proxies trust, instead of the certificate authorities of their image. It counts for STS too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<ProviderTrust>,
    /// Where KMS and STS are, as in a `NetworkPolicy`. By default anywhere, at the ports of their addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub network_policy_peers: Vec<NetworkPolicyPeer>,
}

/// As whom to call: exactly one of the fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("[has(self.webIdentity), has(self.accessKey), has(self.instance)].filter(given, given).size() == 1").message("give exactly one of webIdentity, accessKey and instance"))]
pub struct AwsCredentials {
    /// A role, by a token of the proxies' `ServiceAccount` (IRSA). It needs no webhook, and each provider may have its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub web_identity: Option<AwsWebIdentity>,
    /// An access key in a Secret that somebody else keeps up to date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_key: Option<AwsAccessKey>,
    /// The role of the node, which everything on the node may have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<AwsInstance>,
}

/// A role that the proxies' `ServiceAccount` may take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct AwsWebIdentity {
    /// The ARN of the role.
    #[schemars(
        length(min = 25, max = 2048),
        regex(pattern = r"^arn:[a-z0-9-]+:iam::[0-9]{12}:role/[!-~]+$")
    )]
    pub role_arn: String,
    /// For whom the token is, as the identity provider in IAM says.
    #[serde(default = "sts")]
    #[schemars(length(min = 1, max = 253))]
    pub audience: String,
    /// Another address of STS than the region's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 9, max = 280), regex(pattern = HTTPS_ADDRESS))]
    pub sts_endpoint: Option<String>,
}

/// An access key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct AwsAccessKey {
    /// A Secret with the entries `access-key-id` and `secret-access-key`.
    pub secret_ref: LocalRef,
    /// Whether the access key is a temporary one, and the Secret has an entry `session-token` too.
    #[serde(default)]
    pub session_token: bool,
}

/// The role of the node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
pub struct AwsInstance {}

/// A role to take on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct AwsRole {
    /// The ARN of the role.
    #[schemars(
        length(min = 25, max = 2048),
        regex(pattern = r"^arn:[a-z0-9-]+:iam::[0-9]{12}:role/[!-~]+$")
    )]
    pub role_arn: String,
    /// What the role's owner agreed on with whoever runs the proxies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 1224), regex(pattern = r"^[a-zA-Z0-9_+=,.@:/-]+$"))]
    pub external_id: Option<String>,
    /// Another address of STS than the region's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 9, max = 280), regex(pattern = HTTPS_ADDRESS))]
    pub sts_endpoint: Option<String>,
}

fn sts() -> String {
    "sts.amazonaws.com".to_owned()
}
