//! Entry points for arbitrary bytes: called by the fuzzer in `proxy/fuzz` and by tests of this crate.
#![allow(missing_docs, clippy::missing_panics_doc, clippy::unwrap_used, clippy::similar_names)]

mod seeds;
#[cfg(test)]
mod tests;

use crate::legacy::{InMemoryEdek, LegacyKey};
use crate::local::fuzzing as local;
use crate::open::{nullable, parse};
use crate::{
    AwsEdek, BatchContext, Dek, EnvelopeHeader, Format, KroxyliciousV2, RecordOpener, StoredRecord,
    TopicEncryptionV1, VaultEdek, is_envelope, open_batch,
};

/// A name, what is run, and inputs to begin with.
pub type Target = (&'static str, fn(&[u8]), fn() -> Vec<Vec<u8>>);

pub const TARGETS: &[Target] = &[
    ("crypto_envelope", fuzz_envelope, seeds::envelopes),
    ("crypto_headers", fuzz_headers, seeds::headers),
    ("crypto_keys", fuzz_keys, seeds::keys),
    ("crypto_legacy", fuzz_legacy, seeds::legacy),
    ("crypto_local", local::fuzz_local, seeds::local),
];

/// What the seeds have sealed. Nothing else opens.
const PLAINTEXT: &[u8] = b"the only text that was ever sealed";
const DEK: [u8; Dek::LEN] = [7; Dek::LEN];
const CONTEXT: BatchContext<'_> = BatchContext {
    topic: "payments",
    partition: 3,
    producer_id: 4711,
    producer_epoch: 1,
    base_sequence: 0,
    last_offset_delta: 0,
};
const TIMESTAMP: i64 = 1_700_000_000_000;

/// The length of a header in two bytes, the header, what is sealed.
fn fuzz_envelope(data: &[u8]) {
    let Some((length, rest)) = data.split_first_chunk() else { return };
    let Some((header, sealed)) = rest.split_at_checked(u16::from_be_bytes(*length).into()) else { return };
    let _ = is_envelope(header);
    let Ok(envelope) = EnvelopeHeader::parse(header) else { return };
    assert_eq!(is_envelope(header), Some(envelope.format()), "a glance tells what a parser finds");
    assert_ne!(envelope.format(), Format::Marker, "a marker seals nothing");
    assert!(!format!("{envelope:?}").contains('\n'), "it can stand in a line");

    let dek = Dek::from_bytes(&DEK).unwrap();
    let mut message = sealed.to_vec();
    if let Ok(length) = open_batch(&dek, &envelope, &CONTEXT, &mut message) {
        assert_eq!(message.get(..length), Some(PLAINTEXT), "only what was sealed opens");
    }
    let mut out = b"before".to_vec();
    let opened = RecordOpener::new().open(
        &dek,
        &envelope,
        CONTEXT.topic,
        Some(b"key"),
        Some(TIMESTAMP),
        sealed,
        &mut out,
    );
    let headers = [(&b"secret"[..], Some(&b""[..])), (&b"clear"[..], None)].into_iter();
    let pseudonym = pseudonym();
    for (value, key) in
        [Some(sealed), None].into_iter().flat_map(|value| [(value, &b"key"[..]), (value, &pseudonym)])
    {
        let (key, timestamp) = (Some(key), Some(TIMESTAMP));
        let record = StoredRecord { topic: CONTEXT.topic, key, timestamp, value, headers: headers.clone() };
        if let Ok(mut opened) =
            RecordOpener::new().open_with_headers(&dek, &envelope, &record, &mut Vec::new())
        {
            let has_pseudonym = envelope.format() == Format::Pseudonyms;
            assert_eq!(opened.key, has_pseudonym.then_some(&b"key"[..]), "the key is that of the pseudonym");
            assert_eq!(key == Some(&*pseudonym), has_pseudonym);
            assert_eq!(opened.value, value.map(|_| PLAINTEXT), "only what was sealed opens");
            assert_eq!(opened.headers.next(), Some((0, Some(PLAINTEXT))));
            assert_eq!(opened.headers.next(), None);
        }
    }
    match opened {
        Ok(()) => assert_eq!(out.strip_prefix(b"before"), Some(PLAINTEXT), "only what was sealed opens"),
        Err(_) => assert_eq!(out, b"before", "nothing is left of what does not open"),
    }
}

/// That of the key of all records.
fn pseudonym() -> Vec<u8> {
    let mut pseudonym = Vec::new();
    seeds::pseudonyms().start().write(b"key", &mut pseudonym).unwrap();
    pseudonym
}

/// What stands before the count of headers where the record's key was sealed too.
fn fuzz_keys(data: &[u8]) {
    let Some((key, rest)) = nullable(data) else { return };
    assert_eq!(4 + key.map_or(0, <[u8]>::len) + rest.len(), data.len(), "every byte is read once");
    assert!(key.is_some() || data.starts_with(&[0xff; 4]), "only one length means null");
}

/// A count of headers in one byte, and what was sealed with a record of so many. No writer of ours seals most of it.
fn fuzz_headers(data: &[u8]) {
    let Some((count, plaintext)) = data.split_first() else { return };
    let count = usize::from(count & 0x7f);
    let has_value = data.first().is_some_and(|first| first & 0x80 == 0);
    let Some(record) = parse(plaintext, count, has_value) else { return };
    let mut read = record.value.map_or(0, <[u8]>::len);
    let mut next = 0;
    for (index, value) in record.headers {
        assert!(index >= next && index.try_into().is_ok_and(|index: usize| index < count), "indices ascend");
        next = index + 1;
        read += 8 + value.map_or(0, <[u8]>::len);
    }
    assert_eq!(read + 4, plaintext.len(), "every byte is read once");
    assert_eq!(record.value.is_some(), has_value);
}

/// Values and wrapped keys of earlier programs.
fn fuzz_legacy(data: &[u8]) {
    let key = LegacyKey::from_bytes(&DEK).unwrap();
    let mut out = Vec::new();
    if let Ok(value) = TopicEncryptionV1::parse(data) {
        assert!(TopicEncryptionV1::begins(data), "what parses begins as such");
        let _ = value.open(&key, &mut out);
    }
    if let Ok(record) = KroxyliciousV2::parse(Some(&[2]), Some(data)) {
        let before = out.clone();
        if record.open(&key, &mut out).is_err() {
            assert_eq!(out, before, "nothing is left of what does not open");
        }
        edek(record.edek());
    }
    let (marker, value) = data.split_at(data.len().min(1));
    let _ = KroxyliciousV2::parse(Some(marker), Some(value));
    edek(data);
}

fn edek(bytes: &[u8]) {
    let _ = VaultEdek::parse(bytes);
    let _ = AwsEdek::parse(bytes);
    if let Ok(edek) = InMemoryEdek::parse(bytes) {
        let _ = edek.open(&DEK);
    }
}
