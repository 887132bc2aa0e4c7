//! Message keys: one for each produced batch, derived from the data key and 32 fresh random bytes.
//!
//! Because the salt is fresh, a data key that is returned twice or a machine snapshot that runs twice never leads to
//! the same key and nonce again.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use zeroize::Zeroizing;

use crate::dek::Dek;
use crate::envelope::{ALGORITHM, Format, VERSION};

/// Bytes of the tag that stands after every ciphertext.
pub const TAG_LEN: usize = 16;
pub(crate) const SALT_LEN: usize = 32;
pub(crate) const COMMITMENT_LEN: usize = 16;
pub(crate) const NONCE_LEN: usize = 12;

const KEY_LEN: usize = 32;
const INFO: &[u8] = b"strimzi topic encryption message key";

/// Something in the cryptographic library failed, without further detail by its design.
#[derive(Debug)]
pub(crate) struct CryptoError;

/// A message key for reading.
pub(crate) struct OpeningKey(LessSafeKey);

/// A message key for writing. It alone chooses nonces, so none comes twice.
pub(crate) struct SealingKey {
    key: LessSafeKey,
    next: u64,
}

/// What HKDF makes of a data key and a salt: the message key, then the commitment.
struct Derived(Zeroizing<[u8; KEY_LEN + COMMITMENT_LEN]>);

struct DerivedLen;

impl KeyType for DerivedLen {
    fn len(&self) -> usize {
        KEY_LEN + COMMITMENT_LEN
    }
}

impl Derived {
    fn new(dek: &Dek, salt: &[u8; SALT_LEN], format: Format) -> Result<Self, CryptoError> {
        let suffix = [VERSION, format.byte(), ALGORITHM];
        let info = [INFO, suffix.as_slice()];
        let mut okm = Zeroizing::new([0; KEY_LEN + COMMITMENT_LEN]);
        Salt::new(HKDF_SHA256, salt)
            .extract(dek.expose())
            .expand(&info, DerivedLen)
            .and_then(|expanded| expanded.fill(okm.as_mut_slice()))
            .map_err(|_| CryptoError)?;
        Ok(Self(okm))
    }

    fn parts(&self) -> Result<(&[u8; KEY_LEN], &[u8; COMMITMENT_LEN]), CryptoError> {
        let (key, commitment) = self.0.split_first_chunk().ok_or(CryptoError)?;
        Ok((key, commitment.try_into().map_err(|_| CryptoError)?))
    }
}

fn aes(key: &[u8; KEY_LEN]) -> Result<LessSafeKey, CryptoError> {
    UnboundKey::new(&AES_256_GCM, key).map(LessSafeKey::new).map_err(|_| CryptoError)
}

impl OpeningKey {
    /// Derives the key. `None` when the commitment is of another data key.
    pub(crate) fn derive(
        dek: &Dek,
        salt: &[u8; SALT_LEN],
        commitment: &[u8; COMMITMENT_LEN],
        format: Format,
    ) -> Result<Option<Self>, CryptoError> {
        let derived = Derived::new(dek, salt, format)?;
        let (key, expected) = derived.parts()?;
        if verify_slices_are_equal(commitment, expected).is_err() {
            return Ok(None);
        }
        aes(key).map(|key| Some(Self(key)))
    }

    /// Opens ciphertext and tag in place and tells the length of the plaintext at the start.
    pub(crate) fn open(
        &self,
        nonce: [u8; NONCE_LEN],
        aad: &[u8],
        sealed: &mut [u8],
    ) -> Result<usize, CryptoError> {
        self.0
            .open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from(aad), sealed)
            .map(|plaintext| plaintext.len())
            .map_err(|_| CryptoError)
    }
}

impl SealingKey {
    /// Derives the key and its commitment.
    pub(crate) fn derive(
        dek: &Dek,
        salt: &[u8; SALT_LEN],
        format: Format,
    ) -> Result<(Self, [u8; COMMITMENT_LEN]), CryptoError> {
        let derived = Derived::new(dek, salt, format)?;
        let (key, commitment) = derived.parts()?;
        Ok((Self { key: aes(key)?, next: 0 }, *commitment))
    }

    /// Seals in place; gives the nonce it took and the tag.
    pub(crate) fn seal(
        &mut self,
        aad: &[u8],
        message: &mut [u8],
    ) -> Result<([u8; NONCE_LEN], [u8; TAG_LEN]), CryptoError> {
        let nonce = counter_nonce(self.next);
        // Spent before it is used, so that a failure cannot bring it back.
        self.next = self.next.checked_add(1).ok_or(CryptoError)?;
        let tag = self
            .key
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), message)
            .map_err(|_| CryptoError)?;
        Ok((nonce, tag.as_ref().try_into().map_err(|_| CryptoError)?))
    }
}

/// The counter as 12 bytes, big-endian.
fn counter_nonce(counter: u64) -> [u8; NONCE_LEN] {
    let mut nonce = [0; NONCE_LEN];
    if let Some(low) = nonce.last_chunk_mut() {
        *low = counter.to_be_bytes();
    }
    nonce
}

#[cfg(test)]
pub(crate) mod testing {
    use super::*;

    /// Message key and commitment, which only test vectors show.
    pub(crate) fn derived(dek: &Dek, salt: &[u8; SALT_LEN], format: Format) -> (Vec<u8>, Vec<u8>) {
        let derived = Derived::new(dek, salt, format).unwrap();
        let (key, commitment) = derived.parts().unwrap();
        (key.to_vec(), commitment.to_vec())
    }
}
