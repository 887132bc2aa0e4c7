//! Where key-encryption keys are.
#![allow(clippy::struct_field_names, reason = "Kubernetes names references to objects so")]

use k8s_openapi::api::networking::v1::NetworkPolicyPeer;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::references::LocalRef;

/// A source of keys: exactly one of the fields besides its name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("[has(self.local), has(self.vault)].filter(given, given).size() == 1").message("give exactly one kind of provider: local or vault"))]
pub struct KeyProvider {
    /// Its name, by which rules choose it. Data can be read only while a provider of this name has its keys.
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-zA-Z0-9._-]+$"))]
    pub name: String,
    /// Keys in a Secret of the fleet's namespace. Whoever may read that Secret holds the keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local: Option<LocalProvider>,
    /// Keys in a Transit secrets engine of HashiCorp Vault or OpenBao, which never leave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vault: Option<VaultProvider>,
}

/// Keys in a Secret.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct LocalProvider {
    /// The Secret, with an entry `NAME.vN` for each version of each key. By default one that the operator makes, to which it
    /// adds an entry for each new key and from which it never takes one away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<LocalRef>,
}

/// A Transit secrets engine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct VaultProvider {
    /// The server, such as `https://openbao.vault.svc:8200`.
    #[schemars(
        length(min = 9, max = 280),
        regex(pattern = r"^https://([a-zA-Z0-9.-]+|\[[0-9a-fA-F:]+\])(:[0-9]{1,5})?/?$")
    )]
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

/// TLS to a key management system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!(has(self.caConfigMapRef) && has(self.caSecretRef))").message("give at most one of caConfigMapRef and caSecretRef"))]
pub struct ProviderTls {
    /// A `ConfigMap` whose entry `ca.crt` has the certificate authorities to trust.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_config_map_ref: Option<LocalRef>,
    /// A Secret whose entry `ca.crt` has the certificate authorities to trust.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_secret_ref: Option<LocalRef>,
    /// A Secret of type `kubernetes.io/tls` with a certificate to show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret_ref: Option<LocalRef>,
}

/// How long keys live, for all providers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.maxAge) || (duration(self.maxAge) >= duration('1m') && duration(self.maxAge) <= duration('24h'))").message("maxAge must be from 1m to 24h").field_path(".maxAge"))]
#[x_kube(validation = Rule::new("!has(self.revocationDelay) || (duration(self.revocationDelay) >= duration('30s') && duration(self.revocationDelay) <= duration('24h'))").message("revocationDelay must be from 30s to 24h").field_path(".revocationDelay"))]
#[x_kube(validation = Rule::new("!has(self.outageGrace) || duration(self.outageGrace) <= duration('24h')").message("outageGrace must be from 0s to 24h").field_path(".outageGrace"))]
pub struct KeyTimes {
    /// The longest that a data key is used, and so the longest until a new version of its key is. From 1m to 24h, by default 1h.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 16), regex(pattern = r"^([0-9]{1,5}h)?([0-9]{1,5}m)?([0-9]{1,5}s)?$"))]
    pub max_age: Option<String>,
    /// How soon a key that was revoked stops reads and writes. From 30s to 24h, by default 10m. Shorter means more calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 16), regex(pattern = r"^([0-9]{1,5}h)?([0-9]{1,5}m)?([0-9]{1,5}s)?$"))]
    pub revocation_delay: Option<String>,
    /// How long keys serve while their provider does not answer. Whoever can cut proxies off from it delays a revocation by as
    /// much. From 0s to 24h, by default 1h.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 16), regex(pattern = r"^([0-9]{1,5}h)?([0-9]{1,5}m)?([0-9]{1,5}s)?$"))]
    pub outage_grace: Option<String>,
    /// Data keys of stored records that each proxy asks one provider for a second, at most. By default 50.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10000))]
    pub max_calls_per_second: Option<i32>,
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

pub(crate) fn default_key_providers() -> Vec<KeyProvider> {
    vec![KeyProvider { name: "default".to_owned(), local: Some(LocalProvider::default()), vault: None }]
}
