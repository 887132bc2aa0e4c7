//! Opening the values of a fetched batch.

mod opener;
mod record;

use thiserror::Error;

use super::seal::complete;
use crate::codec::{Codec, CodecError};
use crate::header::{BATCH_HEADER_LEN, BatchHeader, HeaderError, crc_matches};
use crate::record::{RecordError, Records};
use crate::scratch::{Scratch, Section};
use record::{Written, open_record};

pub use opener::{ForeignValue, OpenedKey, OpenedRecord, OpenedValue, RecordOpener};

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
