//! The record format: every value encrypted by itself, keys and headers as they are.

mod open;
mod seal;

#[cfg(test)]
mod tests;

pub use open::{ForeignValue, OpenRecordsError, OpenedStats, OpenedValue, RecordOpener, open_records};
pub use seal::{RecordSealer, SealRecordsError, seal_records};
