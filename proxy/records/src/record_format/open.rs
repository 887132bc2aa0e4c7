//! Opening the values of a fetched batch.

use std::ops::Range;

use thiserror::Error;

use super::seal::complete;
use crate::codec::{Codec, CodecError};
use crate::envelope::{Kind, kind};
use crate::header::{BATCH_HEADER_LEN, BatchHeader, HeaderError, crc_matches};
use crate::record::{Headers, Record, RecordError, Records, write_record};
use crate::scratch::{Buffers, Scratch, Section};

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
    /// all its headers as the client sent them into `headers`, by [`Headers::replace`].
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

/// What was in an opened batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OpenedStats {
    /// Values decrypted.
    pub encrypted: usize,
    /// Null values with a marker, which is not authenticated.
    pub markers: usize,
    /// Values that other programs had encrypted.
    pub foreign: usize,
    /// Records that never were encrypted. They are delivered unless the caller refuses.
    pub clear: usize,
    /// Records left out, and records whose value was replaced by null, since nobody can read them.
    pub unreadable: usize,
    /// Null values with a key, which the record format leaves as they are.
    pub tombstones: usize,
    /// Null values with a key and without an envelope, marked or not: nothing shows who wrote them. Also counted above.
    pub unsealed_tombstones: usize,
    /// Some clear record has neither key, value nor headers: perhaps a stub whose envelope is lost.
    pub may_be_stub: bool,
}

