//! What a fetched batch contains: clear records, one batch envelope, or encrypted values.

mod in_place;

#[cfg(test)]
mod tests;

use std::ops::Range;

use thiserror::Error;

use crate::batch_format::{TAG_LEN, UNIQUE_KEY_LEN};
use crate::codec::{Codec, CodecError};
use crate::envelope::{Kind, kind};
use crate::header::{BATCH_HEADER_LEN, BatchHeader, HeaderError};
use crate::record::{Record, RecordError, Records};
use crate::scratch::{Scratch, Section};

/// What was found in a batch.
#[derive(Debug, Clone)]
pub enum Recognised {
    /// No envelope anywhere; also control batches and empty ones.
    Clear {
        /// Some record has neither key, value nor headers: perhaps a stub whose envelope is lost.
        may_be_stub: bool,
        /// What there would be to encrypt.
        content: ClearContent,
    },
    /// The whole batch is in record 0.
    Batch(SealedBatch),
    /// Some values are encrypted one by one; the rest is clear. Hand the section on to `open_records`.
    Records(Section),
    /// An envelope of the batch format where it cannot belong.
    MisplacedEnvelope,
    /// The envelope's header name with a format that this version does not know.
    UnknownEnvelope,
}

/// What the records of a clear batch are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClearContent {
    /// There are none: the log cleaner leaves the header of an idempotent producer's last batch. Also control batches.
    Nothing,
    /// Keys without values, which record format leaves as they are.
    Tombstones,
    /// There is something that either format encrypts.
    Data,
}

/// A batch envelope, as ranges of where it lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedBatch {
    /// The header as the broker stores it.
    pub header: BatchHeader,
    /// What the ranges are ranges of.
    pub location: Location,
    /// The value of the envelope header.
    pub envelope_header: Range<usize>,
    /// Ciphertext and tag.
    pub sealed: Range<usize>,
    /// The key of the envelope record.
    pub unique_key: [u8; UNIQUE_KEY_LEN],
}

/// The bytes that ranges refer to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Location {
    /// The batch itself: it can be decrypted where it is, and 61 bytes before the ciphertext are free for a header.
    InPlace,
    /// [`Scratch::decompressed`]: the broker compressed the batch with a codec of its own.
    Scratch,
}

