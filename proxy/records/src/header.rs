//! The 61 bytes before the records of a batch of magic 2.

mod attributes;

use crc_fast::{CrcAlgorithm, Digest};
use thiserror::Error;

pub use attributes::Attributes;

/// Bytes of a batch before its records section.
pub const BATCH_HEADER_LEN: usize = 61;

/// Bytes that the length field does not count: base offset and the length itself.
pub(crate) const LENGTH_EXCLUDES: usize = 12;

/// The smallest value of the length field: a batch without records.
pub(crate) const MIN_LENGTH: i32 = 49;

/// Where the part that the CRC covers begins: at the attributes.
const CRC_COVERS_FROM: usize = 21;

const MAGIC: i8 = 2;

/// Why bytes are no batch header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum HeaderError {
    /// Fewer than 61 bytes.
    #[error("batch header is truncated")]
    Truncated,
    /// A message of magic 0 or 1, or something newer.
    #[error("batch has magic {0} instead of 2")]
    Magic(i8),
    /// The length field cannot be right.
    #[error("batch has length {0}")]
    Length(i32),
}

/// A batch header of magic 2, field by field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchHeader {
    /// Offset of the first record; clients send 0.
    pub base_offset: i64,
    /// Bytes of the batch after this field.
    pub length: i32,
    /// Set by the broker, not covered by the CRC.
    pub leader_epoch: i32,
    /// CRC-32C of everything from the attributes on.
    pub crc: u32,
    /// Codec, timestamp type, and flags.
    pub attributes: Attributes,
    /// Offset of the last record that was ever in the batch, relative to the base offset.
    pub last_offset_delta: i32,
    /// What timestamp deltas are relative to; with a delete horizon that horizon, deltas being adjusted.
    pub base_timestamp: i64,
    /// The largest timestamp, or the broker's time on `LogAppendTime` topics.
    pub max_timestamp: i64,
    /// −1 without idempotence.
    pub producer_id: i64,
    /// −1 without idempotence.
    pub producer_epoch: i16,
    /// −1 without idempotence.
    pub base_sequence: i32,
    /// Records in the batch now.
    pub record_count: i32,
}

impl BatchHeader {
    /// Reads the header at the start of `bytes`; the CRC is not checked.
    pub fn parse(bytes: &[u8]) -> Result<Self, HeaderError> {
        let mut fields = Fields(bytes.get(..BATCH_HEADER_LEN).ok_or(HeaderError::Truncated)?);
        let base_offset = i64::from_be_bytes(fields.next()?);
        let length = i32::from_be_bytes(fields.next()?);
        let leader_epoch = i32::from_be_bytes(fields.next()?);
        match i8::from_be_bytes(fields.next()?) {
            MAGIC if length < MIN_LENGTH => return Err(HeaderError::Length(length)),
            MAGIC => {}
            other => return Err(HeaderError::Magic(other)),
        }
        Ok(Self {
            base_offset,
            length,
            leader_epoch,
            crc: u32::from_be_bytes(fields.next()?),
            attributes: Attributes(i16::from_be_bytes(fields.next()?)),
            last_offset_delta: i32::from_be_bytes(fields.next()?),
            base_timestamp: i64::from_be_bytes(fields.next()?),
            max_timestamp: i64::from_be_bytes(fields.next()?),
            producer_id: i64::from_be_bytes(fields.next()?),
            producer_epoch: i16::from_be_bytes(fields.next()?),
            base_sequence: i32::from_be_bytes(fields.next()?),
            record_count: i32::from_be_bytes(fields.next()?),
        })
    }

    /// The header as bytes, with the CRC and length as they stand in the fields.
    pub fn to_bytes(&self) -> [u8; BATCH_HEADER_LEN] {
        let mut bytes = [0; BATCH_HEADER_LEN];
        let mut fields = Slots(&mut bytes);
        fields.put(self.base_offset.to_be_bytes());
        fields.put(self.length.to_be_bytes());
        fields.put(self.leader_epoch.to_be_bytes());
        fields.put(MAGIC.to_be_bytes());
        fields.put(self.crc.to_be_bytes());
        fields.put(self.attributes.0.to_be_bytes());
        fields.put(self.last_offset_delta.to_be_bytes());
        fields.put(self.base_timestamp.to_be_bytes());
        fields.put(self.max_timestamp.to_be_bytes());
        fields.put(self.producer_id.to_be_bytes());
        fields.put(self.producer_epoch.to_be_bytes());
        fields.put(self.base_sequence.to_be_bytes());
        fields.put(self.record_count.to_be_bytes());
        bytes
    }

    /// Bytes of the whole batch by its length field.
    pub fn batch_len(&self) -> usize {
        usize::try_from(self.length).unwrap_or(0).saturating_add(LENGTH_EXCLUDES)
    }

    /// Sets length and CRC for a records section that consists of `parts`, and returns the header as bytes.
    ///
    /// Parts come from frames and buffers whose length fits 31 bits; a longer section gets the largest length there is,
    /// which no reader accepts.
    pub fn complete(&mut self, parts: &[&[u8]]) -> [u8; BATCH_HEADER_LEN] {
        let section = parts.iter().fold(0_usize, |sum, part| sum.saturating_add(part.len()));
        self.length = i32::try_from(section).unwrap_or(i32::MAX).saturating_add(MIN_LENGTH);
        let bytes = self.to_bytes();
        let mut digest = Digest::new(CrcAlgorithm::Crc32Iscsi);
        digest.update(bytes.split_at(CRC_COVERS_FROM).1);
        for part in parts {
            digest.update(part);
        }
        self.crc = u32::try_from(digest.finalize()).unwrap_or_default();
        self.to_bytes()
    }
}

/// Whether the CRC in the header of `batch` is the one of its content.
pub fn crc_matches(batch: &[u8]) -> bool {
    match (BatchHeader::parse(batch), batch.get(CRC_COVERS_FROM..)) {
        (Ok(header), Some(covered)) => crc_fast::crc32_iscsi(covered) == header.crc,
        _ => false,
    }
}

/// Big-endian fields in sequence.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    #[inline]
    fn next<const N: usize>(&mut self) -> Result<[u8; N], HeaderError> {
        let (field, rest) = self.0.split_first_chunk().ok_or(HeaderError::Truncated)?;
        self.0 = rest;
        Ok(*field)
    }
}

/// Room for big-endian fields in sequence.
struct Slots<'a>(&'a mut [u8]);

impl Slots<'_> {
    /// Writes one field and moves on; the array behind it is as long as the fields of a header.
    fn put<const N: usize>(&mut self, field: [u8; N]) {
        if let Some((slot, rest)) = std::mem::take(&mut self.0).split_first_chunk_mut() {
            *slot = field;
            self.0 = rest;
        }
    }
}

#[cfg(test)]
mod tests;
