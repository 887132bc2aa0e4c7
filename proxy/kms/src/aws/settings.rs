//! Where KMS is, and as whom to call it.

use std::path::PathBuf;

use crate::http::TlsFiles;

/// AWS KMS in a region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsSettings {
    /// The region, which requests are signed for.
    pub region: String,
    /// Another address of KMS than the region's own.
    pub endpoint: Option<String>,
    /// Takes AWS's endpoints with validated cryptography.
    pub fips: bool,
    /// As whom to call.
    pub credentials: AwsCredentials,
    /// A role to take on with these credentials.
    pub role: Option<AwsRole>,
    /// CA certificates to trust, PEM. Without it those of the system are trusted.
    pub ca: Option<PathBuf>,
}

/// As whom to call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AwsCredentials {
    /// What the SDK finds where the program runs: environment, profile, web identity (IRSA), container (EKS Pod Identity,
    /// ECS), instance.
    Default,
    /// An access key that somebody else keeps in files.
    Files {
        /// The file of the access key's id.
        access_key_id: PathBuf,
        /// The file of the secret access key.
        secret_access_key: PathBuf,
        /// The file of the session's token, for temporary access keys.
        session_token: Option<PathBuf>,
    },
}

/// A role to take on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsRole {
    /// The ARN of the role.
    pub arn: String,
    /// What the role's owner agreed on with the caller.
    pub external_id: Option<String>,
    /// What the sessions are called in CloudTrail.
    pub session_name: String,
    /// Another address of STS than the region's own.
    pub endpoint: Option<String>,
}

impl AwsSettings {
    /// All files that these settings name.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let credentials = match &self.credentials {
            AwsCredentials::Default => Vec::new(),
            AwsCredentials::Files { access_key_id, secret_access_key, session_token } => {
                let pair = [access_key_id, secret_access_key];
                pair.into_iter().chain(session_token).cloned().collect()
            }
        };
        [self.tls().paths(), credentials].concat()
    }

    pub(super) fn tls(&self) -> TlsFiles {
        TlsFiles { ca: self.ca.clone(), identity: None }
    }
}
