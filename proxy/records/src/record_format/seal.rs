//! Sealing the values of a produced batch.

use thiserror::Error;

use crate::codec::{Codec, CodecError, Codecs};
use crate::envelope::{ENVELOPE_HEADER_NAME, Kind, MARKER, kind};
use crate::header::{BATCH_HEADER_LEN, BatchHeader};
use crate::produced::Produced;
use crate::record::{Header, Record, RecordError, Records, write_record};
use crate::scratch::{Buffers, Scratch};

/// Room for one envelope header and tag, so that the section rarely grows while it is written.
const GROWTH: usize = 96;

/// Encrypts one value. Implemented where the keys are.
pub trait RecordSealer {
    /// Why a value was not sealed.
    type Error;

    /// Appends the value of the envelope header to `header`, and the sealed value to `sealed`.
    ///
    /// `timestamp` is the record's own in milliseconds.
    fn seal(
        &mut self,
        key: Option<&[u8]>,
        value: &[u8],
        timestamp: i64,
        header: &mut Vec<u8>,
        sealed: &mut Vec<u8>,
    ) -> Result<(), Self::Error>;
}

/// Why a batch was not sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SealRecordsError<E> {
    /// The codec failed, in either direction.
    #[error("{0}")]
    Codec(#[source] CodecError),
    /// A record cannot be read, or has become too large.
    #[error("{0}")]
    Record(#[source] RecordError),
    /// The sealed records would be larger than allowed, before compression.
    #[error("sealed records are too large")]
    TooLarge,
    /// The sealer refused.
    #[error("failed to seal a value")]
    Sealer(E),
}

/// Writes `batch` with sealed values to the end of `out`.
///
/// Every header field other than length, CRC and codec stays. The codec is the client's, except that a batch that was not
/// compressed becomes LZ4 where that makes it smaller: all records repeat the same wrapped key.
///
/// The sealed records take at most `max` bytes before they are compressed, and no more than the scratch decompresses, or
/// they could not be opened again: each is some 200 bytes longer than it was, and small ones compress to almost nothing.
pub fn seal_records<S: RecordSealer>(
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

/// Writes `batch` with every record as `write` puts it into the section buffer.
pub(super) fn write_batch<E>(
    produced: &Produced,
    batch: &[u8],
    scratch: &mut Scratch,
    (max, out): (usize, &mut Vec<u8>),
    mut write: impl FnMut(&Record<'_>, &BatchHeader, &mut Buffers) -> Result<(), SealRecordsError<E>>,
) -> Result<(), SealRecordsError<E>> {
    let mut header = produced.header;
    let codec = header.attributes.codec().map_err(SealRecordsError::Codec)?;
    let section = scratch.reload(produced.section, codec, batch).map_err(SealRecordsError::Codec)?;
    let Scratch { decompressed, buffers, codecs, .. } = scratch;
    let source = section.of(batch, decompressed);
    let max = max.min(codecs.max_decompressed());

    let growth = usize::try_from(header.record_count).unwrap_or(0).saturating_mul(GROWTH);
    buffers.section.clear();
    buffers.section.reserve(source.len().saturating_add(growth).min(max));
    for record in Records::new(source, header.record_count) {
        write(&record.map_err(SealRecordsError::Record)?, &header, buffers)?;
        if buffers.section.len() > max {
            return Err(SealRecordsError::TooLarge);
        }
    }

    let start = out.len();
    out.extend_from_slice(&[0; BATCH_HEADER_LEN]);
    let stored =
        store(codec, header.record_count, &buffers.section, codecs, out).map_err(SealRecordsError::Codec)?;
    header.attributes = header.attributes.with_codec(stored);
    complete(&mut header, start, out);
    Ok(())
}

/// Seals one record to the end of the section buffer.
fn seal_record<S: RecordSealer>(
    record: &Record<'_>,
    header: &BatchHeader,
    buffers: &mut Buffers,
    sealer: &mut S,
) -> Result<(), SealRecordsError<S::Error>> {
    let Some(value) = record.value else {
        return write_null(record, buffers);
    };
    buffers.header.clear();
    buffers.value.clear();
    let timestamp = header.base_timestamp.wrapping_add(record.timestamp_delta);
    sealer
        .seal(record.key, value, timestamp, &mut buffers.header, &mut buffers.value)
        .map_err(SealRecordsError::Sealer)?;
    let stored = Record { value: Some(&buffers.value), ..*record };
    let first: Header<'_> = (ENVELOPE_HEADER_NAME.as_bytes(), Some(&buffers.header));
    write_record(&stored, Some(first), &mut buffers.section).map_err(SealRecordsError::Record)
}

/// Writes a record of which nothing is sealed, as its value is null.
pub(super) fn write_null<E>(record: &Record<'_>, buffers: &mut Buffers) -> Result<(), SealRecordsError<E>> {
    // A tombstone whose own first header looks like ours needs the marker too, or a reader would take that for ours.
    let is_marked = record.key.is_none() || kind(record).map_err(SealRecordsError::Record)? != Kind::Clear;
    let marker: Header<'_> = (ENVELOPE_HEADER_NAME.as_bytes(), Some(MARKER));
    write_record(record, is_marked.then_some(marker), &mut buffers.section).map_err(SealRecordsError::Record)
}

/// Appends the section, compressed as far as that is wanted and useful.
fn store(
    codec: Codec,
    count: i32,
    section: &[u8],
    codecs: &mut Codecs,
    out: &mut Vec<u8>,
) -> Result<Codec, CodecError> {
    if codec != Codec::None {
        codecs.compress(codec, section, out)?;
        return Ok(codec);
    }
    if count >= 2 {
        let start = out.len();
        codecs.compress(Codec::Lz4, section, out)?;
        if out.len().saturating_sub(start) < section.len() {
            return Ok(Codec::Lz4);
        }
        out.truncate(start);
    }
    out.extend_from_slice(section);
    Ok(Codec::None)
}

/// Fills in the 61 bytes at `start` of `out`, which everything behind them belongs to.
pub(super) fn complete(header: &mut BatchHeader, start: usize, out: &mut [u8]) {
    if let Some((slot, section)) = out.get_mut(start..).and_then(|batch| batch.split_first_chunk_mut()) {
        *slot = header.complete(&[section]);
    }
}
