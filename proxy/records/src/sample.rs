//! Batches for tests and benches, encoded independently of the code under test, and a toy cipher.
//!
//! Benches include this file by path, so it uses the public API only.
#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::unwrap_used
)]

use std::fmt::Write;

use proxy_records::{
    Attributes, BATCH_HEADER_LEN, BatchHeader, Codec, Codecs, HeadersSealer, OpenedKey, OpenedRecord,
    OpenedValue, Record, RecordOpener, RecordSealer, Records, SealedParts,
};

/// More than any sample needs.
pub const CAP: usize = 64 * 1024 * 1024;

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SampleRecord {
    pub attributes: i8,
    pub timestamp_delta: i64,
    pub offset_delta: i32,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleBatch {
    pub header: BatchHeader,
    pub records: Vec<SampleRecord>,
}

impl SampleRecord {
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut body = vec![self.attributes.cast_unsigned()];
        zigzag(self.timestamp_delta, &mut body);
        zigzag(i64::from(self.offset_delta), &mut body);
        nullable(self.key.as_deref(), &mut body);
        nullable(self.value.as_deref(), &mut body);
        zigzag(i64::try_from(self.headers.len()).unwrap(), &mut body);
        for (name, value) in &self.headers {
            nullable(Some(name), &mut body);
            nullable(value.as_deref(), &mut body);
        }
        nullable(Some(&body), out);
    }
}

impl SampleBatch {
    /// A batch as an idempotent producer sends it; offset deltas are filled in.
    pub fn new(mut records: Vec<SampleRecord>) -> Self {
        for (index, record) in records.iter_mut().enumerate() {
            record.offset_delta = i32::try_from(index).unwrap();
        }
        let count = i32::try_from(records.len()).unwrap();
        let header = BatchHeader {
            base_offset: 0,
            length: 0,
            leader_epoch: -1,
            crc: 0,
            attributes: Attributes(0),
            last_offset_delta: count - 1,
            base_timestamp: 1_700_000_000_000,
            max_timestamp: 1_700_000_000_000
                + records.iter().map(|record| record.timestamp_delta).max().unwrap_or(0),
            producer_id: 4711,
            producer_epoch: 3,
            base_sequence: 17,
            record_count: count,
        };
        Self { header, records }
    }

    /// `count` records with values of `len` bytes that compress about as text does.
    pub fn text(count: usize, len: usize) -> Self {
        let words = ["payment", "refund", "account", "order", "EUR", "shipped", "customer"];
        let mut state = 1_u32;
        let mut value = |index: usize| {
            let mut text = format!("{{\"id\":{index},");
            while text.len() < len {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let _ = write!(text, "\"{}\":{:x},", words[(state >> 24) as usize % words.len()], state >> 8);
            }
            text.truncate(len);
            text.into_bytes()
        };
        Self::new(
            (0..count)
                .map(|index| SampleRecord {
                    timestamp_delta: i64::try_from(index / 7).unwrap(),
                    key: Some(format!("key-{}", index % 97).into_bytes()),
                    value: Some(value(index)),
                    ..SampleRecord::default()
                })
                .collect(),
        )
    }

    pub fn section(&self) -> Vec<u8> {
        let mut section = Vec::new();
        self.records.iter().for_each(|record| record.encode(&mut section));
        section
    }

    /// The batch with all header fields as they are, but length, CRC and codec.
    pub fn build(&self, codec: Codec) -> Vec<u8> {
        with_section(&self.header, codec, &self.section())
    }

    /// Reads a whole batch.
    pub fn parse(batch: &[u8]) -> Self {
        let header = BatchHeader::parse(batch).unwrap();
        let section = decompressed(batch);
        let records = Records::new(&section, header.record_count)
            .map(|record| {
                let record = record.unwrap();
                SampleRecord {
                    attributes: record.attributes,
                    timestamp_delta: record.timestamp_delta,
                    offset_delta: record.offset_delta,
                    key: record.key.map(<[u8]>::to_vec),
                    value: record.value.map(<[u8]>::to_vec),
                    headers: record
                        .headers
                        .iter()
                        .map(|header| header.unwrap())
                        .map(|(name, value)| (name.to_vec(), value.map(<[u8]>::to_vec)))
                        .collect(),
                }
            })
            .collect();
        Self { header, records }
    }
}

