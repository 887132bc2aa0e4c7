//! Keys in Google Cloud KMS.

#[cfg(test)]
mod tests;

use std::path::Path;

use serde::{Serialize, Serializer};

use super::super::read_path;
use super::address::read_address;
use super::trust::ProviderTrust;
use crate::path::ConfigPath;
use crate::reader::Field;

const ENDPOINT: &str = "https://cloudkms.googleapis.com";
const STS: &str = "https://sts.googleapis.com";
const IAM_CREDENTIALS: &str = "https://iamcredentials.googleapis.com";

/// Google Cloud Key Management Service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GcpKmsProvider {
    /// Its address.
    pub endpoint: String,
    /// The key ring of all keys.
    pub key_ring: String,
    /// As whom to call.
    pub credentials: GcpKmsCredentials,
    /// Files for TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<ProviderTrust>,
}

/// As whom to call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum GcpKmsCredentials {
    /// What the metadata server gives tokens for.
    #[default]
    Metadata,
    /// Somebody whom a signed token of another platform stands for.
    WorkloadIdentity(GcpWorkloadIdentity),
    /// A service account whose key is in a file.
    ServiceAccountFile(ConfigPath),
}

/// Workload identity federation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GcpWorkloadIdentity {
    /// The provider of the pool.
    pub audience: String,
    /// File of the signed token.
    pub token_file: ConfigPath,
    /// A service account to take on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_account: Option<String>,
    /// The address of the Security Token Service.
    pub sts_endpoint: String,
    /// The address of the IAM Service Account Credentials API.
    pub iam_credentials_endpoint: String,
}

impl GcpKmsProvider {
    pub(super) fn read(field: &Field<'_>, base_dir: &Path) -> Option<Self> {
        let fields = field.fields(&["endpoint", "keyRing", "credentials", "tls"])?;
        let endpoint = read_address(fields.optional("endpoint"), ENDPOINT);
        let key_ring = fields.required("keyRing").and_then(|field| field.parsed(key_ring));
        let credentials = fields.optional("credentials").map_or_else(
            || Some(GcpKmsCredentials::default()),
            |field| GcpKmsCredentials::read(field, base_dir),
        );
        let tls = fields.optional("tls").map(|field| ProviderTrust::read(field, base_dir));
        Some(Self {
            endpoint: endpoint?,
            key_ring: key_ring?.to_owned(),
            credentials: credentials?,
            tls: tls.map_or(Some(None), |given| given.map(Some))?,
        })
    }
}

impl GcpKmsCredentials {
    fn read(field: &Field<'_>, base_dir: &Path) -> Option<Self> {
        let fields = field.fields(&["metadata", "workloadIdentity", "serviceAccountFile"])?;
        let (kind, field) = fields.only()?;
        match kind {
            "metadata" => field.truth().map(|()| Self::Metadata),
            "workloadIdentity" => GcpWorkloadIdentity::read(field, base_dir).map(Self::WorkloadIdentity),
            _ => read_path(field, base_dir).map(Self::ServiceAccountFile),
        }
    }
}

impl GcpWorkloadIdentity {
    fn read(field: &Field<'_>, base_dir: &Path) -> Option<Self> {
        let known = &["audience", "tokenFile", "serviceAccount", "stsEndpoint", "iamCredentialsEndpoint"];
        let fields = field.fields(known)?;
        let audience = fields.required("audience").and_then(|field| field.parsed(audience));
        let token_file = fields.required("tokenFile").and_then(|field| read_path(field, base_dir));
        let account = fields.optional("serviceAccount").map(|field| field.parsed(service_account));
        let sts = read_address(fields.optional("stsEndpoint"), STS);
        let iam = read_address(fields.optional("iamCredentialsEndpoint"), IAM_CREDENTIALS);
        Some(Self {
            audience: audience?.to_owned(),
            token_file: token_file?,
            service_account: account.map_or(Some(None), |given| given.map(Some))?.map(str::to_owned),
            sts_endpoint: sts?,
            iam_credentials_endpoint: iam?,
        })
    }
}

// By hand, since the YAML library writes enums as tags.
impl Serialize for GcpKmsCredentials {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Metadata => serializer.collect_map([("metadata", true)]),
            Self::WorkloadIdentity(identity) => serializer.collect_map([("workloadIdentity", identity)]),
            Self::ServiceAccountFile(file) => serializer.collect_map([("serviceAccountFile", file)]),
        }
    }
}

fn key_ring(text: &str) -> Result<&str, &'static str> {
    let parts: Vec<&str> = text.split('/').collect();
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    let id = |text: &str| !text.is_empty() && text.bytes().all(allowed);
    // Old projects are named after a domain: example.com:project.
    let dotted = |b: u8| allowed(b) || matches!(b, b'.' | b':');
    let is_project = |text: &str| !text.is_empty() && !text.starts_with('.') && text.bytes().all(dotted);
    match parts[..] {
        ["projects", project, "locations", location, "keyRings", ring]
            if text.len() <= 253 && is_project(project) && id(location) && id(ring) =>
        {
            Ok(text)
        }
        _ => Err("must be a key ring such as projects/my-project/locations/europe-west3/keyRings/kafka"),
    }
}

fn audience(text: &str) -> Result<&str, &'static str> {
    let visible = text.len() <= 512 && text.bytes().all(|b| b.is_ascii_graphic());
    let pool = text
        .strip_prefix("//iam.googleapis.com/")
        .filter(|rest| rest.contains("/workloadIdentityPools/") && rest.contains("/providers/"));
    if visible && pool.is_some() {
        Ok(text)
    } else {
        Err("must be the provider of a pool: \
             //iam.googleapis.com/projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER")
    }
}

/// It becomes part of a path.
fn service_account(text: &str) -> Result<&str, &'static str> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.');
    match text.split_once('@') {
        Some((name, domain))
            if text.len() <= 253
                && [name, domain].iter().all(|part| !part.is_empty() && part.bytes().all(allowed)) =>
        {
            Ok(text)
        }
        _ => Err("must be a service account such as proxy@my-project.iam.gserviceaccount.com"),
    }
}
