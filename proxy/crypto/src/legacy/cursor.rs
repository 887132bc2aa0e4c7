//! Reads numbers and bytes from the front of what may be anything.

use super::LegacyError;

pub(super) struct Cursor<'a>(pub(super) &'a [u8]);

impl<'a> Cursor<'a> {
    pub(super) fn array<const N: usize>(&mut self) -> Result<&'a [u8; N], LegacyError> {
        let (array, rest) = self.0.split_first_chunk().ok_or(LegacyError::Length)?;
        self.0 = rest;
        Ok(array)
    }

    pub(super) fn bytes(&mut self, length: usize) -> Result<&'a [u8], LegacyError> {
        let (bytes, rest) = self.0.split_at_checked(length).ok_or(LegacyError::Length)?;
        self.0 = rest;
        Ok(bytes)
    }

    pub(super) fn u8(&mut self) -> Result<u8, LegacyError> {
        self.array().map(|&[byte]| byte)
    }

    /// Seven bits a byte, the lowest first.
    pub(super) fn varint(&mut self) -> Result<u32, LegacyError> {
        let mut value = 0_u32;
        for shift in [0, 7, 14, 21, 28] {
            let byte = u32::from(self.u8()?);
            let bits = byte & 0x7f;
            if shift == 28 && bits > 0x0f {
                return Err(LegacyError::Number);
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(LegacyError::Number)
    }

    /// The same with the sign in the lowest bit.
    pub(super) fn zigzag(&mut self) -> Result<i32, LegacyError> {
        let value = self.varint()?;
        let magnitude = (value >> 1).cast_signed();
        Ok(if value & 1 == 0 { magnitude } else { !magnitude })
    }

    /// Bytes with their number before them.
    pub(super) fn counted(&mut self) -> Result<&'a [u8], LegacyError> {
        let length = self.varint()?;
        self.bytes(usize::try_from(length).map_err(|_| LegacyError::Number)?)
    }
}