pub fn with_section(header: &BatchHeader, codec: Codec, section: &[u8]) -> Vec<u8> {
    let mut header = BatchHeader { attributes: header.attributes.with_codec(codec), ..*header };
    let mut payload = Vec::new();
    Codecs::new(CAP).compress(codec, section, &mut payload).unwrap();
    let mut batch = header.complete(&[&payload]).to_vec();
    batch.extend(payload);
    batch
}

pub fn decompressed(batch: &[u8]) -> Vec<u8> {
    let codec = BatchHeader::parse(batch).unwrap().attributes.codec().unwrap();
    let mut section = Vec::new();
    Codecs::new(CAP).decompress(codec, &batch[BATCH_HEADER_LEN..], &mut section).unwrap();
    section
}

pub fn zigzag(value: i64, out: &mut Vec<u8>) {
    let mut raw = ((value << 1) ^ (value >> 63)).cast_unsigned();
    loop {
        let low = u8::try_from(raw & 0x7f).unwrap();
        raw >>= 7;
        if raw == 0 {
            return out.push(low);
        }
        out.push(low | 0x80);
    }
}

fn nullable(field: Option<&[u8]>, out: &mut Vec<u8>) {
    match field {
        None => zigzag(-1, out),
        Some(bytes) => {
            zigzag(i64::try_from(bytes.len()).unwrap(), out);
            out.extend_from_slice(bytes);
        }
    }
}

/// Flips bits and appends a tag over key and timestamp.
#[derive(Debug, Default)]
pub struct Toy {
    pub refuse: bool,
    /// Whether keys are sealed with headers.
    pub replaces_keys: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused;

pub const TOY_HEADER: &[u8] = b"\x01\x02wrapped-data-key-wrapped-data-key-wrapped-data-key";

impl RecordSealer for Toy {
    type Error = Refused;

    fn seal(
        &mut self,
        key: Option<&[u8]>,
        value: &[u8],
        timestamp: i64,
        header: &mut Vec<u8>,
        sealed: &mut Vec<u8>,
    ) -> Result<(), Refused> {
        header.extend_from_slice(TOY_HEADER);
        sealed.extend(value.iter().map(|byte| byte ^ 0x5a));
        sealed.extend(timestamp.to_be_bytes());
        sealed.extend(checksum(key, value).to_be_bytes());
        if self.refuse { Err(Refused) } else { Ok(()) }
    }
}

impl RecordOpener for Toy {
    type Error = Refused;

    fn open(
        &mut self,
        envelope_header: &[u8],
        key: Option<&[u8]>,
        sealed: &[u8],
        timestamp: Option<i64>,
        out: &mut Vec<u8>,
    ) -> Result<OpenedValue, Refused> {
        let (rest, tag) = sealed.split_last_chunk().ok_or(Refused)?;
        let (value, sent_at) = rest.split_last_chunk().ok_or(Refused)?;
        let start = out.len();
        out.extend(value.iter().map(|byte| byte ^ 0x5a));
        let genuine = envelope_header == TOY_HEADER
            && timestamp.is_none_or(|timestamp| timestamp.to_be_bytes() == *sent_at)
            && checksum(key, &out[start..]).to_be_bytes() == *tag;
        if self.refuse || !genuine { Err(Refused) } else { Ok(OpenedValue::Plain) }
    }

    fn open_with_headers(
        &mut self,
        envelope_header: &[u8],
        record: &Record<'_>,
        timestamp: Option<i64>,
        plain: &mut Vec<u8>,
        headers: &mut Vec<u8>,
    ) -> Result<OpenedRecord, Refused> {
        let (has_key, behind) = match envelope_header.strip_prefix(TOY_HEADERS) {
            Some(behind) => (false, behind),
            None => (true, envelope_header.strip_prefix(TOY_KEYS).ok_or(Refused)?),
        };
        let sealed = record.value.unwrap_or(behind);
        let opened = Self::unseal(record, timestamp, (has_key, sealed), plain, headers);
        opened.filter(|_| !self.refuse).ok_or(Refused)
    }
}

/// The header of a record of which values of headers are sealed. The rest of it, or the value, holds them.
pub const TOY_HEADERS: &[u8] = b"\x01\x05wrapped-data-key-wrapped-data-key-wrapped-data-key";

/// The same where the record's key is sealed too.
pub const TOY_KEYS: &[u8] = b"\x01\x06wrapped-data-key-wrapped-data-key-wrapped-data-key";

/// What is stored in place of a key.
pub fn toy_pseudonym(key: &[u8]) -> Vec<u8> {
    key.iter().map(|byte| byte ^ 0x5a).chain(*b"a pseudonym of it").collect()
}

/// Seals the values of headers that begin so.
pub const TOY_SEALED: &[u8] = b"trace";

impl HeadersSealer for Toy {
    type Error = Refused;

