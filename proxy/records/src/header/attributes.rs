//! The attributes field of a batch header. Bits 7 to 15 are unused by Kafka and kept as they are.

use crate::codec::{Codec, CodecError};

const CODEC_MASK: i16 = 0x07;
const LOG_APPEND_TIME: i16 = 0x08;
const TRANSACTIONAL: i16 = 0x10;
const CONTROL: i16 = 0x20;
const DELETE_HORIZON: i16 = 0x40;

/// Codec, timestamp type and flags of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Attributes(pub i16);

impl Attributes {
    /// How the records section is compressed.
    pub fn codec(self) -> Result<Codec, CodecError> {
        Codec::from_id(self.0 & CODEC_MASK)
    }

    /// Whether the broker's time replaces every record's own.
    pub fn has_log_append_time(self) -> bool {
        self.0 & LOG_APPEND_TIME != 0
    }

    /// Whether the batch belongs to a transaction.
    pub fn is_transactional(self) -> bool {
        self.0 & TRANSACTIONAL != 0
    }

    /// Whether the batch holds a transaction marker, which a broker writes and a client never sees.
    pub fn is_control(self) -> bool {
        self.0 & CONTROL != 0
    }

    /// Whether the base timestamp holds the time after which tombstones are removed.
    ///
    /// The log cleaner then writes timestamp deltas relative to that time, so base plus delta stays the timestamp.
    pub fn has_delete_horizon(self) -> bool {
        self.0 & DELETE_HORIZON != 0
    }

    /// The same attributes with another codec.
    #[must_use]
    pub fn with_codec(self, codec: Codec) -> Self {
        Self(self.0 & !CODEC_MASK | codec.id())
    }

    /// The same attributes with another timestamp type.
    #[must_use]
    pub fn with_log_append_time(self, log_append_time: bool) -> Self {
        Self(if log_append_time { self.0 | LOG_APPEND_TIME } else { self.0 & !LOG_APPEND_TIME })
    }

    /// The same attributes without a delete horizon.
    #[must_use]
    pub fn without_delete_horizon(self) -> Self {
        Self(self.0 & !DELETE_HORIZON)
    }

    /// The same attributes without the mark of a control batch.
    #[must_use]
    pub fn without_control(self) -> Self {
        Self(self.0 & !CONTROL)
    }
}
