//! Records of record format.
#![expect(clippy::similar_names, reason = "a sealer seals what is sealed")]

use super::{DEK, OTHER_DEK, cut, data_key, expect_header, flip, long, put, run};
use crate::aad;
use crate::envelope::EnvelopeHeader;
use crate::seal::RecordsSealer;
use crate::vectors::shape::{Record, RecordExpected};

pub(super) fn records() -> Vec<Record> {
    let mut sealer = RecordsSealer::with_salt(&data_key(), run(0x06));
    let mut record = |name: &str, key: Option<&[u8]>, value: &[u8]| {
        record(&mut sealer, name, key, 1_700_000_000_001, value)
    };
    let keyed = record("record key", Some(b"customer-1"), b"first value");
    let null_key = record("null record key, second message of its key", None, b"second value");
    let empty_key = record("empty record key", Some(b""), b"third value");
    let long_key = record("long record key", Some(&long(0x30, 300)), b"fourth value");
    let empty_value = record("empty value", Some(b"customer-1"), b"");
    let long_value = record("long value", Some(b"customer-2"), &long(0x20, 5000));
    let mut broker_time = record("timestamp of the broker", Some(b"customer-1"), b"value");
    broker_time.timestamp = None;
    let bad = |of: &Record, name: &str, error: &str, change: &dyn Fn(&mut Record)| {
        let mut record =
            Record { name: name.to_owned(), error: Some(error.to_owned()), expected: None, ..of.clone() };
        change(&mut record);
        record
    };
    let hexed = |text: &str| Some(hex::encode(text));
    vec![
        keyed.clone(),
        null_key.clone(),
        empty_key.clone(),
        long_key,
        empty_value,
        long_value,
        broker_time,
        bad(&keyed, "another record key", "tag", &|record| {
            record.record_key = hexed("customer-2");
        }),
        bad(&keyed, "record key removed", "tag", &|record| {
            record.record_key = None;
        }),
        bad(&null_key, "empty in place of null record key", "tag", &|record| {
            record.record_key = hexed("");
        }),
        bad(&empty_key, "null in place of empty record key", "tag", &|record| record.record_key = None),
        bad(&keyed, "moved to another topic", "tag", &|record| {
            "payments.us".clone_into(&mut record.topic);
        }),
        bad(&keyed, "value of another record", "tag", &|record| {
            record.sealed.clone_from(&null_key.sealed);
        }),
        bad(&keyed, "flipped bit of the tag", "tag", &|record| {
            flip(&mut record.sealed, 26);
        }),
        bad(&keyed, "ciphertext shorter than a tag", "truncated-ciphertext", &|record| {
            cut(&mut record.sealed, 12);
        }),
        bad(&keyed, "another timestamp", "timestamp", &|record| {
            record.timestamp = Some(1_700_000_000_002);
        }),
        bad(&keyed, "another timestamp in the header", "tag", &|record| {
            let last = record.header.len() / 2 - 1;
            flip(&mut record.header, last);
        }),
        bad(&keyed, "another data key", "commitment", &|record| {
            record.dek = hex::encode(run::<32>(OTHER_DEK));
        }),
        bad(&keyed, "header one byte short", "truncated-header", &|record| {
            cut(&mut record.header, 1);
        }),
        bad(&keyed, "header one byte too long", "trailing-bytes", &|record| {
            record.header.push_str("00");
        }),
        bad(&keyed, "unknown version", "unknown-version", &|record| {
            put(&mut record.header, 0, 0);
        }),
        bad(&keyed, "batch format named", "truncated-header", &|record| {
            put(&mut record.header, 1, 1);
        }),
        bad(&keyed, "unknown algorithm", "unknown-algorithm", &|record| {
            put(&mut record.header, 2, 0);
        }),
    ]
}

fn record(
    sealer: &mut RecordsSealer,
    name: &str,
    key: Option<&[u8]>,
    timestamp: i64,
    value: &[u8],
) -> Record {
    let topic = "payments.eu";
    let (mut header, mut sealed) = (Vec::new(), Vec::new());
    sealer.seal(topic, key, timestamp, value, &mut header, &mut sealed).unwrap();
    let envelope = EnvelopeHeader::parse(&header).unwrap();
    let mut associated = Vec::new();
    aad::record(&mut associated, &header, envelope.nonce_range(), topic, key).unwrap();
    Record {
        name: name.to_owned(),
        error: None,
        dek: hex::encode(run::<32>(DEK)),
        topic: topic.to_owned(),
        record_key: key.map(hex::encode),
        timestamp: Some(timestamp),
        header: hex::encode(&header),
        sealed: hex::encode(sealed),
        expected: Some(RecordExpected {
            header: expect_header(&envelope),
            timestamp,
            aad: hex::encode(associated),
            plaintext: hex::encode(value),
        }),
    }
}
