//! A bounds-checked reader over a body.

use super::{Span, WireError};

#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Reading stops here: the body's end, or the end of the tagged field being read.
    end: usize,
}

impl<'a> Cursor<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, end: bytes.len() }
    }

    pub(super) const fn at(&self) -> usize {
        self.at
    }

    pub(super) const fn left(&self) -> usize {
        self.end.saturating_sub(self.at)
    }

    pub(super) fn span_from(&self, start: usize) -> Span {
        Span::new(start, self.at)
    }

    /// Confines reading to the next `size` bytes; returns the end to [`restore`](Self::restore).
    pub(super) fn confine(&mut self, size: usize) -> Result<usize, WireError> {
        let end = self.after(size)?;
        Ok(std::mem::replace(&mut self.end, end))
    }

    pub(super) fn restore(&mut self, end: usize) {
        self.end = end;
    }

    pub(super) fn skip(&mut self, size: usize) -> Result<Span, WireError> {
        let span = Span::new(self.at, self.after(size)?);
        self.at = span.end;
        Ok(span)
    }

    pub(super) fn text(&mut self, size: usize) -> Result<Span, WireError> {
        let span = self.skip(size)?;
        let text = self.bytes.get(span.range()).unwrap_or_default();
        std::str::from_utf8(text).map_err(|_| WireError::Utf8(span.start))?;
        Ok(span)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let start = self.at;
        let span = self.skip(N)?;
        let bytes = self.bytes.get(span.range()).and_then(|bytes| bytes.first_chunk());
        bytes.copied().ok_or(WireError::Truncated(start))
    }

    pub(super) fn i8(&mut self) -> Result<i8, WireError> {
        self.array().map(i8::from_be_bytes)
    }

    pub(super) fn i16(&mut self) -> Result<i16, WireError> {
        self.array().map(i16::from_be_bytes)
    }

    pub(super) fn i32(&mut self) -> Result<i32, WireError> {
        self.array().map(i32::from_be_bytes)
    }

    pub(super) fn i64(&mut self) -> Result<i64, WireError> {
        self.array().map(i64::from_be_bytes)
    }

    /// An unsigned integer in groups of seven bits, at most 32 bits in all.
    pub(super) fn varint(&mut self) -> Result<u32, WireError> {
        let start = self.at;
        let mut value = 0_u32;
        for shift in [0, 7, 14, 21, 28] {
            let [byte] = self.array()?;
            let bits = u32::from(byte & 0x7f);
            if shift == 28 && byte > 0x0f {
                return Err(WireError::Varint(start));
            }
            value |= bits << shift;
            if byte < 0x80 {
                break;
            }
        }
        Ok(value)
    }

    /// A compact length or count: one more than the value, 0 for null.
    pub(super) fn compact(&mut self) -> Result<Option<usize>, WireError> {
        let value = self.varint()?;
        Ok(value.checked_sub(1).map(|value| value as usize))
    }

    fn after(&self, size: usize) -> Result<usize, WireError> {
        self.at.checked_add(size).filter(|end| *end <= self.end).ok_or(WireError::Truncated(self.at))
    }
}
