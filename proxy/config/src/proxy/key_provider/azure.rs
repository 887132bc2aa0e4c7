//! Keys in Azure Key Vault.

#[cfg(test)]
mod tests;

use std::path::Path;

use serde::{Serialize, Serializer};

use super::super::read_path;
use super::address::{address, read_address};
use super::trust::ProviderTrust;
use crate::path::ConfigPath;
use crate::reader::Field;

const AUTHORITY: &str = "https://login.microsoftonline.com";
/// Fields of an application, in the order in which they are read.
const WITH_TOKEN: [&str; 4] = ["tenantId", "clientId", "tokenFile", "authority"];
const WITH_SECRET: [&str; 4] = ["tenantId", "clientId", "secretFile", "authority"];
/// What follows a vault's name in its address, in each of Azure's clouds; tokens are for it.
const SERVICES: [&str; 6] = [
    "vault.azure.net",
    "managedhsm.azure.net",
    "vault.usgovcloudapi.net",
    "managedhsm.usgovcloudapi.net",
    "vault.azure.cn",
    "managedhsm.azure.cn",
];

/// A vault of Azure Key Vault, or a managed HSM.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AzureKeyVaultProvider {
    /// Its address.
    pub vault: String,
    /// How new data keys are wrapped.
    pub algorithm: AzureAlgorithm,
    /// For whom tokens are.
    pub audience: String,
    /// As whom to call.
    pub credentials: AzureCredentials,
    /// Files for TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<ProviderTrust>,
}

/// How a data key is wrapped, by the service's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum AzureAlgorithm {
    /// AES key wrap.
    #[serde(rename = "A256KW")]
    A256Kw,
    /// RSA with OAEP and SHA-256.
    #[serde(rename = "RSA-OAEP-256")]
    RsaOaep256,
}

/// As whom to call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AzureCredentials {
    /// An application or managed identity that a signed token of another platform stands for.
    WorkloadIdentity(AzureApplication),
    /// An application with a secret.
    ClientSecret(AzureApplication),
}

/// An application of Microsoft Entra ID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AzureApplication {
    /// Its tenant.
    pub tenant_id: String,
    /// Its id.
    pub client_id: String,
    /// File of what proves it: a token or a secret.
    pub proof_file: ConfigPath,
    /// Where tokens are to be had.
    pub authority: String,
}

impl AzureKeyVaultProvider {
    pub(super) fn read(field: &Field<'_>, base_dir: &Path) -> Option<Self> {
        let fields = field.fields(&["vault", "algorithm", "audience", "credentials", "tls"])?;
        let vault = fields.required("vault").and_then(|field| field.parsed(address));
        let algorithm = fields.required("algorithm").and_then(|field| {
            field.choice(&[("A256KW", AzureAlgorithm::A256Kw), ("RSA-OAEP-256", AzureAlgorithm::RsaOaep256)])
        });
        let audience = match fields.optional("audience") {
            Some(field) => field.parsed(address).map(|text| text.trim_end_matches('/').to_owned()),
            None => vault.and_then(|vault| {
                let service = SERVICES.iter().find(|service| is_of(vault, service));
                if service.is_none() {
                    field.mistake("must have audience with a vault whose address is not one of Azure's own");
                }
                service.map(|service| format!("https://{service}"))
            }),
        };
        let credentials =
            fields.required("credentials").and_then(|field| AzureCredentials::read(field, base_dir));
        let tls = fields.optional("tls").map(|field| ProviderTrust::read(field, base_dir));
        Some(Self {
            vault: vault?.to_owned(),
            algorithm: algorithm?,
            audience: audience?,
            credentials: credentials?,
            tls: tls.map_or(Some(None), |given| given.map(Some))?,
        })
    }
}

impl AzureCredentials {
    fn read(field: &Field<'_>, base_dir: &Path) -> Option<Self> {
        let fields = field.fields(&["workloadIdentity", "clientSecret"])?;
        let (kind, field) = fields.only()?;
        if kind == "workloadIdentity" {
            AzureApplication::read(field, base_dir, &WITH_TOKEN).map(Self::WorkloadIdentity)
        } else {
            AzureApplication::read(field, base_dir, &WITH_SECRET).map(Self::ClientSecret)
        }
    }
}

impl AzureApplication {
    fn read(field: &Field<'_>, base_dir: &Path, known: &'static [&'static str; 4]) -> Option<Self> {
        let [tenant_id, client_id, proof_file, authority] = *known;
        let fields = field.fields(known)?;
        let tenant_id = fields.required(tenant_id).and_then(|field| field.parsed(id));
        let client_id = fields.required(client_id).and_then(|field| field.parsed(id));
        let proof_file = fields.required(proof_file).and_then(|field| read_path(field, base_dir));
        let authority = read_address(fields.optional(authority), AUTHORITY);
        Some(Self {
            tenant_id: tenant_id?.to_owned(),
            client_id: client_id?.to_owned(),
            proof_file: proof_file?,
            authority: authority?,
        })
    }
}

// By hand, since the YAML library writes enums as tags.
impl Serialize for AzureCredentials {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Text<'a> {
            tenant_id: &'a str,
            client_id: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            token_file: Option<&'a ConfigPath>,
            #[serde(skip_serializing_if = "Option::is_none")]
            secret_file: Option<&'a ConfigPath>,
            authority: &'a str,
        }
        let (Self::WorkloadIdentity(application) | Self::ClientSecret(application)) = self;
        let is_token = matches!(self, Self::WorkloadIdentity(_));
        let file = Some(&application.proof_file);
        let text = Text {
            tenant_id: &application.tenant_id,
            client_id: &application.client_id,
            token_file: file.filter(|_| is_token),
            secret_file: file.filter(|_| !is_token),
            authority: &application.authority,
        };
        serializer.collect_map([(if is_token { "workloadIdentity" } else { "clientSecret" }, text)])
    }
}

/// Whether an address is `https://NAME.SERVICE`.
fn is_of(vault: &str, service: &str) -> bool {
    let host = vault.trim_end_matches('/').strip_prefix("https://");
    let name = host.and_then(|host| host.strip_suffix(service)).and_then(|rest| rest.strip_suffix('.'));
    name.is_some_and(|name| !name.is_empty() && !name.contains('.'))
}

/// It becomes part of a path.
fn id(text: &str) -> Result<&str, &'static str> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.');
    if (1..=128).contains(&text.len()) && !text.starts_with('.') && text.bytes().all(allowed) {
        Ok(text)
    } else {
        Err("must be an id such as 9f7c1f5e-1111-4222-8333-0123456789ab")
    }
}
