//! Where the vault is, how it wraps, and as whom to call it.

use std::path::PathBuf;

use reqwest::Url;

use crate::http::TlsFiles;

/// A vault of Azure Key Vault, or a managed HSM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AzureSettings {
    /// Its address, such as `https://payments.vault.azure.net`.
    pub vault: Url,
    /// How new data keys are wrapped.
    pub algorithm: AzureAlgorithm,
    /// For whom tokens are, such as `https://vault.azure.net`.
    pub audience: String,
    /// As whom to call.
    pub credentials: AzureCredentials,
    /// CA certificates to trust, PEM. Without it those of the system are trusted.
    pub ca: Option<PathBuf>,
}

/// How a data key is wrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AzureAlgorithm {
    /// AES key wrap (RFC 3394) by a key of 256 bits.
    A256Kw,
    /// RSA with OAEP and SHA-256.
    RsaOaep256,
}

/// An application of Microsoft Entra ID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AzureCredentials {
    /// Where tokens are to be had, `https://login.microsoftonline.com` for most.
    pub authority: Url,
    /// The tenant.
    pub tenant: String,
    /// The application, or the managed identity.
    pub client: String,
    /// What proves it.
    pub proof: AzureProof,
}

/// What proves who an application is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AzureProof {
    /// The file of a signed token of another platform (workload identity).
    TokenFile(PathBuf),
    /// The file of a secret.
    SecretFile(PathBuf),
}

impl AzureAlgorithm {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::A256Kw => "A256KW",
            Self::RsaOaep256 => "RSA-OAEP-256",
        }
    }

    /// What wrapped data keys begin with.
    pub(super) fn way(self) -> u8 {
        match self {
            Self::A256Kw => 1,
            Self::RsaOaep256 => 2,
        }
    }

    pub(super) fn of(way: u8) -> Option<Self> {
        [Self::A256Kw, Self::RsaOaep256].into_iter().find(|algorithm| algorithm.way() == way)
    }
}

impl AzureSettings {
    pub(super) fn credential_files(&self) -> Vec<PathBuf> {
        let (AzureProof::TokenFile(file) | AzureProof::SecretFile(file)) = &self.credentials.proof;
        vec![file.clone()]
    }

    pub(super) fn tls(&self) -> TlsFiles {
        TlsFiles { ca: self.ca.clone(), identity: None }
    }
}
