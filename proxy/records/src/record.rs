//! Records inside a records section that is not compressed, read in place.
#![expect(
    clippy::inline_always,
    reason = "measured: left to the compiler, a walk over records costs half as much again"
)]

mod headers;
mod write;

#[cfg(test)]
mod tests;

use thiserror::Error;

pub use headers::{Header, Headers};
pub use write::write_record;
pub(crate) use write::{FieldLen, Outline, write_stub};

use crate::varint::{Cursor, VarintError};

/// Why bytes are not the records that were announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RecordError {
    /// The bytes end inside a record.
    #[error("record is truncated")]
    Truncated,
    /// A number longer than its type.
    #[error("record has an overlong number")]
    Overflow,
    /// A length or count that is negative where it must not be.
    #[error("record has a negative length")]
    Negative,
    /// Bytes inside a record behind its last header.
    #[error("record has bytes left over")]
    RecordRest,
    /// Bytes behind the last record, or a count that is negative.
    #[error("batch has bytes left over or a negative record count")]
    SectionRest,
}

impl From<VarintError> for RecordError {
    fn from(error: VarintError) -> Self {
        match error {
            VarintError::Truncated => Self::Truncated,
            VarintError::Overflow => Self::Overflow,
        }
    }
}

/// One record; its headers are not looked at before they are iterated. Not printable, so that no log shows its content.
#[derive(Clone, Copy)]
pub struct Record<'a> {
    /// Unused by Kafka so far.
    pub attributes: i8,
    /// Relative to the batch's base timestamp.
    pub timestamp_delta: i64,
    /// Relative to the batch's base offset.
    pub offset_delta: i32,
    /// The key, if there is one.
    pub key: Option<&'a [u8]>,
    /// The value, if there is one.
    pub value: Option<&'a [u8]>,
    /// Names with values, in order.
    pub headers: Headers<'a>,
}

impl<'a> Record<'a> {
    /// Whether the record has neither key, value, nor headers, like a stub of the batch format.
    pub fn is_bare(&self) -> bool {
        self.key.is_none() && self.value.is_none() && self.headers.is_empty()
    }

    /// Reads one record from the front of `cursor`.
    #[inline(always)]
    pub(crate) fn read(cursor: &mut Cursor<'a>) -> Result<Self, RecordError> {
        let len = usize::try_from(cursor.varint()?).map_err(|_| RecordError::Negative)?;
        let mut body = Cursor(cursor.take(len)?);
        let attributes = body.byte()?.cast_signed();
        let timestamp_delta = body.varlong()?;
        let offset_delta = body.varint()?;
        let key = nullable(&mut body)?;
        let value = nullable(&mut body)?;
        let headers = Headers::read(body)?;
        Ok(Self { attributes, timestamp_delta, offset_delta, key, value, headers })
    }
}

/// A length of −1 for null, else bytes of that length.
#[inline(always)]
fn nullable<'a>(cursor: &mut Cursor<'a>) -> Result<Option<&'a [u8]>, RecordError> {
    match cursor.varint()? {
        -1 => Ok(None),
        len => {
            let len = usize::try_from(len).map_err(|_| RecordError::Negative)?;
            Ok(Some(cursor.take(len)?))
        }
    }
}

/// Walks a records section of an announced count. Ends after the first error.
#[derive(Clone)]
pub struct Records<'a> {
    rest: Cursor<'a>,
    left: i32,
    failed: bool,
}

impl<'a> Records<'a> {
    /// Expects exactly `count` records in `section`, and nothing behind them.
    pub fn new(section: &'a [u8], count: i32) -> Self {
        Self { rest: Cursor(section), left: count, failed: false }
    }

    /// Reports what is wrong when no record is left to read.
    #[cold]
    #[inline(never)]
    fn end(&mut self) -> Option<Result<Record<'a>, RecordError>> {
        let complete = self.failed || self.left == 0 && self.rest.0.is_empty();
        self.failed = true;
        (!complete).then_some(Err(RecordError::SectionRest))
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<Record<'a>, RecordError>;

    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        if self.failed || self.left <= 0 {
            return self.end();
        }
        self.left = self.left.saturating_sub(1);
        let record = Record::read(&mut self.rest);
        self.failed = record.is_err();
        Some(record)
    }
}
