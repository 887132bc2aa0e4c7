//! Reads fields from the front of bytes that may be anything.

use super::EnvelopeError;

pub(super) struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn left(&self) -> usize {
        self.0.len()
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<&'a [u8; N], EnvelopeError> {
        let (array, rest) = self.0.split_first_chunk().ok_or(EnvelopeError::Truncated)?;
        self.0 = rest;
        Ok(array)
    }

    pub(super) fn bytes(&mut self, length: usize) -> Result<&'a [u8], EnvelopeError> {
        let (bytes, rest) = self.0.split_at_checked(length).ok_or(EnvelopeError::Truncated)?;
        self.0 = rest;
        Ok(bytes)
    }

    pub(super) fn u8(&mut self) -> Result<u8, EnvelopeError> {
        self.array().map(|&[byte]| byte)
    }

    pub(super) fn u16(&mut self) -> Result<u16, EnvelopeError> {
        self.array().copied().map(u16::from_be_bytes)
    }

    pub(super) fn i16(&mut self) -> Result<i16, EnvelopeError> {
        self.array().copied().map(i16::from_be_bytes)
    }

    pub(super) fn i32(&mut self) -> Result<i32, EnvelopeError> {
        self.array().copied().map(i32::from_be_bytes)
    }

    pub(super) fn i64(&mut self) -> Result<i64, EnvelopeError> {
        self.array().copied().map(i64::from_be_bytes)
    }

    /// A name with its length in one byte before it.
    pub(super) fn name(&mut self) -> Result<&'a str, EnvelopeError> {
        let length = self.u8()?;
        let bytes = self.bytes(usize::from(length))?;
        let name = std::str::from_utf8(bytes).map_err(|_| EnvelopeError::Name)?;
        crate::name::check(name).map_err(|_| EnvelopeError::Name)?;
        Ok(name)
    }
}
