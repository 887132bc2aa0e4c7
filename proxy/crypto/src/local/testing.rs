//! Wraps with chosen nonces, for test vectors.

use super::file::Kek;
use super::wrap::{Parts, unwrap, wrap_with};
use crate::context::KmsContext;
use crate::dek::{Dek, WrappedKey};

pub(crate) fn wrap(
    kek: [u8; 32],
    version: u32,
    nonce: [u8; 12],
    context: &KmsContext,
    dek: &Dek,
) -> WrappedKey {
    wrap_with(&Kek::of(kek), version, nonce, context, dek).unwrap()
}

/// The version and the data key.
pub(crate) fn open(kek: [u8; 32], context: &KmsContext, wrapped: &[u8]) -> Option<(u32, Dek)> {
    let parts = Parts::parse(wrapped).ok()?;
    Some((parts.version, unwrap(&Kek::of(kek), &parts, context).ok()?))
}
