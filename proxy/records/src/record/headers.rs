//! The headers of a record: a list, in which names may repeat and need not be UTF-8.
#![expect(
    clippy::inline_always,
    reason = "measured: left to the compiler, a walk over records costs half as much again"
)]

use super::{RecordError, nullable, write::write_nullable};
use crate::varint::Cursor;

/// A name with a value or null.
pub type Header<'a> = (&'a [u8], Option<&'a [u8]>);

/// The headers of one record, read when iterated.
#[derive(Clone, Copy)]
pub struct Headers<'a> {
    raw: &'a [u8],
    count: u32,
}

impl<'a> Headers<'a> {
    /// No headers at all.
    pub const NONE: Headers<'static> = Headers { raw: &[], count: 0 };

    /// How many there are by the record's own count.
    pub fn len(&self) -> u32 {
        self.count
    }

    /// Whether the count is zero.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The bytes of all headers, without their count.
    pub fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// The first header, if there is one.
    #[inline(always)]
    pub fn first(&self) -> Result<Option<Header<'a>>, RecordError> {
        if self.count == 0 {
            return Ok(None);
        }
        read_header(&mut Cursor(self.raw)).map(Some)
    }

    /// All headers in order; an error is the last item.
    pub fn iter(&self) -> Iter<'a> {
        Iter { rest: Cursor(self.raw), left: self.count, failed: false }
    }

    /// Checks that the headers fill their bytes exactly.
    #[inline(always)]
    pub fn check(&self) -> Result<(), RecordError> {
        if self.count == 0 && self.raw.is_empty() {
            return Ok(());
        }
        self.iter().try_for_each(|header| header.map(|_| ()))
    }

    /// Headers that were put into `raw`.
    pub(crate) fn of(raw: &'a [u8], count: u32) -> Self {
        Self { raw, count }
    }

    /// Writes all headers into `out`, in place of what it held, with other values at the given indices, which ascend.
    pub fn replace<'v, 'o>(
        &self,
        values: impl IntoIterator<Item = (u32, Option<&'v [u8]>)>,
        out: &'o mut Vec<u8>,
    ) -> Result<Headers<'o>, RecordError> {
        out.clear();
        let mut values = values.into_iter().peekable();
        for (index, header) in (0_u32..).zip(self) {
            let (name, own) = header?;
            write_nullable(Some(name), out)?;
            let new = values.next_if(|(at, _)| *at == index);
            write_nullable(new.map_or(own, |(_, value)| value), out)?;
        }
        Ok(Headers { raw: out, count: self.count })
    }

    /// The headers behind the first.
    pub fn rest(&self) -> Result<Self, RecordError> {
        let mut cursor = Cursor(self.raw);
        read_header(&mut cursor)?;
        Ok(Self { raw: cursor.0, count: self.count.saturating_sub(1) })
    }

    #[inline(always)]
    pub(super) fn read(mut body: Cursor<'a>) -> Result<Self, RecordError> {
        let count = u32::try_from(body.varint()?).map_err(|_| RecordError::Negative)?;
        if count == 0 && !body.0.is_empty() {
            return Err(RecordError::RecordRest);
        }
        Ok(Self { raw: body.0, count })
    }
}

impl<'a> IntoIterator for &Headers<'a> {
    type Item = Result<Header<'a>, RecordError>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

/// Iterates [`Headers`].
#[derive(Clone)]
pub struct Iter<'a> {
    rest: Cursor<'a>,
    left: u32,
    failed: bool,
}

impl<'a> Iterator for Iter<'a> {
    type Item = Result<Header<'a>, RecordError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let Some(left) = self.left.checked_sub(1) else {
            self.failed = true;
            return (!self.rest.0.is_empty()).then_some(Err(RecordError::RecordRest));
        };
        self.left = left;
        let header = read_header(&mut self.rest);
        self.failed = header.is_err();
        Some(header)
    }
}

#[inline(always)]
fn read_header<'a>(cursor: &mut Cursor<'a>) -> Result<Header<'a>, RecordError> {
    let name_len = usize::try_from(cursor.varint()?).map_err(|_| RecordError::Negative)?;
    let name = cursor.take(name_len)?;
    Ok((name, nullable(cursor)?))
}
