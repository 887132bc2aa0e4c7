//! Encrypted data keys as Kroxylicious lays them out for each kind of system.

use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::{AeadInOut, Aes256Gcm, KeyInit};
use zeroize::Zeroizing;

use super::LegacyKey;
use super::cursor::Cursor;
use crate::message_key::{NONCE_LEN, TAG_LEN};
use crate::name::{KeyName, NameError};

/// Why bytes are not an encrypted data key of a system.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EdekError {
    /// They do not have its layout.
    #[error(
        "the encrypted data key is not one that Kroxylicious writes for this kind of key management system"
    )]
    Layout,
    /// The key that they name cannot be asked for here.
    #[error("the encrypted data key names a key that cannot be asked for: {0}")]
    Name(#[source] NameError),
    /// This kind of provider reads none.
    #[error("this kind of key provider reads no keys of earlier programs")]
    Unsupported,
}

/// For Vault: `varint length ‖ name of the key ‖ Transit's text`.
#[derive(Debug)]
pub struct VaultEdek<'a> {
    /// The Transit key.
    pub key: KeyName,
    /// As the server gave it, such as `vault:v1:…`.
    pub text: &'a str,
}

/// For AWS KMS: `u8 version = 0 ‖ varint length ‖ id of the key ‖ CiphertextBlob`.
#[derive(Debug)]
pub struct AwsEdek<'a> {
    /// The KMS key.
    pub key: KeyName,
    /// As KMS gave it.
    pub blob: &'a [u8],
}

/// For keys in memory: `u8 bits of the tag = 128 ‖ u8 length of the IV = 12 ‖ IV ‖ 16-byte UUID of the key ‖ data key, encrypted ‖ tag`,
/// AES-256-GCM without associated data.
#[derive(Debug)]
pub struct InMemoryEdek<'a> {
    /// The key, whose name is its UUID in lower case.
    pub key: KeyName,
    iv: &'a [u8; NONCE_LEN],
    ciphertext: &'a [u8; LegacyKey::LEN],
    tag: &'a [u8; TAG_LEN],
}

impl<'a> VaultEdek<'a> {
    /// Parses an encrypted data key.
    pub fn parse(edek: &'a [u8]) -> Result<Self, EdekError> {
        let mut cursor = Cursor(edek);
        let key = name(&mut cursor)?;
        let text = std::str::from_utf8(cursor.0).map_err(|_| EdekError::Layout)?;
        if text.is_empty() { Err(EdekError::Layout) } else { Ok(Self { key, text }) }
    }
}

impl<'a> AwsEdek<'a> {
    /// Parses an encrypted data key.
    pub fn parse(edek: &'a [u8]) -> Result<Self, EdekError> {
        let mut cursor = Cursor(edek);
        if cursor.u8() != Ok(0) {
            return Err(EdekError::Layout);
        }
        let key = name(&mut cursor)?;
        let blob = cursor.0;
        if blob.is_empty() { Err(EdekError::Layout) } else { Ok(Self { key, blob }) }
    }
}

impl<'a> InMemoryEdek<'a> {
    /// Parses an encrypted data key. Shorter tags and other IVs, which that system can be told to use, are not read.
    pub fn parse(edek: &'a [u8]) -> Result<Self, EdekError> {
        let mut cursor = Cursor(edek);
        let mut parts = || {
            if *cursor.array::<2>()? != [128, 12] {
                return Err(super::LegacyError::Algorithm);
            }
            Ok((cursor.array()?, cursor.array()?, cursor.array()?, cursor.array()?))
        };
        let (iv, uuid, ciphertext, tag) = parts().map_err(|_| EdekError::Layout)?;
        if !cursor.0.is_empty() {
            return Err(EdekError::Layout);
        }
        let key = KeyName::new(dashed(uuid)).map_err(EdekError::Name)?;
        Ok(Self { key, iv, ciphertext, tag })
    }

    /// The data key; `None` where the key-encryption key is another, or something was altered.
    pub(crate) fn open(&self, kek: &[u8; 32]) -> Option<LegacyKey> {
        let mut key = Zeroizing::new(*self.ciphertext);
        Aes256Gcm::new(kek.into())
            .decrypt_inout_detached(
                &(*self.iv).into(),
                &[],
                InOutBuf::from(key.as_mut_slice()),
                &(*self.tag).into(),
            )
            .ok()?;
        LegacyKey::from_bytes(key.as_slice())
    }
}

fn name(cursor: &mut Cursor<'_>) -> Result<KeyName, EdekError> {
    let name = cursor.counted().map_err(|_| EdekError::Layout)?;
    let name = std::str::from_utf8(name).map_err(|_| EdekError::Layout)?;
    KeyName::new(name).map_err(EdekError::Name)
}

/// A UUID as people write it.
fn dashed(uuid: &[u8; 16]) -> String {
    let digits = format!("{:032x}", u128::from_be_bytes(*uuid));
    let (mut rest, mut text) = (digits.as_str(), String::with_capacity(36));
    for length in [8, 4, 4, 4] {
        let (part, behind) = rest.split_at_checked(length).unwrap_or((rest, ""));
        text.push_str(part);
        text.push('-');
        rest = behind;
    }
    text + rest
}
