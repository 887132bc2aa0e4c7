//! Entry points for arbitrary bytes: called by the fuzzer in `proxy/fuzz` and by tests of this crate.
//!
//! Each runs one public function and, where it succeeds, checks what a caller relies on.
#![allow(missing_docs, clippy::missing_panics_doc)]

mod seeds;
#[cfg(test)]
mod tests;

use crate::{
    BatchHeader, Codec, Codecs, Entry, HeadersSealer, Location, OpenedKey, OpenedRecord, OpenedValue,
    OriginalBatch, Recognised, Record, RecordOpener, RecordSealer, Scratch, SealRecordsError, SealedParts,
    Surround, crc_matches, entries, last_offset, old_message_offset, open_records, recognise,
    restored_header, seal_records, seal_records_with_headers, validate_produced,
};

/// A name, what is run, and inputs to begin with.
pub type Target = (&'static str, fn(&[u8]), fn() -> Vec<Vec<u8>>);

pub const TARGETS: &[Target] = &[
    ("records_codecs", fuzz_codecs, seeds::codecs),
    ("records_entries", fuzz_entries, seeds::record_sets),
    ("records_open", fuzz_open_records, seeds::sealed_records),
    ("records_produced", fuzz_validate_produced, seeds::produced),
    ("records_recognise", fuzz_recognise, seeds::stored),
];

/// Small, so that bombs are found soon.
const CAP: usize = 1024 * 1024;

pub fn fuzz_entries(data: &[u8]) {
    let mut next = 0;
    for entry in entries(data).flatten() {
        let (Entry::Batch(range) | Entry::OldMessage(range) | Entry::Tail(range)) = entry;
        assert_eq!(range.start, next, "entries follow each other");
        assert!(range.end > range.start && range.end <= data.len(), "entries lie in the record set");
        next = range.end;
        let entry = data.get(range).unwrap_or_default();
        let _ = (last_offset(entry, &mut Scratch::new(CAP)), old_message_offset(entry));
    }
}

pub fn fuzz_codecs(data: &[u8]) {
    let Some((first, input)) = data.split_first() else {
        return;
    };
    let codec = Codec::from_id(i16::from(first % 5)).unwrap_or(Codec::None);
    let mut codecs = Codecs::new(CAP);
    let mut plain = Vec::new();
    if codecs.decompress(codec, input, &mut plain).is_ok() {
        assert!(plain.len() <= CAP, "the cap holds");
    }
    let mut packed = Vec::new();
    assert!(codecs.compress(codec, input, &mut packed).is_ok(), "anything can be compressed");
    assert!(codecs.decompress(codec, &packed, &mut plain).is_ok(), "what was compressed can be read");
    assert_eq!(plain, input);
}

/// Validates with a header put right, so that the fuzzer gets past it, and goes on to both formats.
pub fn fuzz_validate_produced(data: &[u8]) {
    let mut scratch = Scratch::new(CAP);
    let _ = validate_produced(data, &mut scratch);
    let batch = mended(data, |header| {
        header.base_offset = 0;
        header.last_offset_delta = header.record_count.wrapping_sub(1);
    });
    let Ok(produced) = validate_produced(&batch, &mut scratch) else {
        return;
    };

    let mut surround = Surround::default();
    let stubs = scratch.stubs().to_vec();
    if let Ok(len) = surround.prepare(&produced, &stubs, &[7; 16], &[1, 1, 9]) {
        let ciphertext = batch.get(crate::BATCH_HEADER_LEN..).unwrap_or_default();
        surround.finish(ciphertext, &[9; 16]);
        let stored = [surround.prefix(), ciphertext, surround.suffix()].concat();
        assert_eq!(stored.len(), len, "the stored size is exact");
        assert!(crc_matches(&stored), "the stored batch has the right CRC");
        assert!(matches!(recognise(&stored, &mut scratch), Ok(Recognised::Batch(_))), "it is found again");
    }
    let mut sealed = Vec::new();
    let stored = seal_records(&produced, &batch, &mut scratch, &mut Copying, CAP, &mut sealed);
    if matches!(stored, Err(SealRecordsError::TooLarge)) {
        return;
    }
    assert!(stored.is_ok() && crc_matches(&sealed), "a valid batch can be sealed");
    fuzz_open_records(&sealed);
    for replaces_keys in [false, true] {
        sealed.clear();
        let mut copying = CopyingHeaders { replaces_keys };
        let stored =
            seal_records_with_headers(&produced, &batch, &mut scratch, &mut copying, CAP, &mut sealed);
        if matches!(stored, Err(SealRecordsError::TooLarge)) {
            return;
        }
        assert!(stored.is_ok() && crc_matches(&sealed), "headers can be sealed too, and keys");
        fuzz_open_records(&sealed);
    }
}

pub fn fuzz_recognise(data: &[u8]) {
    let _ = recognise(data, &mut Scratch::new(CAP));
    recognise_mended(&mended(data, |_| {}));
}

fn recognise_mended(data: &[u8]) {
    let mut scratch = Scratch::new(CAP);
    if let Ok(Recognised::Batch(sealed)) = recognise(data, &mut scratch) {
        let bytes = match sealed.location {
            Location::InPlace => data,
            Location::Scratch => scratch.decompressed(),
        };
        assert!(bytes.get(sealed.envelope_header.clone()).is_some_and(|header| header.get(1) == Some(&1)));
        assert!(sealed.location == Location::Scratch || sealed.sealed.start >= crate::BATCH_HEADER_LEN);
        let payload = bytes.get(sealed.sealed.clone());
        assert!(payload.is_some_and(|payload| payload.len() >= crate::TAG_LEN));
        let original =
            OriginalBatch { attributes: -1, record_count: -1, base_timestamp: -1, max_timestamp: -1 };
        restored_header(&sealed.header, &original, payload.unwrap_or_default());
    }
}

pub fn fuzz_open_records(data: &[u8]) {
    let batch = mended(data, |_| {});
    let mut scratch = Scratch::new(CAP);
    let Ok(Recognised::Records(section)) = recognise(&batch, &mut scratch) else {
        return;
    };
    let mut out = Vec::new();
    if open_records(&batch, section, &mut scratch, &mut Copying, &mut out).is_ok() {
        assert!(crc_matches(&out), "the rebuilt batch has the right CRC");
    } else {
        assert!(out.is_empty(), "nothing is left of a batch that failed");
    }
}

/// The same bytes as one batch of magic 2 with the right length and CRC, which random bytes never are.
fn mended(data: &[u8], change: impl FnOnce(&mut BatchHeader)) -> Vec<u8> {
    let mut batch = data.to_vec();
    if let Some(magic) = batch.get_mut(8..17) {
        magic.copy_from_slice(&[0, 0, 0, 49, 0, 0, 0, 0, 2]);
    }
    let Ok(mut header) = BatchHeader::parse(&batch) else {
        return batch;
    };
    change(&mut header);
    if let Some((slot, section)) = batch.split_first_chunk_mut() {
        *slot = header.complete(&[section]);
    }
    batch
}

/// A cipher that leaves everything as it is.
struct Copying;

impl RecordSealer for Copying {
    type Error = std::convert::Infallible;

    fn seal(
        &mut self,
        _: Option<&[u8]>,
        value: &[u8],
        _: i64,
        header: &mut Vec<u8>,
        sealed: &mut Vec<u8>,
    ) -> Result<(), Self::Error> {
        header.extend_from_slice(&[1, 2]);
        sealed.extend_from_slice(value);
        Ok(())
    }
}

impl RecordOpener for Copying {
    type Error = std::convert::Infallible;

    fn open(
        &mut self,
        _: &[u8],
        _: Option<&[u8]>,
        sealed: &[u8],
        _: Option<i64>,
        out: &mut Vec<u8>,
    ) -> Result<OpenedValue, Self::Error> {
        out.extend_from_slice(sealed);
        Ok(OpenedValue::Plain)
    }

    fn open_with_headers(
        &mut self,
        envelope_header: &[u8],
        record: &Record<'_>,
        _: Option<i64>,
        plain: &mut Vec<u8>,
        headers: &mut Vec<u8>,
    ) -> Result<OpenedRecord, Self::Error> {
        // The bytes choose which headers get another value.
        let index = envelope_header.last().map_or(0, |last| u32::from(*last));
        plain.extend_from_slice(record.value.unwrap_or_default());
        let replaced = record.headers.replace([(index, record.key)], headers);
        assert!(replaced.is_ok(), "headers that were read once can be written");
        let value = record.value.map(|value| 0..value.len());
        let Some(key) = record.key.filter(|_| envelope_header.get(1) == Some(&6)) else {
            return Ok(OpenedRecord::Plain { key: OpenedKey::Stored, value });
        };
        let start = plain.len();
        plain.extend(key.strip_suffix(PSEUDONYM).unwrap_or(key));
        Ok(OpenedRecord::Plain { key: OpenedKey::Sealed(start..plain.len()), value })
    }
}

/// The same for values of headers, and for keys where it replaces them.
struct CopyingHeaders {
    replaces_keys: bool,
}

/// Stands behind a key that is replaced.
const PSEUDONYM: &[u8] = b"pseudonym of the key";

impl HeadersSealer for CopyingHeaders {
    type Error = std::convert::Infallible;

    fn seals(&self, name: &[u8]) -> bool {
        name.len() % 2 == 1
    }

    fn replaces_keys(&self) -> bool {
        self.replaces_keys
    }

    fn seal(&mut self, record: &Record<'_>, _: i64, out: SealedParts<'_>) -> Result<(), Self::Error> {
        out.header.extend_from_slice(&[1, if self.replaces_keys { 6 } else { 5 }]);
        out.value.extend_from_slice(record.value.unwrap_or_default());
        for part in record.key.into_iter().flat_map(|key| [key, PSEUDONYM]) {
            out.key.extend_from_slice(part);
        }
        Ok(())
    }
}
