//! Records with sealed headers.
#![expect(clippy::similar_names, reason = "a sealer seals what is sealed")]

use super::{DEK, OTHER_DEK, cut, data_key, dek, expect_header, flip, put, run};
use crate::aad;
use crate::envelope::{EnvelopeHeader, Format};
use crate::message_key::SealingKey;
use crate::seal::{HeadersSealer, PlainRecord, RecordHeader, SealedParts};
use crate::vectors::shape::{Headed, HeadedExpected};

pub(super) const TOPIC: &str = "payments.eu";
pub(super) const TIMESTAMP: i64 = 1_700_000_000_001;
/// Sealed wherever it stands.
pub(super) const SEALED: &[u8] = b"customer";

pub(super) type Sent<'a> = (Option<&'a [u8]>, Option<&'a [u8]>, &'a [RecordHeader<'a>]);
/// A name, whether there is a value, and the plaintext.
type Case<'a> = (&'a str, Option<&'a [u8]>, Vec<u8>);

pub(super) fn records() -> Vec<Headed> {
    let mut sealer = HeadersSealer::with_salt(&data_key(), None, run(0x07));
    let mut record = |name: &str, sent: Sent<'_>| headed(&mut sealer, name, sent);
    let secret: RecordHeader<'_> = (SEALED, Some(b"Ada Lovelace"));
    let clear: RecordHeader<'_> = (b"trace", Some(b"01-ab"));
    let key: Option<&[u8]> = Some(b"customer-1");
    let value: Option<&[u8]> = Some(b"first value");
    let one = record("one sealed header among others", (key, value, &[clear, secret, (b"null", None)]));
    let repeats: &[RecordHeader<'_>] =
        &[secret, clear, (SEALED, None), (SEALED, Some(b"")), (SEALED, Some(b"Grace Hopper"))];
    let repeated = record("repeated name, null and empty among the values", (None, value, repeats));
    let none = record("no header to seal", (key, value, &[clear]));
    let bare = record("no headers at all", (key, Some(b""), &[]));
    let tombstone = record("null value", (key, None, &[secret, clear]));
    let null = record("null key and null value", (None, None, &[(SEALED, None)]));
    let mut broker_time = record("timestamp of the broker", (key, value, &[secret]));
    broker_time.timestamp = None;
    let mut all = vec![one.clone(), repeated, none, bare, tombstone.clone(), null, broker_time];
    all.extend(elsewhere(&one));
    all.extend(other_headers(&one));
    all.extend(altered(&one, &tombstone));
    all.extend(malformed());
    all
}

pub(super) fn bad<E: Clone>(
    of: &Headed<E>,
    name: &str,
    error: &str,
    change: impl FnOnce(&mut Headed<E>),
) -> Headed<E> {
    let mut record =
        Headed { name: name.to_owned(), error: Some(error.to_owned()), expected: None, ..of.clone() };
    change(&mut record);
    record
}

fn elsewhere(one: &Headed) -> Vec<Headed> {
    vec![
        bad(one, "another record key", "tag", |record| record.record_key = Some(hex::encode("customer-2"))),
        bad(one, "record key removed", "tag", |record| record.record_key = None),
        bad(one, "moved to another topic", "tag", |record| "payments.us".clone_into(&mut record.topic)),
        bad(one, "another timestamp", "timestamp", |record| record.timestamp = Some(TIMESTAMP + 1)),
        bad(one, "another data key", "commitment", |record| record.dek = hex::encode(run::<32>(OTHER_DEK))),
    ]
}

fn other_headers(one: &Headed) -> Vec<Headed> {
    let bad = |name: &str, change: fn(&mut Vec<(String, Option<String>)>)| {
        bad(one, name, "tag", |record| change(&mut record.headers))
    };
    vec![
        bad("clear header changed", |headers| headers[0].1 = Some(hex::encode("01-ac"))),
        bad("null in place of the sealed header's empty value", |headers| headers[1].1 = None),
        bad("clear value in place of the sealed header's empty value", |headers| {
            headers[1].1 = Some(hex::encode("Eve"));
        }),
        bad("header renamed", |headers| headers[1].0 = hex::encode("customex")),
        bad("headers swapped", |headers| headers.swap(0, 1)),
        bad("header removed", |headers| drop(headers.remove(2))),
        bad("header of the sealed name added", |headers| {
            headers.push((hex::encode("customer"), Some(hex::encode("Eve"))));
        }),
    ]
}

fn altered(one: &Headed, tombstone: &Headed) -> Vec<Headed> {
    let value_bytes = one.value.as_ref().unwrap().len() / 2;
    let place = tombstone.header.len() / 2
        - hex::decode(&tombstone.expected.as_ref().unwrap().plaintext).unwrap().len()
        - 17;
    vec![
        bad(one, "flipped bit of the tag", "tag", |record| {
            flip(record.value.as_mut().unwrap(), value_bytes - 1);
        }),
        bad(one, "ciphertext shorter than a tag", "truncated-ciphertext", |record| {
            cut(record.value.as_mut().unwrap(), value_bytes - 15);
        }),
        bad(one, "value removed", "place", |record| record.value = None),
        bad(tombstone, "value added", "place", |record| record.value = Some(String::new())),
        bad(tombstone, "nothing behind the envelope header", "truncated-ciphertext", |record| {
            record.header.truncate(2 * (place + 1));
        }),
        bad(tombstone, "flipped bit behind the envelope header", "tag", |record| {
            flip(&mut record.header, place + 1);
        }),
        bad(tombstone, "ciphertext moved into the value", "tag", |record| {
            record.value = Some(record.header.split_off(2 * (place + 1)));
            put(&mut record.header, place, 1);
        }),
        bad(tombstone, "unknown place", "unknown-place", |record| put(&mut record.header, place, 3)),
        bad(one, "bytes behind the envelope header", "trailing-bytes", |record| record.header.push_str("00")),
        bad(one, "header one byte short", "truncated-header", |record| cut(&mut record.header, 1)),
        bad(one, "record format named", "trailing-bytes", |record| put(&mut record.header, 1, 2)),
        bad(one, "unknown format", "unknown-format", |record| put(&mut record.header, 1, 99)),
    ]
}

/// What only a mistaken writer seals.
fn malformed() -> Vec<Headed> {
    let stored: &[RecordHeader<'_>] = &[(SEALED, Some(b"")), (SEALED, Some(b""))];
    let field = |index: u32, length: i32| [index.to_be_bytes(), length.to_be_bytes()].concat();
    let cases: [Case<'_>; 8] = [
        ("plaintext without a count", Some(b""), vec![0, 0, 0]),
        ("fewer sealed headers than counted", Some(b""), [vec![0, 0, 0, 2], field(0, -1)].concat()),
        ("index behind the headers", Some(b""), [vec![0, 0, 0, 1], field(2, -1)].concat()),
        ("index twice", Some(b""), [vec![0, 0, 0, 2], field(1, -1), field(1, -1)].concat()),
        ("indices that descend", Some(b""), [vec![0, 0, 0, 2], field(1, -1), field(0, -1)].concat()),
        ("length below -1", Some(b""), [vec![0, 0, 0, 1], field(0, -2)].concat()),
        ("length beyond the end", Some(b""), [vec![0, 0, 0, 1], field(0, 1)].concat()),
        ("bytes left over where the value is null", None, [vec![0, 0, 0, 1], field(0, -1), vec![7]].concat()),
    ];
    let seal = |(name, value, plaintext): Case<'_>| {
        let mut record = sealed_as_it_is(stored, value.is_some(), &plaintext);
        name.clone_into(&mut record.name);
        record
    };
    cases.into_iter().map(seal).collect()
}

/// A record whose plaintext is any bytes.
fn sealed_as_it_is(stored: &[RecordHeader<'_>], has_value: bool, plaintext: &[u8]) -> Headed {
    let sent: Sent<'_> = (None, has_value.then_some(b""), stored);
    let good = headed(&mut HeadersSealer::with_salt(&data_key(), None, run(0x08)), "", sent);
    Headed { error: Some("sealed-headers".to_owned()), ..with_plaintext(good, plaintext) }
}

/// The record with other bytes sealed.
pub(super) fn with_plaintext(mut good: Headed, plaintext: &[u8]) -> Headed {
    let mut bytes = hex::decode(&good.header).unwrap();
    let envelope = EnvelopeHeader::parse(&bytes).unwrap();
    let nonce = envelope.nonce_range().clone();
    let header_len = envelope.bytes().len();
    let (mut key, _) = SealingKey::derive(&dek(DEK), envelope.salt(), envelope.format()).unwrap();
    let associated = hex::decode(&good.expected.as_ref().unwrap().aad).unwrap();
    let mut message = plaintext.to_vec();
    let (used, tag) = key.seal(&associated, &mut message).unwrap();
    message.extend_from_slice(&tag);
    bytes.truncate(header_len);
    bytes[nonce].copy_from_slice(&used);
    if good.value.is_some() {
        good.value = Some(hex::encode(message));
    } else {
        bytes.extend_from_slice(&message);
    }
    good.header = hex::encode(bytes);
    Headed { expected: None, ..good }
}

fn headed(sealer: &mut HeadersSealer, name: &str, (key, value, sent): Sent<'_>) -> Headed {
    let (record, _) = seal(sealer, name, (key, value, sent));
    Headed { record_key: key.map(hex::encode), ..record }
}

/// Seals a record, and gives it without its key, and the pseudonym of that.
pub(super) fn seal(
    sealer: &mut HeadersSealer,
    name: &str,
    (key, value, sent): Sent<'_>,
) -> (Headed, Vec<u8>) {
    let headers = sent.iter().map(|header| (*header, header.0 == SEALED));
    let plain = PlainRecord { topic: TOPIC, key, timestamp: TIMESTAMP, value, headers: headers.clone() };
    let (mut header, mut sealed, mut pseudonym) = (Vec::new(), Vec::new(), Vec::new());
    let mut parts = SealedParts { header: &mut header, value: &mut sealed, pseudonym: &mut pseudonym };
    sealer.seal(&plain, &mut parts).unwrap();
    let envelope = EnvelopeHeader::parse(&header).unwrap();
    let empty: &[u8] = b"";
    let stored: Vec<RecordHeader<'_>> =
        headers.map(|((name, value), sealed)| (name, if sealed { Some(empty) } else { value })).collect();
    let has_pseudonym = envelope.format() == Format::Pseudonyms;
    let stored_key = if has_pseudonym { key.map(|_| &*pseudonym) } else { key };
    let mut associated = Vec::new();
    let (nonce, place) = (envelope.nonce_range(), (TOPIC, stored_key));
    aad::record_with_headers(&mut associated, envelope.bytes(), nonce, place, stored.iter().copied())
        .unwrap();
    let mut plaintext = Vec::new();
    if has_pseudonym {
        plaintext.extend(key.map_or(-1, |key| i32::try_from(key.len()).unwrap()).to_be_bytes());
        plaintext.extend(key.unwrap_or_default());
    }
    let count = sent.iter().filter(|header| header.0 == SEALED).count();
    plaintext.extend(u32::try_from(count).unwrap().to_be_bytes());
    for (index, (_, value)) in sent.iter().enumerate().filter(|(_, header)| header.0 == SEALED) {
        plaintext.extend(u32::try_from(index).unwrap().to_be_bytes());
        plaintext.extend(value.map_or(-1, |value| i32::try_from(value.len()).unwrap()).to_be_bytes());
        plaintext.extend(value.unwrap_or_default());
    }
    plaintext.extend(value.unwrap_or_default());
    let hexed = |headers: &[RecordHeader<'_>]| {
        headers.iter().map(|(name, value)| (hex::encode(name), value.map(hex::encode))).collect()
    };
    let record = Headed {
        name: name.to_owned(),
        error: None,
        dek: hex::encode(run::<32>(DEK)),
        topic: TOPIC.to_owned(),
        record_key: None,
        timestamp: Some(TIMESTAMP),
        header: hex::encode(&header),
        headers: hexed(&stored),
        value: value.map(|_| hex::encode(&sealed)),
        expected: Some(HeadedExpected {
            header: expect_header(&envelope),
            timestamp: TIMESTAMP,
            place: if value.is_some() { 1 } else { 2 },
            aad: hex::encode(associated),
            plaintext: hex::encode(plaintext),
            headers: hexed(sent),
            value: value.map(hex::encode),
        }),
    };
    (record, pseudonym)
}
