//! Opens what brokers stored.

mod batch;
mod headers;
mod record;

pub use self::batch::open_batch;
pub use self::headers::{OpenedHeaders, OpenedRecord, StoredRecord};
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use self::headers::{nullable, parse};
pub use self::record::RecordOpener;

use crate::aad::TooLong;

/// Why something does not open. All mean the same to a client: what is stored is not what was sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The envelope header is of the other format.
    #[error("envelope header is of another format")]
    Format,
    /// The commitment in the header is of another data key.
    #[error("envelope header does not commit to this data key")]
    Commitment,
    /// There is no room for a tag.
    #[error("ciphertext is truncated")]
    Truncated,
    /// The tag is wrong: ciphertext, header or surroundings differ from those that were sealed.
    #[error("ciphertext is not authentic")]
    Tag,
    /// The record's timestamp is not the producer's.
    #[error("timestamp is not the one that was sealed")]
    Timestamp,
    /// The record has a value where the envelope says null, or null where it says a value.
    #[error("record value is not where the envelope says")]
    Place,
    /// What was sealed is not a list of headers of the record and a value. Only a writer's own mistake leads here.
    #[error("sealed headers are malformed")]
    Headers,
    /// The record's key is null where that which was sealed is not, or the other way round, or is no pseudonym of such a key.
    #[error("record key is not one of the key that was sealed")]
    Key,
    /// The topic or the record key is longer than the format allows.
    #[error("topic or record key is too long")]
    TooLong,
}

impl From<TooLong> for OpenError {
    fn from(_: TooLong) -> Self {
        Self::TooLong
    }
}
