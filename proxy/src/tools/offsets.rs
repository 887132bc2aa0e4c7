//! The offsets of entries, as their heads say them.

use proxy_records::BatchHeader;

/// That at the start of any entry.
pub(super) fn first(entry: &[u8]) -> i64 {
    entry.first_chunk().map_or(0, |bytes| i64::from_be_bytes(*bytes))
}

/// The last one of any entry, for walking on.
pub(super) fn last(entry: &[u8]) -> i64 {
    BatchHeader::parse(entry).map_or_else(|_| first(entry), |header| of_batch(&header).1)
}

/// First and last offset of a batch.
pub(super) fn of_batch(header: &BatchHeader) -> (i64, i64) {
    let first = header.base_offset;
    (first, first.saturating_add(i64::from(header.last_offset_delta.max(0))))
}
