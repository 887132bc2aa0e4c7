//! Format version 1 of strimzi/topic-encryption.
//!
//! The record's value is `u16 version = 1 ‖ u16 16 ‖ 16-byte IV ‖ u32 length ‖ ciphertext ‖ tag`, AES-256-GCM without associated
//! data under the key of the topic. Nothing but this beginning tells it from a clear value.

use aes_gcm::aead::consts::U16;
use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::aes::Aes256;
use aes_gcm::{AeadInOut, AesGcm, KeyInit};

use super::cursor::Cursor;
use super::{LegacyError, LegacyKey};
use crate::message_key::TAG_LEN;

/// The hot path's library takes nonces of 12 bytes alone.
type Cipher = AesGcm<Aes256, U16>;

const IV_LEN: usize = 16;
/// The version, and the length of an IV.
const START: [u8; 4] = [0, 1, 0, 16];

/// A value in this format.
#[derive(Debug, Clone, Copy)]
pub struct TopicEncryptionV1<'a> {
    iv: &'a [u8; IV_LEN],
    ciphertext: &'a [u8],
    tag: &'a [u8; TAG_LEN],
}

impl<'a> TopicEncryptionV1<'a> {
    /// Whether a value begins like one of this format. One that does is never clear.
    pub fn begins(value: &[u8]) -> bool {
        value.starts_with(&START)
    }

    /// Parses a value that begins like one.
    pub fn parse(value: &'a [u8]) -> Result<Self, LegacyError> {
        let mut cursor = Cursor(value);
        if *cursor.array()? != START {
            return Err(LegacyError::Algorithm);
        }
        let iv = cursor.array()?;
        let length = u32::from_be_bytes(*cursor.array()?);
        let sealed = cursor.0;
        if usize::try_from(length) != Ok(sealed.len()) {
            return Err(LegacyError::Length);
        }
        let (ciphertext, tag) = sealed.split_last_chunk().ok_or(LegacyError::Length)?;
        Ok(Self { iv, ciphertext, tag })
    }

    /// Opens the value and appends it to `out`. After an error `out` holds what it held before.
    pub fn open(&self, key: &LegacyKey, out: &mut Vec<u8>) -> Result<(), LegacyError> {
        let start = out.len();
        out.extend_from_slice(self.ciphertext);
        let message = out.get_mut(start..).ok_or(LegacyError::Length)?;
        let opened = Cipher::new(key.expose().into()).decrypt_inout_detached(
            &(*self.iv).into(),
            &[],
            InOutBuf::from(message),
            &(*self.tag).into(),
        );
        opened.map_err(|_| {
            out.truncate(start);
            LegacyError::Tag
        })
    }
}
