//! Record encryption version 2 of Kroxylicious.
//!
//! The record's first header is `kroxylicious.io/encryption` with the one byte 2. Its value is `u8 cipher = 0 ‖ varint length ‖ encrypted
//! data key ‖ u8 associated data = 0 ‖ 12-byte IV ‖ ciphertext ‖ tag`, AES-256-GCM without associated data. The plaintext is
//! `zigzag varint length ‖ value ‖ 0x03`, where the last says that the record's headers stand outside.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use super::cursor::Cursor;
use super::{LegacyError, LegacyKey};
use crate::message_key::{NONCE_LEN, TAG_LEN};

/// The record header that marks such a record.
pub const HEADER_NAME: &str = "kroxylicious.io/encryption";
const VERSION: u8 = 2;
const AES_256_GCM_ID: u8 = 0;
const NO_ASSOCIATED_DATA: u8 = 0;
/// As a number of headers: they are not part of it.
const ABSENT: i32 = -2;

/// A record in this format.
#[derive(Debug, Clone, Copy)]
pub struct KroxyliciousV2<'a> {
    edek: &'a [u8],
    iv: &'a [u8; NONCE_LEN],
    sealed: &'a [u8],
}

impl<'a> KroxyliciousV2<'a> {
    /// Parses a record that carries the marker, given the marker's value and its own.
    pub fn parse(marker: Option<&[u8]>, value: Option<&'a [u8]>) -> Result<Self, LegacyError> {
        match marker {
            Some([VERSION]) => {}
            Some(&[other]) => return Err(LegacyError::Version(other)),
            _ => return Err(LegacyError::Length),
        }
        // A null value is stored without the marker.
        let mut cursor = Cursor(value.ok_or(LegacyError::Length)?);
        if cursor.u8()? != AES_256_GCM_ID {
            return Err(LegacyError::Algorithm);
        }
        let edek = cursor.counted()?;
        if cursor.u8()? != NO_ASSOCIATED_DATA {
            return Err(LegacyError::Algorithm);
        }
        let iv = cursor.array()?;
        let sealed = cursor.0;
        if sealed.len() < TAG_LEN {
            return Err(LegacyError::Length);
        }
        Ok(Self { edek, iv, sealed })
    }

    /// The encrypted data key, in the layout of the system that wrapped it.
    pub fn edek(&self) -> &'a [u8] {
        self.edek
    }

    /// Opens the value and appends it to `out`. After an error `out` holds what it held before.
    pub fn open(&self, key: &LegacyKey, out: &mut Vec<u8>) -> Result<(), LegacyError> {
        let start = out.len();
        out.extend_from_slice(self.sealed);
        let value = self.decrypt(key, out.get_mut(start..).unwrap_or_default());
        match value {
            Ok((skip, length)) => {
                out.drain(start..start.saturating_add(skip));
                out.truncate(start.saturating_add(length));
                Ok(())
            }
            Err(error) => {
                out.truncate(start);
                Err(error)
            }
        }
    }

    /// Decrypts in place, and tells where the value begins and how long it is.
    fn decrypt(&self, key: &LegacyKey, message: &mut [u8]) -> Result<(usize, usize), LegacyError> {
        let key = UnboundKey::new(&AES_256_GCM, key.expose()).map_err(|_| LegacyError::Tag)?;
        let nonce = Nonce::assume_unique_for_key(*self.iv);
        let parcel = LessSafeKey::new(key).open_in_place(nonce, Aad::empty(), message);
        let parcel: &[u8] = parcel.map_err(|_| LegacyError::Tag)?;
        let mut cursor = Cursor(parcel);
        let length = usize::try_from(cursor.zigzag()?).map_err(|_| LegacyError::Parts)?;
        let skip = parcel.len().saturating_sub(cursor.0.len());
        cursor.bytes(length)?;
        if cursor.zigzag()? != ABSENT {
            return Err(LegacyError::Parts);
        }
        if cursor.0.is_empty() { Ok((skip, length)) } else { Err(LegacyError::Length) }
    }
}
