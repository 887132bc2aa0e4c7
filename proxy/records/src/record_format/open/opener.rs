//! What the walk over a batch asks of whoever has the keys.

use std::ops::Range;

use crate::record::Record;

/// Decrypts one value. Implemented where the keys are.
pub trait RecordOpener {
    /// Why a value was not opened.
    type Error;

    /// Appends the plain value to `out`, or says what stands in the place of a record that nobody can read.
    ///
    /// `timestamp` is the record's own in milliseconds, or `None` where the broker's time has replaced it.
    fn open(
        &mut self,
        envelope_header: &[u8],
        key: Option<&[u8]>,
        sealed: &[u8],
        timestamp: Option<i64>,
        out: &mut Vec<u8>,
    ) -> Result<OpenedValue, Self::Error>;

    /// Opens a record of which values of headers, and perhaps its key, are sealed too: puts what was sealed into `plain`, and
    /// all its headers as the client sent them into `headers`, by [`Headers::replace`](crate::record::Headers::replace).
    ///
    /// The record's headers are without that of the envelope, and have been read once without an error.
    fn open_with_headers(
        &mut self,
        envelope_header: &[u8],
        record: &Record<'_>,
        timestamp: Option<i64>,
        plain: &mut Vec<u8>,
        headers: &mut Vec<u8>,
    ) -> Result<OpenedRecord, Self::Error>;

    /// The same as [`Self::open`] for a record that carries no envelope of ours, which another program may have encrypted.
    fn open_foreign(
        &mut self,
        _record: &Record<'_>,
        _out: &mut Vec<u8>,
    ) -> Result<ForeignValue, Self::Error> {
        Ok(ForeignValue::Clear)
    }
}

/// What a record without an envelope of ours is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForeignValue {
    /// Nobody encrypted it.
    Clear,
    /// It was opened; its headers are all the client's.
    Opened,
    /// It was opened; its first header is the other program's.
    OpenedWithMarker,
}

/// What becomes of a sealed value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenedValue {
    /// It was opened.
    Plain,
    /// The record gets a null value: a tombstone.
    Null,
    /// The record is left out, as if compaction had removed it.
    Removed,
}

/// What becomes of a record whose headers are sealed too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OpenedRecord {
    /// It was opened.
    Plain {
        /// Its key.
        key: OpenedKey,
        /// The range of the plaintext that is its value, which is null otherwise.
        value: Option<Range<usize>>,
    },
    /// The record gets a null value, and no headers: those that are stored are not the client's.
    Null,
    /// The record is left out, as if compaction had removed it.
    Removed,
}

/// The key of a record whose headers are sealed too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OpenedKey {
    /// The stored one, or null like that.
    Stored,
    /// This range of the plaintext.
    Sealed(Range<usize>),
}
