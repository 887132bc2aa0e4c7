//! Where key-encryption keys are.
#![allow(clippy::struct_field_names, reason = "Kubernetes names references to objects so")]

mod aws;
mod azure;
mod gcp;
mod ibm;
mod kmip;
mod pkcs11;
mod vault;

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

pub use self::aws::{AwsAccessKey, AwsCredentials, AwsInstance, AwsKmsProvider, AwsRole, AwsWebIdentity};
pub use self::azure::{
    AzureAlgorithm, AzureClientSecret, AzureCredentials, AzureKeyVaultProvider, AzureWorkloadIdentity,
};
pub use self::gcp::{GcpCredentials, GcpKmsProvider, GcpServiceAccountKey, GcpWorkloadIdentity};
pub use self::ibm::{IbmApiKey, IbmCredentials, IbmKeyProtectProvider, IbmTrustedProfile};
pub use self::kmip::KmipProvider;
pub use self::pkcs11::Pkcs11Provider;
pub use self::vault::{VaultAppRole, VaultAuthentication, VaultBinding, VaultProvider, VaultRole};

use crate::references::LocalRef;

/// An address of a server of HTTPS, perhaps with a port, and without a path.
const HTTPS_ADDRESS: &str = r"^https://([a-zA-Z0-9.-]+|\[[0-9a-fA-F:]+\])(:([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?/?$";

/// A source of keys: exactly one of the fields besides its name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("[has(self.local), has(self.vault), has(self.awsKms), has(self.azureKeyVault), has(self.gcpKms), has(self.ibmKeyProtect), has(self.pkcs11), has(self.kmip)].filter(given, given).size() == 1").message("give exactly one kind of provider: local, vault, awsKms, azureKeyVault, gcpKms, ibmKeyProtect, pkcs11 or kmip"))]
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
    /// Keys in AWS KMS, which never leave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aws_kms: Option<AwsKmsProvider>,
    /// Keys in Azure Key Vault or a managed HSM, which never leave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub azure_key_vault: Option<AzureKeyVaultProvider>,
    /// Keys in Google Cloud KMS, which never leave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gcp_kms: Option<GcpKmsProvider>,
    /// Keys in IBM Key Protect, which never leave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ibm_key_protect: Option<IbmKeyProtectProvider>,
    /// Keys in a hardware security module, by the PKCS#11 library of its vendor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pkcs11: Option<Pkcs11Provider>,
    /// Keys of a KMIP server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kmip: Option<KmipProvider>,
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

/// Whom the proxies trust: exactly one of the fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.caConfigMapRef) != has(self.caSecretRef)").message("give exactly one of caConfigMapRef and caSecretRef"))]
pub struct ProviderTrust {
    /// A `ConfigMap` whose entry `ca.crt` has the certificate authorities to trust.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_config_map_ref: Option<LocalRef>,
    /// A Secret whose entry `ca.crt` has the certificate authorities to trust.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_secret_ref: Option<LocalRef>,
}

/// How long keys live, for all providers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.maxAge) || (duration(self.maxAge) >= duration('1m') && duration(self.maxAge) <= duration('24h'))").message("maxAge must be from 1m to 24h").field_path(".maxAge"))]
#[x_kube(validation = Rule::new("!has(self.revocationDelay) || (duration(self.revocationDelay) >= duration('30s') && duration(self.revocationDelay) <= duration('24h'))").message("revocationDelay must be from 30s to 24h").field_path(".revocationDelay"))]
#[x_kube(validation = Rule::new("!has(self.outageGrace) || duration(self.outageGrace) <= duration('24h')").message("outageGrace must be from 0s to 24h").field_path(".outageGrace"))]
#[x_kube(validation = Rule::new("!has(self.unreadableDelay) || duration(self.unreadableDelay) <= duration('24h')").message("unreadableDelay must be from 0s to 24h").field_path(".unreadableDelay"))]
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
    /// How long a version of a key must have been gone before `onUnreadable` lets consumers go past its records. From 0s to 24h, by
    /// default 2m.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 16), regex(pattern = r"^([0-9]{1,5}h)?([0-9]{1,5}m)?([0-9]{1,5}s)?$"))]
    pub unreadable_delay: Option<String>,
    /// Data keys of stored records that each proxy asks one provider for a second, and calls that try keys, at most. By default 50.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10000))]
    pub max_calls_per_second: Option<i32>,
}

pub(crate) fn default_key_providers() -> Vec<KeyProvider> {
    let local = Some(LocalProvider::default());
    vec![KeyProvider { name: "default".to_owned(), local, ..KeyProvider::default() }]
}
