//! One entry of the Secret: its name and what it holds, by the rules of the proxy that reads it as a file.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::{KEY_BYTES, LONGEST_NAME};

/// As much as the proxy reads of a file.
const MAX_CONTENT: usize = 256;

/// Why an entry is of no use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// Its name.
    #[error("its name is not NAME.vN with N from 1, without leading zeros")]
    Name,
    /// Its content.
    #[error("it does not hold 32 bytes in base64")]
    Content,
}

/// The name of an entry that holds a version of a key.
pub(super) struct EntryName<'a> {
    pub(super) key: &'a str,
}

impl<'a> EntryName<'a> {
    /// Parses `NAME.vN`; the name may have dots.
    pub(super) fn parse(entry: &'a str) -> Result<Self, EntryError> {
        let (key, digits) = entry.rsplit_once(".v").ok_or(EntryError::Name)?;
        let version: u32 = digits.parse().map_err(|_| EntryError::Name)?;
        if version == 0 || version.to_string() != digits || !is_name(key) {
            return Err(EntryError::Name);
        }
        Ok(Self { key })
    }

    /// The entry for the first version of a key, if the key can have one.
    pub(super) fn first(key: &str) -> Option<String> {
        (is_name(key) && key.len() <= LONGEST_NAME).then(|| format!("{key}.v1"))
    }
}

/// Files that begin with a dot are the kubelet's, and not read.
fn is_name(key: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    !key.is_empty() && !key.starts_with('.') && key.bytes().all(allowed)
}

/// Whether an entry that is of no use may be meant as a version of this key.
pub(super) fn may_be_of(entry: &str, key: &str) -> bool {
    if let Ok(name) = EntryName::parse(entry) {
        return name.key == key;
    }
    entry.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

pub(super) fn check_content(content: &[u8]) -> Result<(), EntryError> {
    decode(content).map(drop)
}

/// The key that an entry holds.
pub(super) fn decode(content: &[u8]) -> Result<Zeroizing<[u8; KEY_BYTES]>, EntryError> {
    let text = content.get(..MAX_CONTENT).unwrap_or(content).trim_ascii();
    let mut bytes = Zeroizing::new([0_u8; MAX_CONTENT]);
    let mut key = Zeroizing::new([0_u8; KEY_BYTES]);
    match STANDARD.decode_slice(text, bytes.as_mut_slice()) {
        Ok(KEY_BYTES) => key.copy_from_slice(bytes.get(..KEY_BYTES).ok_or(EntryError::Content)?),
        _ => return Err(EntryError::Content),
    }
    Ok(key)
}
