//! Where KMS is, and as whom to call it.

use std::path::PathBuf;

use reqwest::Url;

use crate::http::TlsFiles;

/// Google Cloud KMS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GcpSettings {
    /// Its address.
    pub endpoint: Url,
    /// Where keys are: `projects/P/locations/L/keyRings/R`. No other ring's keys are used, whoever names them.
    pub key_ring: String,
    /// As whom to call.
    pub credentials: GcpCredentials,
    /// CA certificates to trust, PEM. Without it those of the system are trusted.
    pub ca: Option<PathBuf>,
}

/// As whom to call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GcpCredentials {
    /// The service account of the machine or, with workload identity, of the pod: the metadata server at this address gives
    /// tokens for it.
    Metadata(Url),
    /// Somebody whom a signed token of another platform stands for.
    Federation(GcpFederation),
    /// A service account whose key is in a file.
    ServiceAccountFile(PathBuf),
}

/// Workload identity federation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GcpFederation {
    /// The provider of the pool: `//iam.googleapis.com/projects/N/locations/global/workloadIdentityPools/P/providers/X`.
    pub audience: String,
    /// The file of the signed token.
    pub token: PathBuf,
    /// A service account to take on.
    pub service_account: Option<String>,
    /// The address of the Security Token Service.
    pub sts: Url,
    /// The address of the IAM Service Account Credentials API.
    pub iam_credentials: Url,
}

impl GcpSettings {
    pub(super) fn credential_files(&self) -> Vec<PathBuf> {
        match &self.credentials {
            GcpCredentials::Metadata(_) => Vec::new(),
            GcpCredentials::Federation(federation) => vec![federation.token.clone()],
            GcpCredentials::ServiceAccountFile(file) => vec![file.clone()],
        }
    }

    pub(super) fn tls(&self) -> TlsFiles {
        TlsFiles { ca: self.ca.clone(), identity: None }
    }
}
