//! The key under which keys of records become pseudonyms, as a rule holds it: wrapped.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Serialize, Serializer};

use crate::reader::Field;

/// As many as an envelope may carry of a wrapped key.
const MAX_BYTES: usize = 4096;

/// A data key that the rule's key-encryption key wraps. It is made once and stays: another makes other pseudonyms. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PseudonymKey(Arc<[u8]>);

/// Text that is no such key. It is not repeated: who puts the key itself there, unwrapped, must not find it in a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be base64 of 1 to {MAX_BYTES} bytes, as `topic-encryption-proxy keys pseudonym` prints a wrapped key"
)]
pub struct InvalidPseudonymKey;

impl PseudonymKey {
    /// Takes the bytes of a wrapped key.
    pub fn new(wrapped: impl Into<Arc<[u8]>>) -> Result<Self, InvalidPseudonymKey> {
        let wrapped = wrapped.into();
        if (1..=MAX_BYTES).contains(&wrapped.len()) { Ok(Self(wrapped)) } else { Err(InvalidPseudonymKey) }
    }

    /// The wrapped key, for its provider to unwrap.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Reads `recordKeys`.
    pub(super) fn read(field: &Field<'_>) -> Option<Self> {
        let fields = field.fields(&["pseudonymKey"])?;
        let field = fields.required("pseudonymKey")?;
        field.text()?.parse().map_err(|error: InvalidPseudonymKey| field.mistake(error.to_string())).ok()
    }
}

impl FromStr for PseudonymKey {
    type Err = InvalidPseudonymKey;

    fn from_str(text: &str) -> Result<Self, InvalidPseudonymKey> {
        STANDARD.decode(text).map_err(|_| InvalidPseudonymKey).and_then(Self::new)
    }
}

/// The text that a policy has.
impl fmt::Display for PseudonymKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(&self.0))
    }
}

impl fmt::Debug for PseudonymKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PseudonymKey({} bytes)", self.0.len())
    }
}

impl Serialize for PseudonymKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
