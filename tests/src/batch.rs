//! Record batches (magic 2) as bytes, to make by hand and to tamper with.

use std::ops::Range;

use bytes::Bytes;
use crc_fast::{CrcAlgorithm, checksum};

use crate::record::SentRecord;

/// Bytes of a batch before its records.
pub const HEADER: usize = 61;

/// What the checksum covers starts here.
const AFTER_CRC: usize = 21;

/// One record batch, whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    bytes: Vec<u8>,
}

/// A field of the batch header and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// First offset, which the broker sets.
    BaseOffset,
    /// Leader epoch, which the broker sets.
    LeaderEpoch,
    /// 2.
    Magic,
    /// CRC-32C over all that follows it.
    Crc,
    /// Codec, timestamp type, transactional, control, delete horizon.
    Attributes,
    /// Offset of the last record, relative.
    LastOffsetDelta,
    /// Timestamp that the records' deltas build upon.
    BaseTimestamp,
    /// Largest timestamp.
    MaxTimestamp,
    /// Producer id, or -1.
    ProducerId,
    /// Producer epoch, or -1.
    ProducerEpoch,
    /// Sequence of the first record, or -1.
    BaseSequence,
    /// Number of records.
    Count,
}

impl Batch {
    /// An uncompressed batch as a client without idempotence sends it.
    pub fn of(records: &[SentRecord]) -> Self {
        let times = || records.iter().map(|record| record.timestamp.unwrap_or(1_700_000_000_000));
        let base_timestamp = times().next().unwrap_or(-1);
        let count = i64::try_from(records.len()).expect("few records");
        let mut bytes = vec![0; HEADER];
        for (record, (offset, time)) in records.iter().zip((0..).zip(times())) {
            write_record(&mut bytes, record, offset, time - base_timestamp);
        }
        let mut batch = Self { bytes };
        batch.set(Field::Magic, 2);
        batch.set(Field::LeaderEpoch, -1);
        batch.set(Field::LastOffsetDelta, count - 1);
        batch.set(Field::BaseTimestamp, base_timestamp);
        batch.set(Field::MaxTimestamp, times().max().unwrap_or(-1));
        for field in [Field::ProducerId, Field::ProducerEpoch, Field::BaseSequence] {
            batch.set(field, -1);
        }
        batch.set(Field::Count, count);
        batch.seal();
        batch
    }

    /// Cuts what a fetch returned into batches; a truncated last one is left out, as clients do.
    pub fn split(bytes: &[u8]) -> Vec<Self> {
        let mut batches = Vec::new();
        let mut rest = bytes;
        while let Some(length) = rest.get(8..12) {
            let size = 12 + usize::try_from(read(length)).expect("a batch length is not negative");
            let Some((batch, after)) = rest.split_at_checked(size) else {
                break;
            };
            batches.push(Self { bytes: batch.to_vec() });
            rest = after;
        }
        batches
    }

    /// Any bytes, taken for a batch.
    pub fn from_bytes(bytes: impl Into<Vec<u8>>) -> Self {
        Self { bytes: bytes.into() }
    }

    /// A header field.
    pub fn field(&self, field: Field) -> i64 {
        read(&self.bytes[field.range()])
    }

    /// Overwrites a header field; does not recompute the checksum.
    pub fn set(&mut self, field: Field, value: i64) {
        let range = field.range();
        let bytes = value.to_be_bytes();
        self.bytes[range.clone()].copy_from_slice(&bytes[8 - range.len()..]);
    }

    /// The bytes after the header.
    pub fn records(&self) -> &[u8] {
        &self.bytes[HEADER..]
    }

