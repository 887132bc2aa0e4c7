//! What records are, as far as can be told without keys.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// Which key protects records, and how.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Protection {
    pub(crate) provider: Arc<str>,
    pub(crate) key: Arc<str>,
    /// None where the wrapped data key does not tell it.
    pub(crate) version: Option<Arc<str>>,
    pub(crate) format: Format,
    /// As the audit log names data keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) data_key: Option<Arc<str>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum Format {
    Batch,
    Record,
    /// Record format with pseudonyms in the place of keys.
    Pseudonyms,
}

/// What some records are.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Content {
    Sealed(Protection),
    /// Another program encrypted them, by how they look: it is not tried.
    Legacy(Predecessor),
    /// Everybody with access to the disk can read them.
    Clear,
    /// Without a value there is nothing to encrypt: tombstones of record format, and records with nothing at all.
    Null,
    /// Written by brokers.
    Control,
    Damaged(Damage),
}

/// The format of a program before this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum Predecessor {
    TopicEncryptionV1,
    KroxyliciousV2,
}

impl Predecessor {
    /// As policies name it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::TopicEncryptionV1 => "TopicEncryptionV1",
            Self::KroxyliciousV2 => "KroxyliciousV2",
        }
    }
}

/// Why it cannot be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Damage {
    /// The checksum is of other bytes.
    Checksum,
    /// No batch, or no records in it.
    Malformed,
    /// An envelope that is none, or of a newer version than this program.
    Envelope,
    /// No key, value and headers, as only what stands beside an envelope has: the envelope is lost.
    Stub,
    /// The log cannot be cut into batches from here on.
    Unreadable,
}

/// Consecutive records of the same content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) content: Content,
    pub(crate) records: u64,
    pub(crate) first: i64,
    pub(crate) last: i64,
}

impl Damage {
    pub(crate) fn cause(self) -> &'static str {
        match self {
            Self::Checksum => "wrong checksum",
            Self::Malformed => "malformed batch",
            Self::Envelope => "unknown envelope",
            Self::Stub => "stub without its envelope",
            Self::Unreadable => "unreadable rest",
        }
    }
}

impl Protection {
    /// `PROVIDER/KEY:VERSION`.
    pub(crate) fn name(&self) -> String {
        format!("{}/{}:{}", self.provider, self.key, self.version.as_deref().unwrap_or("unknown"))
    }
}

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sealed(protection) => f.write_str(&protection.name()),
            Self::Legacy(predecessor) => f.write_str(predecessor.name()),
            Self::Clear => f.write_str("IN CLEAR"),
            Self::Null => f.write_str("null values"),
            Self::Control => f.write_str("control records"),
            Self::Damaged(damage) => write!(f, "DAMAGED: {}", damage.cause()),
        }
    }
}
