//! The header of the producer's batch, from the stored header and the envelope.

use crate::codec::Codec;
use crate::header::{Attributes, BATCH_HEADER_LEN, BatchHeader};

/// What the envelope says about the batch as the producer sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OriginalBatch {
    /// All 16 bits.
    pub attributes: i16,
    /// Records in the payload; a cleaner may have changed the stored count.
    pub record_count: i32,
    /// A cleaner may have put a delete horizon in the stored field.
    pub base_timestamp: i64,
    /// A cleaner may have recomputed the stored field.
    pub max_timestamp: i64,
}

/// The header to put before the decrypted `payload`.
///
/// Offsets, leader epoch and producer fields are the stored ones. A broker's append time wins over the producer's, as it
/// does without encryption. There is no delete horizon: it would redefine the base timestamp.
pub fn restored_header(
    stored: &BatchHeader,
    original: &OriginalBatch,
    payload: &[u8],
) -> [u8; BATCH_HEADER_LEN] {
    let log_append_time = stored.attributes.has_log_append_time();
    let mut header = BatchHeader {
        attributes: Attributes(original.attributes)
            .with_log_append_time(log_append_time)
            .without_delete_horizon()
            .without_control(),
        record_count: original.record_count,
        base_timestamp: original.base_timestamp,
        max_timestamp: if log_append_time { stored.max_timestamp } else { original.max_timestamp },
        ..*stored
    };
    header.complete(&[payload])
}

/// A batch without records in the place of one that nobody can read: what is left of a batch whose records compaction
/// removed. By its offsets consumers go on behind it.
pub fn emptied_header(stored: &BatchHeader) -> [u8; BATCH_HEADER_LEN] {
    let mut header = BatchHeader {
        attributes: stored.attributes.with_codec(Codec::None).without_delete_horizon(),
        record_count: 0,
        ..*stored
    };
    header.complete(&[])
}
