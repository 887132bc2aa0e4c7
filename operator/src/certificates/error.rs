//! What can be wrong with the Secret of an authority, and what a person can do about it.

/// Why there is no plan. Nothing is to be written then.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An entry of the authority's Secret is not as the operator leaves it.
    #[error("entry {entry} of the Secret of the authority {problem}: {}", remedy(entry))]
    Entry {
        /// The entry.
        entry: String,
        /// What is wrong with it.
        problem: Problem,
    },
    /// No key could be made.
    #[error("failed to generate a private key")]
    GenerateKey(#[source] rcgen::Error),
    /// No serial number could be made.
    #[error("failed to generate a random serial number")]
    GenerateSerial,
    /// No certificate could be made.
    #[error("failed to issue a certificate")]
    Issue(#[source] rcgen::Error),
}

/// What is wrong with an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// It is not there, though its counterpart is.
    #[error("is missing")]
    Missing,
    /// It is no text.
    #[error("is not UTF-8")]
    Text,
    /// It is no certificate.
    #[error("is not exactly one certificate in PEM")]
    Certificate,
    /// It is no private key.
    #[error("is not a private key in PEM that can be used")]
    PrivateKey,
    /// It belongs to another certificate.
    #[error("is not the private key of the certificate beside it")]
    OtherKey,
    /// It cannot issue.
    #[error("is not the certificate of an authority that can issue server certificates")]
    NoAuthority,
}

impl Error {
    pub(super) fn entry(entry: &str, problem: Problem) -> Self {
        Self::Entry { entry: entry.to_owned(), problem }
    }
}

fn remedy(entry: &str) -> &'static str {
    if entry.starts_with("next-ca.") {
        "restore it, or delete next-ca.crt and next-ca.key to have another successor made"
    } else if entry.starts_with("old-ca-") {
        "restore it, or delete it if no client needs to trust this old authority"
    } else {
        "restore it, or delete the Secret to have a new authority made at once, which clients must then fetch"
    }
}
