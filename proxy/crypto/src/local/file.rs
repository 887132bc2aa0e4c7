//! One key file: its name and what it holds.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::name::{KeyName, NameError};

/// The operator computes the same.
const FINGERPRINT: &[u8] = b"encryption.strimzi.io local key fingerprint v1";
const FINGERPRINT_BYTES: usize = 8;
/// More than any key file holds: 44 characters and a line end.
const MAX_FILE: usize = 256;

/// A key-encryption key. Cleared when dropped.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(super) struct Kek(Box<[u8; 32]>);

/// What a file is named after.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct KeyVersion {
    pub(super) key: KeyName,
    pub(super) version: u32,
}

/// Why a file is of no use.
#[derive(Debug, thiserror::Error)]
pub(super) enum FileError {
    #[error("its name is not NAME.vN with N from 1, without leading zeros")]
    Name,
    #[error("its name is not NAME.vN: {0}")]
    KeyName(#[source] NameError),
    #[error("failed to read it: {0}")]
    Read(#[source] io::Error),
    #[error("it is not a file")]
    NoFile,
    #[error("it does not hold 32 bytes in base64")]
    Content,
}

impl KeyVersion {
    /// Parses `NAME.vN`; the name may have dots.
    pub(super) fn parse(file: &str) -> Result<Self, FileError> {
        let (key, digits) = file.rsplit_once(".v").ok_or(FileError::Name)?;
        let version: u32 = digits.parse().map_err(|_| FileError::Name)?;
        // Another spelling of a number would be another file of the same version.
        if version == 0 || version.to_string() != digits {
            return Err(FileError::Name);
        }
        Ok(Self { key: KeyName::new(key).map_err(FileError::KeyName)?, version })
    }
}

impl Kek {
    pub(super) fn read(path: &Path) -> Result<Self, FileError> {
        // A pipe would block.
        if !path.metadata().map_err(FileError::Read)?.is_file() {
            return Err(FileError::NoFile);
        }
        let limit = u64::try_from(MAX_FILE).unwrap_or(u64::MAX);
        // Twice the limit, so that reading never moves the bytes and leaves a copy behind.
        let mut content = Zeroizing::new(Vec::with_capacity(2 * MAX_FILE));
        File::open(path)
            .and_then(|file| file.take(limit).read_to_end(&mut content))
            .map_err(FileError::Read)?;
        Self::decode(content.trim_ascii())
    }

    pub(super) fn decode(text: &[u8]) -> Result<Self, FileError> {
        let mut bytes = Zeroizing::new([0_u8; MAX_FILE]);
        let length = STANDARD.decode_slice(text, bytes.as_mut_slice()).map_err(|_| FileError::Content)?;
        let decoded: &[u8; 32] =
            bytes.get(..length).and_then(|key| key.try_into().ok()).ok_or(FileError::Content)?;
        let mut key = Self(Box::new([0; 32]));
        key.0.copy_from_slice(decoded);
        Ok(key)
    }

    pub(super) fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    pub(super) fn same_as(&self, other: &Self) -> bool {
        aws_lc_rs::constant_time::verify_slices_are_equal(self.0.as_slice(), other.0.as_slice()).is_ok()
    }

    /// Tells keys apart, in audit logs and in what the operator remembers of them: there is no way back from it to 256 random
    /// bits.
    pub(super) fn fingerprint(&self) -> String {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, self.0.as_slice()), FINGERPRINT);
        tag.as_ref().iter().take(FINGERPRINT_BYTES).fold(String::new(), |mut text, byte| {
            let _infallible = write!(text, "{byte:02x}");
            text
        })
    }

    #[cfg(test)]
    pub(super) fn of(bytes: [u8; 32]) -> Self {
        Self(Box::new(bytes))
    }
}
