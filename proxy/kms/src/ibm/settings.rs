//! Where the instance is, and as whom to call it.

use std::path::PathBuf;

use reqwest::Url;

use crate::http::TlsFiles;

/// An instance of Key Protect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IbmSettings {
    /// The address of its region, such as `https://eu-de.kms.cloud.ibm.com`.
    pub endpoint: Url,
    /// Its id.
    pub instance: String,
    /// The key ring to look for keys in.
    pub key_ring: Option<String>,
    /// Where tokens are to be had, `https://iam.cloud.ibm.com` for most.
    pub iam: Url,
    /// As whom to call.
    pub credentials: IbmCredentials,
    /// CA certificates to trust, PEM. Without it those of the system are trusted.
    pub ca: Option<PathBuf>,
}

/// As whom to call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IbmCredentials {
    /// A user or service id whose API key is in a file.
    ApiKeyFile(PathBuf),
    /// A trusted profile, for a compute resource with a signed token.
    TrustedProfile {
        /// The id of the profile.
        profile: String,
        /// The file of the token.
        token: PathBuf,
    },
}

impl IbmSettings {
    pub(super) fn credential_files(&self) -> Vec<PathBuf> {
        let (IbmCredentials::ApiKeyFile(file) | IbmCredentials::TrustedProfile { token: file, .. }) =
            &self.credentials;
        vec![file.clone()]
    }

    pub(super) fn tls(&self) -> TlsFiles {
        TlsFiles { ca: self.ca.clone(), identity: None }
    }
}
