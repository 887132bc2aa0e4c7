//! Reads what earlier programs encrypted: strimzi/topic-encryption and Kroxylicious.
//!
//! Read-only by its types. A [`LegacyKey`] opens these formats and nothing else: no envelope of ours is opened with one, and
//! nothing is sealed with one. Neither format binds a ciphertext to its topic or record, so whoever can write to a broker can
//! move one; `proxy/docs/migration.md` says what follows from that.

mod cursor;
mod edek;
mod kroxylicious;
#[cfg(test)]
mod tests;
mod topic_encryption;

use std::fmt;

use async_trait::async_trait;
use zeroize::{Zeroize, ZeroizeOnDrop};

pub use self::edek::{AwsEdek, EdekError, InMemoryEdek, VaultEdek};
pub use self::kroxylicious::{HEADER_NAME as KROXYLICIOUS_HEADER_NAME, KroxyliciousV2};
pub use self::topic_encryption::TopicEncryptionV1;

use crate::context::KmsContext;
use crate::name::KeyName;
use crate::provider::ProviderError;

/// The AES-256 key of an earlier format. Cleared when dropped.
// Boxed, so that a move leaves no copy behind that nobody clears.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct LegacyKey(Box<[u8; Self::LEN]>);

/// How a key of an earlier format is got from its provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LegacySource<'a> {
    /// The provider has the key itself, by this name (topic-encryption).
    Stored(&'a str),
    /// An encrypted data key that stands beside the ciphertext (Kroxylicious).
    Edek(&'a [u8]),
}

/// What a key provider must be able to do for earlier formats, beside what it does for ours. It cannot make keys.
#[async_trait]
pub trait LegacyProvider: Send + Sync {
    /// The key-encryption key that an encrypted data key names.
    fn named_key(&self, edek: &[u8]) -> Result<KeyName, EdekError>;

    /// Gets a key. The context has the name that the source says.
    async fn legacy_key(
        &self,
        context: &KmsContext,
        source: LegacySource<'_>,
    ) -> Result<LegacyKey, ProviderError>;
}

/// Why a record of an earlier format does not open. All mean the same to a client: what is stored is not what was encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LegacyError {
    /// It ends too early, or has bytes left over.
    #[error("record of an earlier format has a wrong length")]
    Length,
    /// A number in it is none, or larger than its format allows.
    #[error("record of an earlier format has a malformed number")]
    Number,
    /// A version that this program does not read.
    #[error("record of an earlier format has unknown version {0}")]
    Version(u8),
    /// An algorithm or associated data that this program does not read.
    #[error("record of an earlier format has an unknown algorithm")]
    Algorithm,
    /// More than the value is encrypted, which no release writes.
    #[error("record of an earlier format holds other parts than a value")]
    Parts,
    /// The tag is wrong: another key, or altered.
    #[error("ciphertext of an earlier format is not authentic")]
    Tag,
}

impl LegacyKey {
    /// Bytes of a key.
    pub const LEN: usize = 32;

    /// Takes the bytes that a key provider gave. `None` when they are not 32.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; Self::LEN] = bytes.try_into().ok()?;
        let mut key = Self(Box::new([0; Self::LEN]));
        key.0.copy_from_slice(bytes);
        Some(key)
    }

    pub(crate) fn expose(&self) -> &[u8; Self::LEN] {
        &self.0
    }
}

impl fmt::Debug for LegacyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LegacyKey(..)")
    }
}
