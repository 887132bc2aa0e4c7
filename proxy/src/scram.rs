//! The client's side of SCRAM (RFC 5802, RFC 7677), without channel binding, as Kafka has it.
//!
//! Our own, since crates for it do without SHA-512, or without a bound on iterations, and bring a second crypto library.
//! Passwords are taken as they are, without `SASLprep`, which Kafka's clients and brokers do not apply either. No error
//! carries anything secret.

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod keys;
mod message;

pub(crate) use keys::{DerivedKeys, Hash, SHA_512};

use aws_lc_rs::{hmac, rand};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use message::ServerFirst;
use std::sync::Arc;
use thiserror::Error;

/// `n,,`: no channel binding, no other identity.
const GS2_HEADER: &str = "n,,";
/// The header in base64, as the last message repeats it.
const GS2_HEADER_BASE64: &str = "biws";
const NONCE_BYTES: usize = 24;

/// Why the server is not believed, or refuses.
#[derive(Debug, Error)]
pub(crate) enum ScramError {
    #[error("no random numbers are to be had")]
    Random,
    #[error("the broker's message is malformed: {0}")]
    Malformed(&'static str),
    #[error("the broker's nonce does not continue the proxy's")]
    Nonce,
    #[error(
        "the broker wants {0} iterations, which is not from {least} to {most}",
        least = message::ITERATIONS.start(),
        most = message::ITERATIONS.end()
    )]
    Iterations(u64),
    #[error("the broker refuses: {0}")]
    Refused(String),
    #[error("the broker does not prove that it knows the password")]
    Signature,
}

/// What the keys are derived from besides the password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Derivation {
    pub(crate) salt: Vec<u8>,
    pub(crate) iterations: std::num::NonZeroU32,
}

/// The first message was made.
pub(crate) struct ClientFirst {
    hash: &'static Hash,
    nonce: String,
    bare: String,
}

/// The server's challenge was read: its keys are to be derived.
pub(crate) struct Challenged {
    hash: &'static Hash,
    derivation: Derivation,
    /// The last message, without its proof.
    without_proof: String,
    /// What both sides sign.
    transcript: String,
}

/// The proof was made: the server's is to be checked.
pub(crate) struct Proved {
    hash: &'static Hash,
    keys: Arc<DerivedKeys>,
    transcript: String,
}

impl ClientFirst {
    /// Begins with a nonce that was never used before.
    pub(crate) fn new(hash: &'static Hash, user: &str) -> Result<Self, ScramError> {
        let mut nonce = [0; NONCE_BYTES];
        rand::fill(&mut nonce).map_err(|_| ScramError::Random)?;
        Ok(Self::with_nonce(hash, user, STANDARD.encode(nonce)))
    }

    fn with_nonce(hash: &'static Hash, user: &str, nonce: String) -> Self {
        let user = user.replace('=', "=3D").replace(',', "=2C");
        let bare = format!("n={user},r={nonce}");
        Self { hash, nonce, bare }
    }

    pub(crate) fn message(&self) -> String {
        format!("{GS2_HEADER}{}", self.bare)
    }

    /// Reads the challenge.
    pub(crate) fn challenged(self, message: &[u8]) -> Result<Challenged, ScramError> {
        let text = message::text(message)?;
        let ServerFirst { nonce, derivation } = ServerFirst::parse(text)?;
        if nonce.len() <= self.nonce.len() || !nonce.starts_with(&self.nonce) {
            return Err(ScramError::Nonce);
        }
        let without_proof = format!("c={GS2_HEADER_BASE64},r={nonce}");
        let transcript = format!("{},{text},{without_proof}", self.bare);
        Ok(Challenged { hash: self.hash, derivation, without_proof, transcript })
    }
}

impl Challenged {
    pub(crate) fn derivation(&self) -> &Derivation {
        &self.derivation
    }

    /// The last message, given the keys of [`Self::derivation`].
    pub(crate) fn prove(self, keys: Arc<DerivedKeys>) -> (String, Proved) {
        let proof = STANDARD.encode(keys.proof(self.hash, self.transcript.as_bytes()));
        let message = format!("{},p={proof}", self.without_proof);
        (message, Proved { hash: self.hash, keys, transcript: self.transcript })
    }
}

impl Proved {
    /// Whether the server knows the password too.
    pub(crate) fn verify(&self, message: &[u8]) -> Result<(), ScramError> {
        let signature = message::server_final(message::text(message)?)?;
        let key = self.keys.server(self.hash);
        // In constant time.
        hmac::verify(&key, self.transcript.as_bytes(), &signature).map_err(|_| ScramError::Signature)
    }
}

#[cfg(test)]
mod tests;
