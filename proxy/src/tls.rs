//! TLS of both sides: certificates are read from files, checked completely and swapped while connections stay.
//!
//! Peers are always verified by certificate and name; there is no switch that turns it off. A reload touches new
//! handshakes only. Session tickets belong to one configuration, so that a session of an older client CA is
//! not resumed under a newer one.

mod client;
mod directory;
mod files;
#[cfg(any(test, feature = "fuzzing"))]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
pub(crate) mod fuzzing;
mod principal;
mod reloading;
mod server;
mod trusted;

pub use client::{ClientFiles, ClientTls};
pub use files::IdentityFiles;
pub use server::{Clients, ServerFiles, ServerTls};
pub use trusted::Trusted;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use thiserror::Error;
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio_rustls::rustls::pki_types::pem;
use tokio_rustls::rustls::{self, server::VerifierBuilderError};

/// Something made from files that can be made again.
pub trait Reload: Send + Sync {
    /// Reads the files again. `true` when they changed and are in use now; an error leaves what was in use.
    fn reload(&self) -> Result<bool, Error>;
}

/// Why certificates were not taken.
#[derive(Debug, Error)]
pub enum Error {
    /// A file cannot be read.
    #[error("failed to read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A directory cannot be listed.
    #[error("failed to list {}", path.display())]
    List {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A directory has more files than any set of authorities.
    #[error("{} has more than {} files *.crt", path.display(), directory::MAX_FILES)]
    Many {
        /// The directory.
        path: PathBuf,
    },
    /// A file is larger than any certificate file.
    #[error("{} is larger than {} KiB", path.display(), files::MAX_BYTES / 1024)]
    Size {
        /// The file.
        path: PathBuf,
    },
    /// A file is not PEM.
    #[error("failed to parse {} as PEM: {reason}", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What is wrong with it. A text, since the parser's error may quote a line of a key file.
        reason: &'static str,
    },
    /// A PEM file, or a directory of them, lacks what it is for.
    #[error("{} has no {what}", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// What it lacks.
        what: &'static str,
    },
    /// A certificate cannot serve as a trust anchor.
    #[error("failed to trust certificate {number} of {}", path.display())]
    Anchor {
        /// The file.
        path: PathBuf,
        /// Its place in the file, from one.
        number: usize,
        /// What rustls said.
        #[source]
        source: rustls::Error,
    },
    /// No file of a bundle holds a certificate.
    #[error("no trusted certificate is configured")]
    NoAnchors,
    /// Certificate chain and private key do not belong together.
    #[error("failed to use the certificate in {}", path.display())]
    Identity {
        /// The certificate file.
        path: PathBuf,
        /// What rustls said.
        #[source]
        source: rustls::Error,
    },
    /// Client certificates cannot be verified with the bundle.
    #[error("failed to build the verifier of client certificates")]
    Verifier(#[source] VerifierBuilderError),
    /// The crypto provider and the protocol versions do not fit.
    #[error("failed to set TLS versions")]
    Versions(#[source] rustls::Error),
}

impl Error {
    fn pem(path: &Path, error: &pem::Error) -> Self {
        let reason = match error {
            pem::Error::MissingSectionEnd { .. } => "a section has no end",
            pem::Error::IllegalSectionStart { .. } => "a section starts wrongly",
            pem::Error::Base64Decode(_) => "a section is not base64",
            pem::Error::NoItemsFound => "nothing in it",
            _ => "unknown syntax",
        };
        Self::Pem { path: path.into(), reason }
    }
}

/// rustls with the crypto library that the data path uses too.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

#[cfg(test)]
mod tests;
