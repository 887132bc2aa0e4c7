//! Zigzag varints as record batches use them, over a borrowed slice.
//!
//! Encodings longer than needed are accepted, as Kafka does; values beyond 32 or 64 bits are not.
#![expect(
    clippy::inline_always,
    reason = "measured: left to the compiler, a walk over records costs half as much again"
)]

/// What is left of a byte slice while it is read from the front.
#[derive(Clone, Copy)]
pub(crate) struct Cursor<'a>(pub(crate) &'a [u8]);

/// The bytes ended inside a value, or a varint was longer than its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum VarintError {
    Truncated,
    Overflow,
}

impl<'a> Cursor<'a> {
    #[inline(always)]
    pub(crate) fn byte(&mut self) -> Result<u8, VarintError> {
        let (first, rest) = self.0.split_first().ok_or(VarintError::Truncated)?;
        self.0 = rest;
        Ok(*first)
    }

    #[inline(always)]
    pub(crate) fn take(&mut self, len: usize) -> Result<&'a [u8], VarintError> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or(VarintError::Truncated)?;
        self.0 = rest;
        Ok(taken)
    }

    /// A signed 32-bit value.
    #[inline(always)]
    pub(crate) fn varint(&mut self) -> Result<i32, VarintError> {
        // One and two bytes are nearly all of them: lengths under 8 KiB, offsets of batches under 8,192 records.
        let raw = match *self.0 {
            [a, ref rest @ ..] if a < 0x80 => {
                self.0 = rest;
                u32::from(a)
            }
            [a, b, ref rest @ ..] if b < 0x80 => {
                self.0 = rest;
                u32::from(a & 0x7f) | u32::from(b) << 7
            }
            _ => u32::try_from(self.long(5)?).map_err(|_| VarintError::Overflow)?,
        };
        Ok((raw >> 1).cast_signed() ^ -(raw & 1).cast_signed())
    }

    /// A signed 64-bit value.
    #[inline(always)]
    pub(crate) fn varlong(&mut self) -> Result<i64, VarintError> {
        let raw = match *self.0 {
            [a, ref rest @ ..] if a < 0x80 => {
                self.0 = rest;
                u64::from(a)
            }
            [a, b, ref rest @ ..] if b < 0x80 => {
                self.0 = rest;
                u64::from(a & 0x7f) | u64::from(b) << 7
            }
            _ => self.long(10)?,
        };
        Ok((raw >> 1).cast_signed() ^ -(raw & 1).cast_signed())
    }

    // Out of line, so that the short forms stay small enough to be inlined wherever a record is read.
    #[cold]
    #[inline(never)]
    fn long(&mut self, max_len: u32) -> Result<u64, VarintError> {
        let mut value = 0;
        for shift in (0..max_len).map(|index| index.saturating_mul(7)) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            // The tenth byte has room for one bit only.
            if shift == 63 && bits > 1 {
                return Err(VarintError::Overflow);
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(VarintError::Overflow)
    }
}

/// Appends a signed 32-bit value in its shortest form.
#[inline]
pub(crate) fn write_varint(value: i32, out: &mut Vec<u8>) {
    write_unsigned(u64::from(zigzag(value)), out);
}

/// Appends a signed 64-bit value in its shortest form.
#[inline]
pub(crate) fn write_varlong(value: i64, out: &mut Vec<u8>) {
    write_unsigned(zigzag_long(value), out);
}

/// The number of bytes that [`write_varint`] appends.
#[inline]
pub(crate) fn varint_len(value: i32) -> usize {
    unsigned_len(u64::from(zigzag(value)))
}

/// The number of bytes that [`write_varlong`] appends.
#[inline]
pub(crate) fn varlong_len(value: i64) -> usize {
    unsigned_len(zigzag_long(value))
}

/// The one or two bytes of a value whose shortest form has no more.
#[inline]
pub(crate) fn short(value: i64) -> Option<(u8, Option<u8>)> {
    let [low, high, ..] = zigzag_long(value).to_le_bytes();
    match zigzag_long(value) {
        0..0x80 => Some((low, None)),
        0x80..0x4000 => Some((low | 0x80, Some(high << 1 | low >> 7))),
        _ => None,
    }
}

#[inline]
fn zigzag(value: i32) -> u32 {
    (value << 1 ^ value >> 31).cast_unsigned()
}

#[inline]
fn zigzag_long(value: i64) -> u64 {
    (value << 1 ^ value >> 63).cast_unsigned()
}

#[inline]
fn write_unsigned(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

#[inline]
fn unsigned_len(value: u64) -> usize {
    // Seven bits a byte, and at least one byte for zero.
    let bits = u64::BITS - (value | 1).leading_zeros();
    bits.div_ceil(7) as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn reads_what_it_wrote(int: i32, long: i64) {
            let mut bytes = Vec::new();
            write_varint(int, &mut bytes);
            prop_assert_eq!(bytes.len(), varint_len(int));
            write_varlong(long, &mut bytes);
            prop_assert_eq!(bytes.len(), varint_len(int) + varlong_len(long));
            let mut cursor = Cursor(&bytes);
            prop_assert_eq!(cursor.varint(), Ok(int));
            prop_assert_eq!(cursor.varlong(), Ok(long));
            prop_assert!(cursor.0.is_empty());
        }

        #[test]
        fn short_form_is_the_same(value in -9000..9000_i64) {
            let mut bytes = Vec::new();
            write_varlong(value, &mut bytes);
            let expected = match *bytes {
                [one] => Some((one, None)),
                [one, two] => Some((one, Some(two))),
                _ => None,
            };
            prop_assert_eq!(short(value), expected);
        }
    }

    #[test]
    fn reads_the_extremes() {
        for value in [0, -1, 1, 63, 64, -64, -65, 8191, 8192, i32::MAX, i32::MIN] {
            let mut bytes = Vec::new();
            write_varint(value, &mut bytes);
            assert_eq!(Cursor(&bytes).varint(), Ok(value));
            assert_eq!(Cursor(&bytes).varlong(), Ok(i64::from(value)));
        }
    }

    #[test]
    fn refuses_values_beyond_the_type() {
        assert_eq!(Cursor(&[0xff, 0xff, 0xff, 0xff, 0x1f]).varint(), Err(VarintError::Overflow));
        assert_eq!(Cursor(&[0xff; 6]).varint(), Err(VarintError::Overflow));
        assert_eq!(Cursor(&[0xff; 11]).varlong(), Err(VarintError::Overflow));
        assert_eq!(
            Cursor(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2]).varlong(),
            Err(VarintError::Overflow)
        );
        assert_eq!(Cursor(&[0x80, 0x80]).varint(), Err(VarintError::Truncated));
        assert_eq!(Cursor(&[]).varlong(), Err(VarintError::Truncated));
    }
}
