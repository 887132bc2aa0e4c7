//! A produced batch, checked as the broker that gets it would check it.
//!
//! In batch format the broker no longer sees the records, so what it would refuse must be refused here.

#[cfg(test)]
mod tests;

use thiserror::Error;

use crate::codec::CodecError;
use crate::envelope::{Kind, kind};
use crate::header::{BatchHeader, HeaderError, crc_matches};
use crate::record::{Record, RecordError, Records, write_stub};
use crate::scratch::{Scratch, Section};

/// A batch that a broker would accept.
#[derive(Debug, Clone, Copy)]
pub struct Produced {
    /// The batch header as the client sent it.
    pub header: BatchHeader,
    /// The timestamp delta of the first record.
    pub first_timestamp_delta: i64,
    /// Whether some record's first header already has the envelope's name.
    pub has_foreign_envelope: bool,
    /// Where the uncompressed records are.
    pub section: Section,
}

/// Why a produced batch is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InvalidBatch {
    /// Damaged on its way; clients send it again.
    #[error("batch has a wrong CRC")]
    Crc,
    /// Wrong as it was made.
    #[error("batch is malformed: {0}")]
    Malformed(#[source] Malformed),
}

/// What is wrong with a batch whose CRC is right, or whose CRC cannot be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Malformed {
    /// No header of magic 2.
    #[error("{0}")]
    Header(#[source] HeaderError),
    /// More or less than one whole batch.
    #[error("not exactly one batch")]
    Length,
    /// Only brokers write control batches and delete horizons.
    #[error("attributes are reserved for brokers")]
    Attributes,
    /// Clients number from 0.
    #[error("base offset is not 0")]
    BaseOffset,
    /// No records, or a count that differs from the offset range.
    #[error("record count and offset range differ")]
    Count,
    /// An idempotent batch without epoch or sequence.
    #[error("producer id without epoch or sequence")]
    Sequence,
    /// An unknown codec, corrupt data, or too much of it.
    #[error("{0}")]
    Codec(#[source] CodecError),
    /// The records do not fill the section, or are broken themselves.
    #[error("{0}")]
    Record(#[source] RecordError),
    /// Offset deltas are not 0, 1, 2, …
    #[error("record offsets are not consecutive")]
    OffsetDelta,
}

impl From<Malformed> for InvalidBatch {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

/// Checks the `records` field of one partition of a Produce request: one batch of magic 2 and nothing else.
///
/// Leaves the stubs of records 1 to n − 1 in [`Scratch::stubs`] and, if the batch is compressed, its records in
/// [`Scratch::decompressed`].
pub fn validate_produced(records: &[u8], scratch: &mut Scratch) -> Result<Produced, InvalidBatch> {
    let header = BatchHeader::parse(records).map_err(Malformed::Header)?;
    if header.batch_len() != records.len() {
        return Err(Malformed::Length.into());
    }
    if !crc_matches(records) {
        return Err(InvalidBatch::Crc);
    }
    check_header(&header)?;
    let codec = header.attributes.codec().map_err(Malformed::Codec)?;
    let section = scratch.load(codec, records).map_err(Malformed::Codec)?;
    let mut produced = Produced { header, first_timestamp_delta: 0, has_foreign_envelope: false, section };
    let Scratch { decompressed, stubs, .. } = scratch;
    walk(section.of(records, decompressed), &mut produced, stubs)?;
    Ok(produced)
}

fn check_header(header: &BatchHeader) -> Result<(), Malformed> {
    let attributes = header.attributes;
    if attributes.is_control() || attributes.has_delete_horizon() {
        return Err(Malformed::Attributes);
    }
    if header.base_offset != 0 {
        return Err(Malformed::BaseOffset);
    }
    if header.record_count < 1 || header.last_offset_delta != header.record_count.saturating_sub(1) {
        return Err(Malformed::Count);
    }
    if header.producer_id >= 0 && (header.producer_epoch < 0 || header.base_sequence < 0) {
        return Err(Malformed::Sequence);
    }
    Ok(())
}

/// Checks every record and writes the stubs.
fn walk(section: &[u8], produced: &mut Produced, stubs: &mut Vec<u8>) -> Result<(), Malformed> {
    stubs.clear();
    for (expected, record) in (0..).zip(Records::new(section, produced.header.record_count)) {
        let record = record.map_err(Malformed::Record)?;
        check_record(&record, expected)?;
        if !record.headers.is_empty() && kind(&record).map_err(Malformed::Record)? != Kind::Clear {
            produced.has_foreign_envelope = true;
        }
        if expected == 0 {
            produced.first_timestamp_delta = record.timestamp_delta;
        } else {
            write_stub(record.timestamp_delta, record.offset_delta, stubs);
        }
    }
    Ok(())
}

#[inline]
fn check_record(record: &Record<'_>, expected: i32) -> Result<(), Malformed> {
    if record.offset_delta != expected {
        return Err(Malformed::OffsetDelta);
    }
    record.headers.check().map_err(Malformed::Record)
}
