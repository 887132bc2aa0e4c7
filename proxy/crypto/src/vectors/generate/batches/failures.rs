//! Batches that must not open.

use super::super::{OTHER_DEK, cut, flip, put, run};
use crate::envelope::EnvelopeHeader;
use crate::vectors::shape::Batch;

fn bad(good: &Batch, name: &str, error: &str, change: impl FnOnce(&mut Batch)) -> Batch {
    let mut batch =
        Batch { name: name.to_owned(), error: Some(error.to_owned()), expected: None, ..good.clone() };
    change(&mut batch);
    batch
}

/// As they are, but elsewhere.
pub(super) fn moved(good: &Batch) -> Vec<Batch> {
    let bad = |name: &str, change: fn(&mut Batch)| bad(good, name, "tag", change);
    vec![
        bad("moved to another topic", |batch| {
            "refunds".clone_into(&mut batch.topic);
        }),
        bad("moved to another partition", |batch| batch.partition += 1),
        bad("another producer id", |batch| batch.producer_id += 1),
        bad("another producer epoch", |batch| batch.producer_epoch += 1),
        bad("another sequence", |batch| batch.base_sequence += 1),
        bad("another last offset delta", |batch| batch.last_offset_delta += 1),
    ]
}

/// In their place, with a change that only the key reveals.
pub(super) fn altered(good: &Batch) -> Vec<Batch> {
    let header = hex::decode(&good.header).unwrap();
    let nonce = EnvelopeHeader::parse(&header).unwrap().nonce_range().clone();
    let in_header = |name: &str, error: &str, at| bad(good, name, error, |batch| flip(&mut batch.header, at));
    vec![
        bad(good, "flipped bit of the tag", "tag", |batch| {
            flip(&mut batch.sealed, 115);
        }),
        bad(good, "flipped bit of the ciphertext", "tag", |batch| {
            flip(&mut batch.sealed, 0);
        }),
        bad(good, "ciphertext one byte short", "tag", |batch| {
            cut(&mut batch.sealed, 1);
        }),
        bad(good, "ciphertext shorter than a tag", "truncated-ciphertext", |batch| {
            cut(&mut batch.sealed, 101);
        }),
        in_header("flipped bit of the nonce", "tag", nonce.start),
        in_header("changed record count", "tag", nonce.end + 5),
        in_header("flipped bit of the commitment", "commitment", nonce.start - 1),
        in_header("flipped bit of the salt", "commitment", nonce.start - 17),
        bad(good, "other nonce mode than sealed", "tag", |batch| {
            put(&mut batch.header, 3, 2);
        }),
        bad(good, "another data key", "commitment", |batch| {
            batch.dek = hex::encode(run::<32>(OTHER_DEK));
        }),
    ]
}

/// With a header that no reader takes.
pub(super) fn unreadable(good: &Batch) -> Vec<Batch> {
    let bad = |name: &str, error: &str, change: fn(&mut String)| {
        bad(good, name, error, |batch| change(&mut batch.header))
    };
    vec![
        bad("header one byte short", "truncated-header", |header| {
            cut(header, 1);
        }),
        bad("empty header", "truncated-header", String::clear),
        bad("header one byte too long", "trailing-bytes", |header| {
            header.push_str("00");
        }),
        bad("unknown version", "unknown-version", |header| put(header, 0, 2)),
        bad("unknown format", "unknown-format", |header| put(header, 1, 4)),
        bad("unknown algorithm", "unknown-algorithm", |header| {
            put(header, 2, 2);
        }),
        bad("unknown nonce mode", "unknown-nonce-mode", |header| {
            put(header, 3, 3);
        }),
        // Length 0 in place of 7; the name's bytes go.
        bad("empty provider name", "name", |header| {
            header.replace_range(2 * 4..2 * 12, "00");
        }),
        bad("blank in the key name", "name", |header| put(header, 13, b' ')),
        bad("marker in place of an envelope", "marker", |header| {
            "0103".clone_into(header);
        }),
    ]
}
