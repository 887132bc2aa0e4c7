//! Records with a pseudonym in the place of their key.

use super::headers::{SEALED, Sent, TIMESTAMP, TOPIC, bad, seal, with_plaintext};
use super::{OTHER_DEK, cut, data_key, dek, flip, long, put, run};
use crate::name::ClusterName;
use crate::pseudonyms::Pseudonyms;
use crate::seal::{HeadersSealer, RecordHeader};
use crate::vectors::shape::{Headed, KeyedExpected, Pseudonym};

type Keyed = Headed<KeyedExpected>;
/// A name, the error, the key, and the plaintext.
type Case<'a> = (&'a str, &'a str, Option<&'a [u8]>, Vec<u8>);

const CLUSTER: &str = "my-cluster";
const PSEUDONYM_KEY: u8 = 0xc0;

fn derive(key: u8, cluster: &str, topic: &str) -> Pseudonyms {
    Pseudonyms::derive(&dek(key), &ClusterName::new(cluster).unwrap(), topic).unwrap()
}

pub(super) fn pseudonyms() -> Vec<Pseudonym> {
    let made = |name: &str, key: u8, (cluster, topic): (&str, &str), record_key: &[u8]| {
        let pseudonyms = derive(key, cluster, topic);
        let mut pseudonym = Vec::new();
        pseudonyms.start().write(record_key, &mut pseudonym).unwrap();
        Pseudonym {
            name: name.to_owned(),
            pseudonym_key: hex::encode(run::<32>(key)),
            cluster: cluster.to_owned(),
            topic: topic.to_owned(),
            siv_key: hex::encode(pseudonyms.expose()),
            record_key: hex::encode(record_key),
            pseudonym: hex::encode(pseudonym),
        }
    };
    let here = (CLUSTER, TOPIC);
    vec![
        made("a key", PSEUDONYM_KEY, here, b"customer-1"),
        made("an empty key", PSEUDONYM_KEY, here, b""),
        made("a key one byte shorter than a block", PSEUDONYM_KEY, here, &long(0x61, 15)),
        made("a key of one block", PSEUDONYM_KEY, here, &long(0x61, 16)),
        made("a key of some blocks", PSEUDONYM_KEY, here, &long(0x61, 100)),
        made("the first key in another topic", PSEUDONYM_KEY, (CLUSTER, "payments.us"), b"customer-1"),
        made("the first key in another cluster", PSEUDONYM_KEY, ("other-cluster", TOPIC), b"customer-1"),
        made("the first key with another pseudonym key", OTHER_DEK, here, b"customer-1"),
    ]
}

pub(super) fn records() -> Vec<Keyed> {
    let mut sealer = sealer(0x09);
    let mut record = |name: &str, sent: Sent<'_>| keyed(&mut sealer, name, sent);
    let secret: RecordHeader<'_> = (SEALED, Some(b"Ada Lovelace"));
    let clear: RecordHeader<'_> = (b"trace", Some(b"01-ab"));
    let key: Option<&[u8]> = Some(b"customer-1");
    let value: Option<&[u8]> = Some(b"first value");
    let long_key = long(0x61, 300);
    let one = record("key and value", (key, value, &[]));
    let headers = record("a sealed header and another", (key, value, &[clear, secret]));
    let empty = record("empty key and empty value", (Some(b""), Some(b""), &[]));
    let long_one = record("long key", (Some(&long_key), value, &[clear]));
    let keyless = record("null key", (None, value, &[]));
    let tombstone = record("null value", (key, None, &[]));
    let tombstone_headers = record("null value with a sealed header", (key, None, &[secret, clear]));
    let null = record("null key and null value with a sealed header", (None, None, &[secret]));
    let mut broker_time = record("timestamp of the broker", (key, value, &[]));
    broker_time.timestamp = None;
    let mut all = vec![one.clone(), headers.clone(), empty, long_one, keyless.clone(), tombstone.clone()];
    all.extend([tombstone_headers, null, broker_time]);
    all.extend(elsewhere(&one, &keyless));
    all.extend(altered(&one, &headers, &tombstone));
    all.extend(malformed());
    all
}

fn elsewhere(one: &Keyed, keyless: &Keyed) -> Vec<Keyed> {
    vec![
        bad(one, "the clear key in place of its pseudonym", "tag", |record| {
            record.record_key = Some(hex::encode("customer-1"));
        }),
        bad(one, "flipped bit of the pseudonym", "tag", |record| {
            flip(record.record_key.as_mut().unwrap(), 3);
        }),
        bad(one, "pseudonym removed", "tag", |record| record.record_key = None),
        bad(keyless, "pseudonym added", "tag", |record| record.record_key.clone_from(&one.record_key)),
        bad(one, "moved to another topic", "tag", |record| "payments.us".clone_into(&mut record.topic)),
        bad(one, "another timestamp", "timestamp", |record| record.timestamp = Some(TIMESTAMP + 1)),
        bad(one, "another data key", "commitment", |record| record.dek = hex::encode(run::<32>(OTHER_DEK))),
    ]
}

