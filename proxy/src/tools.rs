//! What data owners and auditors do with stored data: look at it without keys, account for the keys that it needs, get it
//! out, and move it to other keys.
//!
//! All tools read either log segment files or the brokers themselves, one batch at a time, and take what they read for
//! the work of an enemy: nothing of it is allocated, trusted or shown by its own word.

pub(crate) mod audit;
pub(crate) mod copy;
pub(crate) mod decrypt;
pub(crate) mod inspect;
pub(crate) mod progress;
pub(crate) mod segments;

mod committed;
mod content;
mod file;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
#[cfg(test)]
pub(crate) mod hostile;
mod log;
mod look;
mod offsets;
mod old_messages;
mod opening;
mod report;
mod tally;
mod transactions;
mod version;

use crate::client::Place;
use bytes::Bytes;
use proxy_records::EntriesError;
use std::sync::Arc;

pub(crate) use file::write_atomically;
pub(crate) use log::Log;
pub(crate) use version::Versions;

/// A batch is never larger than this after decompression, whatever it says.
const MAX_DECOMPRESSED: usize = 128 * 1024 * 1024;

/// One entry of a log.
#[derive(Debug, Clone)]
pub(crate) struct Piece {
    pub(crate) place: Arc<Place>,
    pub(crate) kind: PieceKind,
    pub(crate) bytes: Bytes,
}

/// What an entry is before anybody looks into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PieceKind {
    /// A whole batch of magic 2.
    Batch,
    /// The same, of a transaction that was aborted.
    Aborted,
    /// A whole message of magic 0 or 1.
    OldMessage,
    /// The end of a segment that is still being written, or the zeros that follow it.
    Truncated(u64),
    /// Nothing behind this point can be read.
    Unreadable(EntriesError, u64),
}
