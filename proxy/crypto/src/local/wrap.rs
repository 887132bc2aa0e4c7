//! Wraps data keys with AES-256-GCM of another implementation than that of the hot path.

use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::{AeadInOut, Aes256Gcm, KeyInit};
use zeroize::Zeroizing;

use super::file::Kek;
use crate::context::KmsContext;
use crate::dek::{Dek, WrappedKey};

const NONCE_LEN: usize = 12;
const TAG_LEN: usize = 16;
/// Version, nonce, data key, tag.
const WRAPPED_LEN: usize = 4 + NONCE_LEN + Dek::LEN + TAG_LEN;

/// Why a data key was not wrapped or unwrapped.
#[derive(Debug, Clone, Copy, thiserror::Error)]
pub(super) enum WrapError {
    #[error("the wrapped data key does not have {WRAPPED_LEN} bytes")]
    Length,
    // Keys that moved without their material look like this: other bytes under the same name.
    #[error(
        "the wrapped data key was altered, belongs to another cluster, provider or key, or was wrapped by another key of this \
         name: a key is of use only with the bytes that it had"
    )]
    Open,
    #[error("failed to wrap the data key")]
    Wrap,
}

/// A wrapped data key in parts.
pub(super) struct Parts<'a> {
    pub(super) version: u32,
    nonce: &'a [u8; NONCE_LEN],
    ciphertext: &'a [u8; Dek::LEN],
    tag: &'a [u8; TAG_LEN],
}

impl<'a> Parts<'a> {
    pub(super) fn parse(wrapped: &'a [u8]) -> Result<Self, WrapError> {
        let parts = || {
            let (version, rest) = wrapped.split_first_chunk()?;
            let (nonce, rest) = rest.split_first_chunk()?;
            let (ciphertext, rest) = rest.split_first_chunk()?;
            let tag = rest.try_into().ok()?;
            Some(Self { version: u32::from_be_bytes(*version), nonce, ciphertext, tag })
        };
        parts().ok_or(WrapError::Length)
    }
}

pub(super) fn wrap(
    kek: &Kek,
    version: u32,
    context: &KmsContext,
    dek: &Dek,
) -> Result<WrappedKey, WrapError> {
    let mut nonce = [0; NONCE_LEN];
    aws_lc_rs::rand::fill(&mut nonce).map_err(|_| WrapError::Wrap)?;
    wrap_with(kek, version, nonce, context, dek)
}

/// Only tests choose the nonce.
pub(super) fn wrap_with(
    kek: &Kek,
    version: u32,
    nonce: [u8; NONCE_LEN],
    context: &KmsContext,
    dek: &Dek,
) -> Result<WrappedKey, WrapError> {
    let cipher = Aes256Gcm::new(kek.expose().into());
    let mut ciphertext = Zeroizing::new(*dek.expose());
    let tag = cipher
        .encrypt_inout_detached(&nonce.into(), &context.to_bytes(), InOutBuf::from(ciphertext.as_mut_slice()))
        .map_err(|_| WrapError::Wrap)?;
    let version = version.to_be_bytes();
    let parts: [&[u8]; 4] = [&version, &nonce, ciphertext.as_slice(), &tag];
    Ok(WrappedKey::new(parts.concat()))
}

pub(super) fn unwrap(kek: &Kek, parts: &Parts<'_>, context: &KmsContext) -> Result<Dek, WrapError> {
    let cipher = Aes256Gcm::new(kek.expose().into());
    let mut dek = Zeroizing::new(*parts.ciphertext);
    cipher
        .decrypt_inout_detached(
            &(*parts.nonce).into(),
            &context.to_bytes(),
            InOutBuf::from(dek.as_mut_slice()),
            &(*parts.tag).into(),
        )
        .map_err(|_| WrapError::Open)?;
    Dek::from_bytes(dek.as_slice()).ok_or(WrapError::Length)
}
