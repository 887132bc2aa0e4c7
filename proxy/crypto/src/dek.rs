//! Data keys: in clear, and as a key management system wrapped them.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// The machine has no randomness to give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("failed to get random bytes")]
pub struct RandomError;

/// A data key in clear: 32 bytes, the input of every message key. Cleared when dropped.
// Boxed, so that a move leaves no copy behind that nobody clears.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Dek(Box<[u8; Self::LEN]>);

/// A data key as the key management system wrapped it. Not secret.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct WrappedKey(Arc<[u8]>);

impl Dek {
    /// Bytes of a data key.
    pub const LEN: usize = 32;

    /// Makes a new data key of random bytes.
    pub fn generate() -> Result<Self, RandomError> {
        let mut dek = Self(Box::new([0; Self::LEN]));
        aws_lc_rs::rand::fill(dek.0.as_mut_slice()).map_err(|_| RandomError)?;
        Ok(dek)
    }

    /// Takes the bytes that a key management system gave. `None` when they are not 32.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; Self::LEN] = bytes.try_into().ok()?;
        let mut dek = Self(Box::new([0; Self::LEN]));
        dek.0.copy_from_slice(bytes);
        Some(dek)
    }

    /// The secret bytes, for implementations of [`KeyProvider`](crate::KeyProvider).
    pub fn expose(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    /// Whether both are the same, in a time that does not tell where they differ.
    pub fn same_as(&self, other: &Self) -> bool {
        verify_slices_are_equal(self.0.as_slice(), other.0.as_slice()).is_ok()
    }
}

impl fmt::Debug for Dek {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dek(..)")
    }
}

impl WrappedKey {
    /// Takes what a key management system answered.
    pub fn new(bytes: impl Into<Arc<[u8]>>) -> Self {
        Self(bytes.into())
    }

    /// The wrapped key as it travels in envelopes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for WrappedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WrappedKey({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_material() {
        let dek = Dek::from_bytes(&[0xab; 32]).unwrap();
        assert_eq!(format!("{dek:?}"), "Dek(..)");
        assert_eq!(format!("{:?}", WrappedKey::new([1, 2, 3])), "WrappedKey(3 bytes)");
    }

    /// Conformance: TE-B12.
    #[test]
    fn takes_only_32_bytes() {
        // TE-B12: a key of 128 bits is none of 256.
        assert!(Dek::from_bytes(&[0; 16]).is_none());
        assert!(Dek::from_bytes(&[0; 31]).is_none());
        assert!(Dek::from_bytes(&[0; 33]).is_none());
        assert!(!Dek::generate().unwrap().same_as(&Dek::generate().unwrap()));
    }
}
