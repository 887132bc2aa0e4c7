//! Where KMS is, and as whom to call it.

use std::path::PathBuf;

use crate::files::Followed;
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
    /// A role by a signed token.
    WebIdentity(AwsWebIdentity),
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

/// A role that a signed token stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsWebIdentity {
    /// The ARN of the role.
    pub role_arn: String,
    /// The file of the token.
    pub token: PathBuf,
    /// What the sessions are called in CloudTrail.
    pub session_name: String,
    /// Another address of STS than the region's own.
    pub endpoint: Option<String>,
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
    /// The files whose change means new credentials. The token of a web identity is read whenever it is shown.
    pub(super) fn files(&self) -> Vec<Followed> {
        let credentials = match &self.credentials {
            AwsCredentials::Default | AwsCredentials::WebIdentity(_) => Vec::new(),
            AwsCredentials::Files { access_key_id, secret_access_key, session_token } => {
                let pair = [access_key_id, secret_access_key];
                pair.into_iter().chain(session_token).cloned().map(Followed::Secret).collect()
            }
        };
        [self.tls().followed(), credentials].concat()
    }

    pub(super) fn tls(&self) -> TlsFiles {
        TlsFiles { ca: self.ca.clone(), identity: None }
    }
}