/// Why a batch cannot be looked into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RecogniseError {
    /// No header of magic 2.
    #[error("{0}")]
    Header(#[source] HeaderError),
    /// More or less than one whole batch.
    #[error("not exactly one batch")]
    Length,
    /// The record count is negative, or zero beside records.
    #[error("record count is not that of the records")]
    Count,
    /// An unknown codec, corrupt data, or too much of it.
    #[error("{0}")]
    Codec(#[source] CodecError),
    /// The records do not fill the section, or are broken themselves.
    #[error("{0}")]
    Record(#[source] RecordError),
}

/// Looks into one batch of a Fetch response.
///
/// The CRC is left to whoever takes the batch apart further: decryption authenticates a batch envelope, `open_records`
/// checks the CRC, and a client checks that of a clear batch.
pub fn recognise(batch: &[u8], scratch: &mut Scratch) -> Result<Recognised, RecogniseError> {
    let header = BatchHeader::parse(batch).map_err(RecogniseError::Header)?;
    if header.batch_len() != batch.len() {
        return Err(RecogniseError::Length);
    }
    if header.record_count < 0 {
        return Err(RecogniseError::Count);
    }
    // Clients and compaction alike leave nothing behind the header of an empty batch. Anything there would be passed on unseen.
    if header.record_count == 0 && batch.len() > BATCH_HEADER_LEN {
        return Err(RecogniseError::Count);
    }
    if header.attributes.is_control() || header.record_count == 0 {
        return Ok(Recognised::Clear { may_be_stub: false, content: ClearContent::Nothing });
    }
    let codec = header.attributes.codec().map_err(RecogniseError::Codec)?;
    if let Some(sealed) = in_place::find(batch, &header, codec) {
        return Ok(Recognised::Batch(sealed));
    }
    let section = scratch.load(codec, batch).map_err(RecogniseError::Codec)?;
    walk(&header, codec, section, section.of(batch, &scratch.decompressed))
}

/// Whether a batch that [`recognise`] found clear holds such a record, and then its section for `open_records`. A compressed
/// batch is decompressed once more.
pub fn find_record(
    batch: &[u8],
    scratch: &mut Scratch,
    is_sought: impl Fn(&Record<'_>) -> bool,
) -> Result<Option<Section>, RecogniseError> {
    let header = BatchHeader::parse(batch).map_err(RecogniseError::Header)?;
    let codec = header.attributes.codec().map_err(RecogniseError::Codec)?;
    let section = scratch.load(codec, batch).map_err(RecogniseError::Codec)?;
    for record in Records::new(section.of(batch, &scratch.decompressed), header.record_count) {
        if is_sought(&record.map_err(RecogniseError::Record)?) {
            return Ok(Some(section));
        }
    }
    Ok(None)
}

/// Looks at every record.
fn walk(
    header: &BatchHeader,
    codec: Codec,
    section: Section,
    bytes: &[u8],
) -> Result<Recognised, RecogniseError> {
    let mut records = Records::new(bytes, header.record_count);
    let mut may_be_stub = false;
    let mut content = ClearContent::Tombstones;
    let mut has_values = false;
    let mut is_first = true;
    while let Some(record) = records.next() {
        let record = record.map_err(RecogniseError::Record)?;
        // Most clear records have no headers at all and need no further look.
        let found = if record.headers.is_empty() {
            Kind::Clear
        } else {
            kind(&record).map_err(RecogniseError::Record)?
        };
        match found {
            Kind::Clear => {
                may_be_stub |= record.is_bare();
                if record.key.is_none() || record.value.is_some() {
                    content = ClearContent::Data;
                }
            }
            Kind::Value(_) | Kind::Headers(_) | Kind::Marker => has_values = true,
            Kind::Unknown => return Ok(Recognised::UnknownEnvelope),
            // What was not compressed has been looked at in place and is no envelope of the right shape.
            Kind::Batch(_) if !is_first || codec == Codec::None => return Ok(Recognised::MisplacedEnvelope),
            Kind::Batch(_) => return with_stubs(header, bytes, record, records),
        }
        is_first = false;
    }
    Ok(if has_values { Recognised::Records(section) } else { Recognised::Clear { may_be_stub, content } })
}

/// A batch envelope behind a codec: only stubs may follow it.
#[cold]
#[inline(never)]
fn with_stubs(
    header: &BatchHeader,
    bytes: &[u8],
    envelope: Record<'_>,
    rest: Records<'_>,
) -> Result<Recognised, RecogniseError> {
    for record in rest {
        if !record.map_err(RecogniseError::Record)?.is_bare() {
            return Ok(Recognised::MisplacedEnvelope);
        }
    }
    Ok(sealed(header, bytes, 0, &envelope, Location::Scratch)
        .map_or(Recognised::MisplacedEnvelope, Recognised::Batch))
}

/// The envelope in `record`, if it has the shape of one; `bytes` begin at `offset` of the location.
fn sealed(
    header: &BatchHeader,
    bytes: &[u8],
    offset: usize,
    record: &Record<'_>,
    location: Location,
) -> Option<SealedBatch> {
    let Ok(Kind::Batch(envelope_header)) = kind(record) else {
        return None;
    };
    let value = record.value.filter(|value| value.len() >= TAG_LEN)?;
    let range = |part: &[u8]| {
        // Both are parts of one slice, so the difference of their addresses is the index.
        let start = part.as_ptr().addr().checked_sub(bytes.as_ptr().addr())?.checked_add(offset)?;
        Some(start..start.checked_add(part.len())?)
    };
    if record.headers.len() != 1 || record.headers.check().is_err() {
        return None;
    }
    Some(SealedBatch {
        header: *header,
        location,
        envelope_header: range(envelope_header)?,
        sealed: range(value)?,
        unique_key: record.key?.try_into().ok()?,
    })
}
