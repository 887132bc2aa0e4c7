//! Sealing values of headers with the values of a produced batch.

use super::seal::{SealRecordsError, write_batch, write_null};
use crate::codec::CodecError;
use crate::envelope::ENVELOPE_HEADER_NAME;
use crate::header::BatchHeader;
use crate::produced::Produced;
use crate::record::{Header, Headers, Record, RecordError, Records, write_record};
use crate::scratch::{Buffers, Scratch};

/// Stands where the value of a header was. What it really was, null too, is sealed.
const PLACEHOLDER: Option<&[u8]> = Some(&[]);

/// Where the parts of a sealed record go. All are empty before.
pub struct SealedParts<'a> {
    /// The value of the envelope's record header.
    pub header: &'a mut Vec<u8>,
    /// The sealed value, where the record has one.
    pub value: &'a mut Vec<u8>,
    /// What is stored in place of the record's key, where it has one and the sealer replaces keys.
    pub key: &'a mut Vec<u8>,
}

/// Encrypts one record's value and values of its headers, and perhaps its key. Implemented where the keys are.
pub trait HeadersSealer {
    /// Why a record was not sealed.
    type Error;

    /// Whether the values of headers of this name are sealed.
    fn seals(&self, name: &[u8]) -> bool;

    /// Whether something else is stored in place of keys that are not null. Then tombstones are sealed too.
    fn replaces_keys(&self) -> bool;

    /// Seals a record. `timestamp` is its own in milliseconds.
    fn seal(&mut self, record: &Record<'_>, timestamp: i64, out: SealedParts<'_>) -> Result<(), Self::Error>;
}

/// Writes `batch` with sealed values and sealed values of headers to the end of `out`, otherwise as
/// [`seal_records`](super::seal_records) does.
pub fn seal_records_with_headers<S: HeadersSealer>(
    produced: &Produced,
    batch: &[u8],
    scratch: &mut Scratch,
    sealer: &mut S,
    max: usize,
    out: &mut Vec<u8>,
) -> Result<(), SealRecordsError<S::Error>> {
    write_batch(produced, batch, scratch, (max, out), |record, header, buffers| {
        seal_record(record, header, buffers, sealer)
    })
}

/// Headers of all records of a batch together.
pub fn header_count(produced: &Produced, batch: &[u8], scratch: &mut Scratch) -> Result<u64, CodecError> {
    let codec = produced.header.attributes.codec()?;
    let section = scratch.reload(produced.section, codec, batch)?;
    let records = Records::new(section.of(batch, &scratch.decompressed), produced.header.record_count);
    Ok(records.flatten().map(|record| u64::from(record.headers.len())).sum())
}

/// Seals one record to the end of the section buffer.
fn seal_record<S: HeadersSealer>(
    record: &Record<'_>,
    header: &BatchHeader,
    buffers: &mut Buffers,
    sealer: &mut S,
) -> Result<(), SealRecordsError<S::Error>> {
    let is_any = hide(&record.headers, sealer, &mut buffers.headers).map_err(SealRecordsError::Record)?;
    let is_replaced = sealer.replaces_keys() && record.key.is_some();
    if record.value.is_none() && !is_any && !is_replaced {
        return write_null(record, buffers);
    }
    for buffer in [&mut buffers.header, &mut buffers.value, &mut buffers.key] {
        buffer.clear();
    }
    let timestamp = header.base_timestamp.wrapping_add(record.timestamp_delta);
    let parts = SealedParts { header: &mut buffers.header, value: &mut buffers.value, key: &mut buffers.key };
    sealer.seal(record, timestamp, parts).map_err(SealRecordsError::Sealer)?;
    let stored = Record {
        key: if is_replaced { Some(&*buffers.key) } else { record.key },
        value: record.value.map(|_| &*buffers.value),
        headers: Headers::of(&buffers.headers, record.headers.len()),
        ..*record
    };
    let first: Header<'_> = (ENVELOPE_HEADER_NAME.as_bytes(), Some(&buffers.header));
    write_record(&stored, Some(first), &mut buffers.section).map_err(SealRecordsError::Record)
}

/// Writes the headers without the values that are sealed, and tells whether any is.
fn hide<S: HeadersSealer>(headers: &Headers<'_>, names: &S, out: &mut Vec<u8>) -> Result<bool, RecordError> {
    headers.check()?;
    let mut hidden = (0_u32..)
        .zip(headers)
        .filter_map(|(index, header)| header.is_ok_and(|(name, _)| names.seals(name)).then_some(index))
        .peekable();
    let is_any = hidden.peek().is_some();
    headers.replace(hidden.map(|index| (index, PLACEHOLDER)), out)?;
    Ok(is_any)
}
