//! Opening one record.

use super::opener::{ForeignValue, OpenedKey, OpenedRecord, OpenedValue, RecordOpener};
use super::{OpenRecordsError, OpenedStats};
use crate::envelope::{Kind, kind};
use crate::header::BatchHeader;
use crate::record::{Headers, Record, write_record};
use crate::scratch::Buffers;

/// Whether a record is still there.
pub(super) enum Written {
    Yes,
    LeftOut,
}

/// Opens one record to the end of `out`.
pub(super) fn open_record<O: RecordOpener>(
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