fn altered(one: &Keyed, headers: &Keyed, tombstone: &Keyed) -> Vec<Keyed> {
    let value_bytes = one.value.as_ref().unwrap().len() / 2;
    let place = one.header.len() / 2 - 1;
    vec![
        bad(one, "flipped bit of the ciphertext", "tag", |record| flip(record.value.as_mut().unwrap(), 0)),
        bad(one, "ciphertext shorter than a tag", "truncated-ciphertext", |record| {
            cut(record.value.as_mut().unwrap(), value_bytes - 15);
        }),
        bad(headers, "clear header changed", "tag", |record| {
            record.headers[0].1 = Some(hex::encode("01-ac"));
        }),
        bad(one, "value removed", "place", |record| record.value = None),
        bad(tombstone, "value added", "place", |record| record.value = Some(String::new())),
        bad(tombstone, "flipped bit behind the envelope header", "tag", |record| {
            flip(&mut record.header, place + 1);
        }),
        bad(tombstone, "nothing behind the envelope header", "truncated-ciphertext", |record| {
            record.header.truncate(2 * (place + 1));
        }),
        bad(one, "unknown place", "unknown-place", |record| put(&mut record.header, place, 3)),
        bad(one, "bytes behind the envelope header", "trailing-bytes", |record| record.header.push_str("00")),
        bad(one, "header one byte short", "truncated-header", |record| cut(&mut record.header, 1)),
        bad(one, "format 5 named", "commitment", |record| put(&mut record.header, 1, 5)),
    ]
}

/// What only a mistaken writer seals.
fn malformed() -> Vec<Keyed> {
    let key: Option<&[u8]> = Some(b"key");
    let sealed = |length: i32, key: &[u8], rest: &[u8]| [&length.to_be_bytes(), key, rest].concat();
    let none: &[u8] = &[0; 4];
    let cases: [Case<'_>; 9] = [
        ("plaintext without a length of the key", "record-key", key, vec![0, 0, 0]),
        ("length of the key below -1", "record-key", key, sealed(-2, b"key", none)),
        ("length of the key beyond the end", "record-key", key, sealed(8, b"key", none)),
        ("null sealed with a pseudonym", "record-key", key, sealed(-1, b"", none)),
        ("key sealed where none is stored", "record-key", None, sealed(3, b"key", none)),
        ("key one byte longer than that of the pseudonym", "record-key", key, sealed(4, b"keys", none)),
        ("key one byte shorter than that of the pseudonym", "record-key", key, sealed(2, b"ke", none)),
        ("no count of headers behind the key", "sealed-headers", key, sealed(3, b"key", &[0; 3])),
        ("index behind the headers", "sealed-headers", None, sealed(-1, b"", &[0, 0, 0, 1, 0, 0, 0, 0])),
    ];
    let seal = |(name, error, key, plaintext): Case<'_>| {
        let (good, pseudonym) = seal(&mut sealer(0x0a), name, (key, Some(b""), &[]));
        let record = keyed_of(with_plaintext(good, &plaintext), key.map(|_| pseudonym), key);
        Headed { error: Some(error.to_owned()), ..record }
    };
    cases.into_iter().map(seal).collect()
}

fn sealer(salt: u8) -> HeadersSealer {
    HeadersSealer::with_salt(&data_key(), Some(&derive(PSEUDONYM_KEY, CLUSTER, TOPIC)), run(salt))
}

fn keyed(sealer: &mut HeadersSealer, name: &str, sent: Sent<'_>) -> Keyed {
    let (record, pseudonym) = seal(sealer, name, sent);
    keyed_of(record, sent.0.map(|_| pseudonym), sent.0)
}

/// The record with its pseudonym and its key.
fn keyed_of(record: Headed, pseudonym: Option<Vec<u8>>, key: Option<&[u8]>) -> Keyed {
    let Headed { name, error, dek, topic, timestamp, header, headers, value, expected, .. } = record;
    let record_key = pseudonym.map(hex::encode);
    let expected = expected.map(|rest| KeyedExpected { record_key: key.map(hex::encode), rest });
    Headed { name, error, dek, topic, record_key, timestamp, header, headers, value, expected }
}
