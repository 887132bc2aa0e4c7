//! The record format: every value encrypted by itself, keys and headers as they are, or values of headers with the value,
//! and the key with both.

mod headers;
mod open;
mod seal;

#[cfg(test)]
mod tests;

pub use headers::{HeadersSealer, SealedParts, header_count, seal_records_with_headers};
pub use open::{
    ForeignValue, OpenRecordsError, OpenedKey, OpenedRecord, OpenedStats, OpenedValue, RecordOpener,
    open_records,
};
pub use seal::{RecordSealer, SealRecordsError, seal_records};