/// Why a batch was not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum OpenRecordsError<E> {
    /// No header of magic 2.
    #[error("{0}")]
    Header(#[source] HeaderError),
    /// More or less than one whole batch.
    #[error("not exactly one batch")]
    Length,
    /// Damaged; rebuilding the batch would hide it behind a new CRC.
    #[error("batch has a wrong CRC")]
    Crc,
    /// The codec failed.
    #[error("{0}")]
    Codec(#[source] CodecError),
    /// A record cannot be read.
    #[error("{0}")]
    Record(#[source] RecordError),
    /// An envelope of the batch format among records.
    #[error("batch envelope among records")]
    MisplacedEnvelope,
    /// An envelope header that this version does not know, or that contradicts its record.
    #[error("unknown envelope")]
    UnknownEnvelope,
    /// The opener refused.
    #[error("failed to open a value")]
    Opener(E),
}

/// Writes `batch` with plain values to the end of `out`, not compressed.
///
/// `section` is what `recognise` returned for the same batch. Every header field other than length, CRC and codec stays,
/// and so do gaps in the offsets and the deltas of timestamps. With a delete horizon those are relative to that horizon,
/// which the base timestamp field then holds, so base plus delta is the record's timestamp in that case too.
/// On an error `out` is as it was.
pub fn open_records<O: RecordOpener>(
    batch: &[u8],
    section: Section,
    scratch: &mut Scratch,
    opener: &mut O,
    out: &mut Vec<u8>,
) -> Result<OpenedStats, OpenRecordsError<O::Error>> {
    let mut header = BatchHeader::parse(batch).map_err(OpenRecordsError::Header)?;
    if header.batch_len() != batch.len() {
        return Err(OpenRecordsError::Length);
    }
    if !crc_matches(batch) {
        return Err(OpenRecordsError::Crc);
    }
    let codec = header.attributes.codec().map_err(OpenRecordsError::Codec)?;
    let section = scratch.reload(section, codec, batch).map_err(OpenRecordsError::Codec)?;
    let Scratch { decompressed, buffers, .. } = scratch;
    let source = section.of(batch, decompressed);

    let start = out.len();
    // Values shrink, headers go: the source has room for all of it.
    out.reserve(source.len().saturating_add(BATCH_HEADER_LEN));
    out.extend_from_slice(&[0; BATCH_HEADER_LEN]);
    let mut stats = OpenedStats::default();
    let mut removed = 0_i32;
    for record in Records::new(source, header.record_count) {
        let result = record
            .map_err(OpenRecordsError::Record)
            .and_then(|record| open_record(&record, &header, opener, &mut stats, buffers, out));
        match result {
            Ok(Written::Yes) => {}
            Ok(Written::LeftOut) => removed = removed.saturating_add(1),
            Err(error) => {
                out.truncate(start);
                return Err(error);
            }
        }
    }
    header.attributes = header.attributes.with_codec(Codec::None);
    header.record_count = header.record_count.saturating_sub(removed);
    complete(&mut header, start, out);
    Ok(stats)
}

/// Whether a record is still there.
enum Written {
    Yes,
    LeftOut,
}

/// Opens one record to the end of `out`.
fn open_record<O: RecordOpener>(
    record: &Record<'_>,
    header: &BatchHeader,
    opener: &mut O,
    stats: &mut OpenedStats,
    Buffers { value: plain, headers, .. }: &mut Buffers,
    out: &mut Vec<u8>,
) -> Result<Written, OpenRecordsError<O::Error>> {
    let mut plain_record = *record;
    let kind = kind(record);
    if matches!(kind, Ok(Kind::Marker | Kind::Clear)) && record.key.is_some() && record.value.is_none() {
        stats.unsealed_tombstones = stats.unsealed_tombstones.saturating_add(1);
    }
    let counter = match kind.map_err(OpenRecordsError::Record)? {
        Kind::Batch(_) => return Err(OpenRecordsError::MisplacedEnvelope),
        Kind::Unknown => return Err(OpenRecordsError::UnknownEnvelope),
        Kind::Value(envelope_header) => {
            let sealed = record.value.ok_or(OpenRecordsError::UnknownEnvelope)?;
            plain.clear();
            let value = opener
                .open(envelope_header, record.key, sealed, timestamp(record, header), plain)
                .map_err(OpenRecordsError::Opener)?;
            plain_record.value = (value == OpenedValue::Plain).then_some(&*plain);
            plain_record.headers = record.headers.rest().map_err(OpenRecordsError::Record)?;
            match value {
                OpenedValue::Plain => &mut stats.encrypted,
                OpenedValue::Null => &mut stats.unreadable,
                OpenedValue::Removed => {
                    stats.unreadable = stats.unreadable.saturating_add(1);
                    return Ok(Written::LeftOut);
                }
            }
        }
        Kind::Headers(envelope_header) => {
            plain_record.headers = record.headers.rest().map_err(OpenRecordsError::Record)?;
            plain_record.headers.check().map_err(OpenRecordsError::Record)?;
            plain.clear();
            let timestamp = timestamp(record, header);
            let result = opener
                .open_with_headers(envelope_header, &plain_record, timestamp, plain, headers)
                .map_err(OpenRecordsError::Opener)?;
            match result {
                OpenedRecord::Plain { key, value } => {
                    if let OpenedKey::Sealed(range) = key {
                        plain_record.key = plain.get(range);
                    }
                    plain_record.value = value.map(|range| plain.get(range).unwrap_or_default());
                    plain_record.headers = Headers::of(headers, plain_record.headers.len());
                    &mut stats.encrypted
                }
                OpenedRecord::Null => {
                    plain_record.value = None;
                    plain_record.headers = Headers::NONE;
                    &mut stats.unreadable
                }
                OpenedRecord::Removed => {
                    stats.unreadable = stats.unreadable.saturating_add(1);
                    return Ok(Written::LeftOut);
                }
            }
        }
        // The marker is not authenticated, so it must never make a clear value count as encrypted.
        Kind::Marker if record.value.is_some() => return Err(OpenRecordsError::UnknownEnvelope),
        Kind::Marker => {
            plain_record.headers = record.headers.rest().map_err(OpenRecordsError::Record)?;
            &mut stats.markers
        }
        Kind::Clear => {
            plain.clear();
            let foreign = opener.open_foreign(record, plain).map_err(OpenRecordsError::Opener)?;
            if foreign != ForeignValue::Clear {
                plain_record.value = Some(&*plain);
            }
            if foreign == ForeignValue::OpenedWithMarker {
                plain_record.headers = record.headers.rest().map_err(OpenRecordsError::Record)?;
            }
            match foreign {
                ForeignValue::Opened | ForeignValue::OpenedWithMarker => &mut stats.foreign,
                ForeignValue::Clear if record.key.is_some() && record.value.is_none() => {
                    &mut stats.tombstones
                }
                ForeignValue::Clear => {
                    stats.may_be_stub |= record.is_bare();
                    &mut stats.clear
                }
            }
        }
    };
    *counter = counter.saturating_add(1);
    write_record(&plain_record, None, out).map_err(OpenRecordsError::Record)?;
    Ok(Written::Yes)
}

/// The record's own, where the broker's time has not replaced it.
fn timestamp(record: &Record<'_>, header: &BatchHeader) -> Option<i64> {
    (!header.attributes.has_log_append_time())
        .then(|| header.base_timestamp.wrapping_add(record.timestamp_delta))
}
