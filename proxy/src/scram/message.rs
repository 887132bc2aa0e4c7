//! The server's messages.

use super::{Derivation, ScramError};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::num::NonZeroU32;
use std::ops::RangeInclusive;

/// RFC 7677 demands 4096 at least. Kafka allows 16,384; more than this could only be meant to keep the proxy busy.
pub(super) const ITERATIONS: RangeInclusive<u32> = 4_096..=1_000_000;
/// Longer messages have no use.
const MAX_BYTES: usize = 4_096;

/// The challenge.
pub(super) struct ServerFirst<'a> {
    pub(super) nonce: &'a str,
    pub(super) derivation: Derivation,
}

impl<'a> ServerFirst<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, ScramError> {
        if text.starts_with("m=") {
            return Err(ScramError::Malformed("it demands an extension that nobody knows"));
        }
        let mut fields = text.split(',');
        let mut field = |name: &str, problem| {
            fields.next().and_then(|field| field.strip_prefix(name)).ok_or(ScramError::Malformed(problem))
        };
        let nonce = field("r=", "it has no nonce")?;
        let salt = field("s=", "it has no salt")?;
        let iterations = field("i=", "it has no number of iterations")?;
        let salt = STANDARD.decode(salt).map_err(|_| ScramError::Malformed("its salt is not base64"))?;
        if salt.is_empty() {
            return Err(ScramError::Malformed("its salt is empty"));
        }
        Ok(Self { nonce, derivation: Derivation { salt, iterations: read_iterations(iterations)? } })
    }
}

fn read_iterations(text: &str) -> Result<NonZeroU32, ScramError> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let count: u64 = digits
        .then(|| text.parse().ok())
        .flatten()
        .ok_or(ScramError::Malformed("its iterations are no number"))?;
    u32::try_from(count)
        .ok()
        .filter(|count| ITERATIONS.contains(count))
        .and_then(NonZeroU32::new)
        .ok_or(ScramError::Iterations(count))
}

/// The server's signature.
pub(super) fn server_final(text: &str) -> Result<Vec<u8>, ScramError> {
    let field = text.split(',').next().unwrap_or_default();
    if let Some(error) = field.strip_prefix("e=") {
        // Such as `unknown-user`.
        let plain = error.chars().filter(|letter| letter.is_ascii_alphanumeric() || *letter == '-');
        return Err(ScramError::Refused(plain.take(64).collect()));
    }
    let signature = field.strip_prefix("v=").ok_or(ScramError::Malformed("it has no signature"))?;
    STANDARD.decode(signature).map_err(|_| ScramError::Malformed("its signature is not base64"))
}

pub(super) fn text(message: &[u8]) -> Result<&str, ScramError> {
    if message.len() > MAX_BYTES {
        return Err(ScramError::Malformed("it is too long"));
    }
    std::str::from_utf8(message).map_err(|_| ScramError::Malformed("it is no text"))
}