    fn seals(&self, name: &[u8]) -> bool {
        name.starts_with(TOY_SEALED)
    }

    fn replaces_keys(&self) -> bool {
        self.replaces_keys
    }

    fn seal(&mut self, record: &Record<'_>, timestamp: i64, parts: SealedParts<'_>) -> Result<(), Refused> {
        assert!([&parts.header, &parts.value, &parts.key].iter().all(|part| part.is_empty()));
        parts.header.extend_from_slice(if self.replaces_keys { TOY_KEYS } else { TOY_HEADERS });
        let out = if record.value.is_some() { parts.value } else { parts.header };
        out.extend(timestamp.to_be_bytes());
        if self.replaces_keys {
            parts.key.extend(record.key.map(toy_pseudonym).unwrap_or_default());
            nullable(record.key, out);
        }
        out.push(u8::try_from(record.headers.len()).unwrap());
        for (name, value) in record.headers.iter().map(Result::unwrap) {
            if self.seals(name) {
                nullable(value, out);
            }
        }
        out.extend_from_slice(record.value.unwrap_or_default());
        if self.refuse { Err(Refused) } else { Ok(()) }
    }
}

impl Toy {
    fn unseal(
        record: &Record<'_>,
        timestamp: Option<i64>,
        (has_key, sealed): (bool, &[u8]),
        plain: &mut Vec<u8>,
        headers: &mut Vec<u8>,
    ) -> Option<OpenedRecord> {
        let (sent_at, rest) = sealed.split_first_chunk()?;
        let (key, rest) = if has_key { split_nullable(rest)? } else { (None, rest) };
        if has_key && record.key.map(<[u8]>::to_vec) != key.map(toy_pseudonym) {
            return None;
        }
        let (count, mut rest) = rest.split_first()?;
        if timestamp.is_some_and(|timestamp| timestamp.to_be_bytes() != *sent_at) {
            return None;
        }
        let mut values = Vec::new();
        for (index, header) in (0_u32..).zip(&record.headers) {
            if header.ok()?.0.starts_with(TOY_SEALED) {
                let (value, behind) = split_nullable(rest)?;
                values.push((index, value));
                rest = behind;
            }
        }
        record.headers.replace(values, headers).ok()?;
        plain.extend_from_slice(rest);
        let has_all = record.headers.len() == u32::from(*count);
        let value = record.value.map(|_| 0..plain.len());
        let key = key.map_or(OpenedKey::Stored, |key| {
            plain.extend_from_slice(key);
            OpenedKey::Sealed(plain.len() - key.len()..plain.len())
        });
        has_all.then_some(OpenedRecord::Plain { key, value })
    }
}

/// A field with its zigzag length before it, and what is behind it.
fn split_nullable(bytes: &[u8]) -> Option<(Option<&[u8]>, &[u8])> {
    let end = bytes.iter().position(|byte| byte & 0x80 == 0)?;
    let raw = bytes[..=end].iter().rev().fold(0_u64, |raw, byte| raw << 7 | u64::from(byte & 0x7f));
    let rest = &bytes[end + 1..];
    match usize::try_from((raw >> 1).cast_signed() ^ -(raw & 1).cast_signed()) {
        Ok(length) => rest.split_at_checked(length).map(|(value, rest)| (Some(value), rest)),
        Err(_) => Some((None, rest)),
    }
}

fn checksum(key: Option<&[u8]>, value: &[u8]) -> u64 {
    let key = key.unwrap_or(b"\0null");
    key.iter().chain(value).fold(7, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(*byte)))
}
