//! A Transit secrets engine of HashiCorp Vault or OpenBao.
#![allow(clippy::struct_field_names, reason = "Kubernetes names references to objects so")]

use k8s_openapi::api::networking::v1::NetworkPolicyPeer;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{HTTPS_ADDRESS, ProviderTls};
use crate::references::LocalRef;

/// A Transit secrets engine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct VaultProvider {
    /// The server, such as `https://openbao.vault.svc:8200`.
    #[schemars(length(min = 9, max = 280), regex(pattern = HTTPS_ADDRESS))]
    pub address: String,
    /// The namespace of Vault Enterprise or OpenBao.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 512),
        regex(pattern = r"^[a-zA-Z0-9_-][a-zA-Z0-9._-]*(/[a-zA-Z0-9_-][a-zA-Z0-9._-]*)*$")
    )]
    pub namespace: Option<String>,
    /// The path at which the engine is mounted.
    #[serde(default = "transit")]
    #[schemars(
        length(min = 1, max = 512),
        regex(pattern = r"^[a-zA-Z0-9_-][a-zA-Z0-9._-]*(/[a-zA-Z0-9_-][a-zA-Z0-9._-]*)*$")
    )]
    pub mount: String,
    /// What new data keys are bound to, so that they do not unwrap for another cluster, provider or key.
    #[serde(default)]
    pub binding: VaultBinding,
    /// How the proxies log in.
    pub authentication: VaultAuthentication,
    /// Whom the proxies trust, and what they show. By default the certificate authorities of the proxies' image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<ProviderTls>,
    /// Where the server is, as in a `NetworkPolicy`. By default anywhere, at the port of the address.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub network_policy_peers: Vec<NetworkPolicyPeer>,
}

/// What ties a wrapped data key to its cluster, provider and key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum VaultBinding {
    /// Associated data, for OpenBao. The key is of an AEAD type such as `aes256-gcm96`.
    #[default]
    AssociatedData,
    /// A key that is derived for each context, for HashiCorp Vault too. The key was made with `derived=true`.
    DerivedKey,
    /// Nothing.
    None,
}

/// How to log in: exactly one of the fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("[has(self.kubernetes), has(self.jwt), has(self.appRole), has(self.tokenSecretRef)].filter(given, given).size() == 1").message("give exactly one of kubernetes, jwt, appRole and tokenSecretRef"))]
pub struct VaultAuthentication {
    /// By the method `kubernetes`, as the proxies' `ServiceAccount`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kubernetes: Option<VaultRole>,
    /// By the method `jwt`, with a token of the proxies' `ServiceAccount`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwt: Option<VaultRole>,
    /// By the method `approle`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_role: Option<VaultAppRole>,
    /// A Secret whose entry `token` somebody else keeps up to date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_secret_ref: Option<LocalRef>,
}

/// A role that the proxies' `ServiceAccount` may take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct VaultRole {
    /// The role.
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^[!-.0-~]+$"))]
    pub role: String,
    /// The path of the method below `auth/`. By default the name of the method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 512),
        regex(pattern = r"^[a-zA-Z0-9_-][a-zA-Z0-9._-]*(/[a-zA-Z0-9_-][a-zA-Z0-9._-]*)*$")
    )]
    pub mount: Option<String>,
    /// For whom the token is. The role should ask for the same, so that the token is of no use elsewhere.
    #[serde(default = "audience")]
    #[schemars(length(min = 1, max = 253))]
    pub audience: String,
}

/// A role of an application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct VaultAppRole {
    /// A Secret with the entries `role-id` and `secret-id`.
    pub secret_ref: LocalRef,
    /// The path of the method below `auth/`.
    #[serde(default = "approle")]
    #[schemars(
        length(min = 1, max = 512),
        regex(pattern = r"^[a-zA-Z0-9_-][a-zA-Z0-9._-]*(/[a-zA-Z0-9_-][a-zA-Z0-9._-]*)*$")
    )]
    pub mount: String,
}

fn transit() -> String {
    "transit".to_owned()
}

fn approle() -> String {
    "approle".to_owned()
}

fn audience() -> String {
    "vault".to_owned()
}
