//! Record batches: view, validation, codecs and the two encrypted layouts. No tokio, no cryptography.
//!
//! Every function here takes bytes from a peer and must neither panic nor allocate by a length that the peer states.
//! Ciphertext is opaque: this crate says where it lies, the caller encrypts and decrypts.
#![warn(clippy::indexing_slicing)]

mod batch_format;
mod codec;
mod entries;
mod envelope;
mod header;
mod offsets;
mod produced;
mod recognise;
mod record;
mod record_format;
mod scratch;
mod varint;

#[cfg(any(test, feature = "fuzzing"))]
extern crate self as proxy_records;
#[cfg(test)]
mod arbitrary;
#[cfg(test)]
mod broker;
#[cfg(any(test, feature = "fuzzing"))]
mod sample;

#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;

pub use batch_format::{
    OriginalBatch, Surround, SurroundError, TAG_LEN, UNIQUE_KEY_LEN, emptied_header, restored_header,
};
pub use codec::{Codec, CodecError, Codecs};
pub use entries::{EntriesError, Entry, entries};
pub use envelope::{ENVELOPE_HEADER_NAME, Kind, kind};
pub use header::{Attributes, BATCH_HEADER_LEN, BatchHeader, HeaderError, crc_matches};
pub use offsets::{last_offset, old_message_offset};
pub use produced::{InvalidBatch, Malformed, Produced, validate_produced};
pub use recognise::{
    ClearContent, Location, RecogniseError, Recognised, SealedBatch, find_record, recognise,
};
pub use record::{Header, Headers, Record, RecordError, Records, write_record};
pub use record_format::{
    ForeignValue, HeadersSealer, OpenRecordsError, OpenedKey, OpenedRecord, OpenedStats, OpenedValue,
    RecordOpener, RecordSealer, SealRecordsError, SealedParts, header_count, open_records, seal_records,
    seal_records_with_headers,
};
pub use scratch::{Scratch, Section};