    /// The bytes after the header, to alter.
    pub fn records_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[HEADER..]
    }

    /// Puts other bytes after the header.
    pub fn replace_records(&mut self, records: &[u8]) {
        self.bytes.truncate(HEADER);
        self.bytes.extend_from_slice(records);
    }

    /// Makes length and checksum right again.
    pub fn seal(&mut self) {
        let length = u32::try_from(self.bytes.len() - 12).expect("batches are below 4 GiB");
        self.bytes[8..12].copy_from_slice(&length.to_be_bytes());
        let crc = self.computed_crc();
        self.bytes[Field::Crc.range()].copy_from_slice(&crc.to_be_bytes());
    }

    /// Whether the stored checksum is right.
    pub fn is_sound(&self) -> bool {
        self.bytes[Field::Crc.range()] == self.computed_crc().to_be_bytes()
    }

    /// The codec by number: 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd.
    pub fn codec(&self) -> i64 {
        self.field(Field::Attributes) & 7
    }

    /// The offset after its last one.
    pub fn next_offset(&self) -> i64 {
        self.field(Field::BaseOffset) + self.field(Field::LastOffsetDelta) + 1
    }

    /// The whole batch.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The whole batch, to alter at will.
    pub fn bytes_mut(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// The batch as its producer sent it: without what the broker assigned (base offset and leader epoch).
    #[must_use]
    pub fn as_sent(&self) -> Self {
        let mut batch = self.clone();
        batch.set(Field::BaseOffset, 0);
        batch.set(Field::LeaderEpoch, -1);
        batch
    }

    fn computed_crc(&self) -> u32 {
        let crc = checksum(CrcAlgorithm::Crc32Iscsi, &self.bytes[AFTER_CRC..]);
        u32::try_from(crc).expect("CRC-32C has 32 bits")
    }
}

impl From<Batch> for Bytes {
    fn from(batch: Batch) -> Self {
        Self::from(batch.bytes)
    }
}

impl Field {
    fn range(self) -> Range<usize> {
        match self {
            Self::BaseOffset => 0..8,
            Self::LeaderEpoch => 12..16,
            Self::Magic => 16..17,
            Self::Crc => 17..21,
            Self::Attributes => 21..23,
            Self::LastOffsetDelta => 23..27,
            Self::BaseTimestamp => 27..35,
            Self::MaxTimestamp => 35..43,
            Self::ProducerId => 43..51,
            Self::ProducerEpoch => 51..53,
            Self::BaseSequence => 53..57,
            Self::Count => 57..61,
        }
    }
}

/// A big-endian signed number of 1 to 8 bytes.
fn read(bytes: &[u8]) -> i64 {
    let negative = bytes.first().is_some_and(|byte| byte & 0x80 != 0);
    bytes.iter().fold(if negative { -1 } else { 0 }, |value, byte| (value << 8) | i64::from(*byte))
}

fn write_record(batch: &mut Vec<u8>, record: &SentRecord, offset_delta: i64, timestamp_delta: i64) {
    let mut body = vec![0];
    write_varint(&mut body, timestamp_delta);
    write_varint(&mut body, offset_delta);
    write_bytes(&mut body, record.key.as_deref());
    write_bytes(&mut body, record.value.as_deref());
    write_varint(&mut body, i64::try_from(record.headers.len()).expect("few headers"));
    for (name, value) in &record.headers {
        write_bytes(&mut body, Some(name.as_bytes()));
        write_bytes(&mut body, value.as_deref());
    }
    write_bytes(batch, Some(&body));
}

fn write_bytes(to: &mut Vec<u8>, bytes: Option<&[u8]>) {
    let length = bytes.map_or(-1, |bytes| i64::try_from(bytes.len()).expect("memory is smaller"));
    write_varint(to, length);
    to.extend_from_slice(bytes.unwrap_or_default());
}

/// Zigzag, then seven bits a byte, the lowest first.
fn write_varint(to: &mut Vec<u8>, value: i64) {
    let mut rest = (value << 1 ^ value >> 63).cast_unsigned();
    loop {
        let low = rest.to_le_bytes()[0] & 0x7f;
        rest >>= 7;
        if rest == 0 {
            return to.push(low);
        }
        to.push(low | 0x80);
    }
}
