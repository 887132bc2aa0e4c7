//! Why records do not open.

use proxy_crypto::{EnvelopeError, OpenError, ProviderError};
use thiserror::Error;

/// Records that could not be opened.
#[derive(Debug, Error)]
#[error("{records} records at offsets {first} to {last} do not open")]
pub(crate) struct Unopened {
    pub(crate) first: i64,
    pub(crate) last: i64,
    pub(crate) records: u64,
    #[source]
    pub(crate) cause: Cause,
}

#[derive(Debug, Clone, Error)]
pub(crate) enum Cause {
    #[error("there is no data key")]
    Key(#[source] ProviderError),
    #[error("the envelope cannot be read")]
    Envelope(#[source] EnvelopeError),
    #[error("what is stored is not what was sealed")]
    Open(#[source] OpenError),
    #[error("an envelope where none belongs, or of an unknown format")]
    Misplaced,
    #[error("the batch has a wrong checksum")]
    Checksum,
    #[error("the batch is malformed")]
    Malformed,
    #[error("the log cannot be read any further")]
    Unreadable,
}

impl Cause {
    /// It says nothing about the records: the same command may open them later.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self, Self::Key(ProviderError::Unavailable { .. }))
    }
}
