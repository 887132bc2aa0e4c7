//! Keys in IBM Key Protect.

#[cfg(test)]
mod tests;

use std::path::Path;

use serde::{Serialize, Serializer};

use super::super::read_path;
use super::address::{address, read_address};
use super::trust::ProviderTrust;
use crate::path::ConfigPath;
use crate::reader::Field;

const IAM: &str = "https://iam.cloud.ibm.com";

/// An instance of IBM Key Protect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IbmKeyProtectProvider {
    /// The address of its region.
    pub endpoint: String,
    /// Its id.
    pub instance_id: String,
    /// The key ring to look for keys in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_ring: Option<String>,
    /// Where tokens are to be had.
    pub iam_endpoint: String,
    /// As whom to call.
    pub credentials: IbmCredentials,
    /// Files for TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<ProviderTrust>,
}

/// As whom to call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IbmCredentials {
    /// A user or service id whose API key is in a file.
    ApiKeyFile(ConfigPath),
    /// A trusted profile, for a compute resource with a signed token.
    TrustedProfile(IbmTrustedProfile),
}

/// A trusted profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IbmTrustedProfile {
    /// Its id.
    pub profile_id: String,
    /// File of the compute resource's token.
    pub token_file: ConfigPath,
}

impl IbmKeyProtectProvider {
    pub(super) fn read(field: &Field<'_>, base_dir: &Path) -> Option<Self> {
        let known = &["endpoint", "instanceId", "keyRing", "iamEndpoint", "credentials", "tls"];
        let fields = field.fields(known)?;
        let endpoint = fields.required("endpoint").and_then(|field| field.parsed(address));
        let instance = fields.required("instanceId").and_then(|field| field.parsed(id));
        let key_ring = fields.optional("keyRing").map(|field| field.parsed(id));
        let iam = read_address(fields.optional("iamEndpoint"), IAM);
        let credentials =
            fields.required("credentials").and_then(|field| IbmCredentials::read(field, base_dir));
        let tls = fields.optional("tls").map(|field| ProviderTrust::read(field, base_dir));
        Some(Self {
            endpoint: endpoint?.to_owned(),
            instance_id: instance?.to_owned(),
            key_ring: key_ring.map_or(Some(None), |given| given.map(Some))?.map(str::to_owned),
            iam_endpoint: iam?,
            credentials: credentials?,
            tls: tls.map_or(Some(None), |given| given.map(Some))?,
        })
    }
}

impl IbmCredentials {
    fn read(field: &Field<'_>, base_dir: &Path) -> Option<Self> {
        let fields = field.fields(&["apiKeyFile", "trustedProfile"])?;
        let (kind, field) = fields.only()?;
        if kind == "apiKeyFile" {
            return read_path(field, base_dir).map(Self::ApiKeyFile);
        }
        let fields = field.fields(&["profileId", "tokenFile"])?;
        let profile_id = fields.required("profileId").and_then(|field| field.parsed(id));
        let token_file = fields.required("tokenFile").and_then(|field| read_path(field, base_dir));
        Some(Self::TrustedProfile(IbmTrustedProfile {
            profile_id: profile_id?.to_owned(),
            token_file: token_file?,
        }))
    }
}

// By hand, since the YAML library writes enums as tags.
impl Serialize for IbmCredentials {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::ApiKeyFile(file) => serializer.collect_map([("apiKeyFile", file)]),
            Self::TrustedProfile(profile) => serializer.collect_map([("trustedProfile", profile)]),
        }
    }
}

/// It becomes part of a header or a form.
fn id(text: &str) -> Result<&str, &'static str> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    if (1..=128).contains(&text.len()) && text.bytes().all(allowed) {
        Ok(text)
    } else {
        Err("must be an id of 1 to 128 letters, digits, '-' and '_'")
    }
}
