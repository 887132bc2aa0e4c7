//! Records written: whole ones, the stubs of the batch format, and the start of a record whose value lies elsewhere.

use super::{Header, Headers, Record, RecordError};
use crate::varint::{short, varint_len, varlong_len, write_varint, write_varlong};

/// Appends `record` with `first` as an additional first header.
///
/// Fails only where a length does not fit its 31-bit field.
pub fn write_record(
    record: &Record<'_>,
    first: Option<Header<'_>>,
    out: &mut Vec<u8>,
) -> Result<(), RecordError> {
    let outline = Outline {
        timestamp_delta: record.timestamp_delta,
        offset_delta: record.offset_delta,
        key: record.key,
        value: record.value.map(|value| FieldLen::of(value.len())).transpose()?,
        first,
        headers: record.headers,
    };
    outline.write_to_value(record.attributes, out)?;
    out.extend_from_slice(record.value.unwrap_or_default());
    outline.write_headers(out)
}

/// Appends the record that stands for one whose content is in the envelope.
#[inline]
pub(crate) fn write_stub(timestamp_delta: i64, offset_delta: i32, out: &mut Vec<u8>) {
    // Attributes, null key, null value and no headers are one byte each; lengths are doubled by zigzag. One append of a
    // fixed size is several times faster than one for each byte, and these four sizes are nearly all there are.
    match (short(timestamp_delta), short(i64::from(offset_delta))) {
        (Some((time, None)), Some((offset, None))) => out.extend_from_slice(&[12, 0, time, offset, 1, 1, 0]),
        (Some((time, None)), Some((offset, Some(high)))) => {
            out.extend_from_slice(&[14, 0, time, offset, high, 1, 1, 0]);
        }
        (Some((time, Some(late))), Some((offset, None))) => {
            out.extend_from_slice(&[14, 0, time, late, offset, 1, 1, 0]);
        }
        (Some((time, Some(late))), Some((offset, Some(high)))) => {
            out.extend_from_slice(&[16, 0, time, late, offset, high, 1, 1, 0]);
        }
        _ => write_long_stub(timestamp_delta, offset_delta, out),
    }
}

#[cold]
fn write_long_stub(timestamp_delta: i64, offset_delta: i32, out: &mut Vec<u8>) {
    let body = varlong_len(timestamp_delta).saturating_add(varint_len(offset_delta)).saturating_add(4);
    write_varint(i32::try_from(body).unwrap_or(i32::MAX), out);
    out.push(0);
    write_varlong(timestamp_delta, out);
    write_varint(offset_delta, out);
    out.extend_from_slice(&[1, 1, 0]);
}

/// The length of a field, known to fit the wire format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FieldLen(i32);

impl FieldLen {
    pub(crate) fn of(len: usize) -> Result<Self, RecordError> {
        i32::try_from(len).map(Self).map_err(|_| RecordError::Overflow)
    }

    fn with_prefix(self) -> u64 {
        u64::from(self.0.unsigned_abs()).saturating_add(prefix(self.0))
    }
}

/// Everything of a record but the bytes of its value.
pub(crate) struct Outline<'a> {
    pub(crate) timestamp_delta: i64,
    pub(crate) offset_delta: i32,
    pub(crate) key: Option<&'a [u8]>,
    pub(crate) value: Option<FieldLen>,
    pub(crate) first: Option<Header<'a>>,
    pub(crate) headers: Headers<'a>,
}

impl Outline<'_> {
    /// Bytes of the record behind its length field.
    fn body_len(&self) -> Result<i32, RecordError> {
        let mut len = 1_u64;
        let mut add = |bytes: u64| len = len.saturating_add(bytes);
        add(wide(varlong_len(self.timestamp_delta)));
        add(prefix(self.offset_delta));
        add(nullable_len(self.key)?);
        add(self.value.map_or(1, FieldLen::with_prefix));
        add(prefix(self.header_count()?));
        if let Some((name, value)) = self.first {
            add(FieldLen::of(name.len())?.with_prefix());
            add(nullable_len(value)?);
        }
        add(wide(self.headers.raw().len()));
        i32::try_from(len).map_err(|_| RecordError::Overflow)
    }

    /// Bytes of the whole record.
    pub(crate) fn len(&self) -> Result<usize, RecordError> {
        let body = self.body_len()?;
        let body_len = usize::try_from(body).map_err(|_| RecordError::Overflow)?;
        Ok(body_len.saturating_add(varint_len(body)))
    }

    /// Appends the record up to the first byte of the value.
    pub(crate) fn write_to_value(&self, attributes: i8, out: &mut Vec<u8>) -> Result<(), RecordError> {
        write_varint(self.body_len()?, out);
        out.push(attributes.cast_unsigned());
        write_varlong(self.timestamp_delta, out);
        write_varint(self.offset_delta, out);
        write_nullable(self.key, out)?;
        write_varint(self.value.map_or(-1, |len| len.0), out);
        Ok(())
    }

    /// Appends what follows the value.
    pub(crate) fn write_headers(&self, out: &mut Vec<u8>) -> Result<(), RecordError> {
        write_varint(self.header_count()?, out);
        if let Some((name, value)) = self.first {
            write_nullable(Some(name), out)?;
            write_nullable(value, out)?;
        }
        out.extend_from_slice(self.headers.raw());
        Ok(())
    }

    fn header_count(&self) -> Result<i32, RecordError> {
        let count = self.headers.len().saturating_add(u32::from(self.first.is_some()));
        i32::try_from(count).map_err(|_| RecordError::Overflow)
    }
}

fn nullable_len(field: Option<&[u8]>) -> Result<u64, RecordError> {
    field.map_or(Ok(1), |bytes| FieldLen::of(bytes.len()).map(FieldLen::with_prefix))
}

pub(super) fn write_nullable(field: Option<&[u8]>, out: &mut Vec<u8>) -> Result<(), RecordError> {
    match field {
        None => out.push(1),
        Some(bytes) => {
            write_varint(FieldLen::of(bytes.len())?.0, out);
            out.extend_from_slice(bytes);
        }
    }
    Ok(())
}

fn prefix(value: i32) -> u64 {
    wide(varint_len(value))
}

fn wide(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
