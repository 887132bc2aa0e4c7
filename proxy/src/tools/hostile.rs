//! Entries as an enemy would store them: whatever they are, every tool ends, says something or nothing, and takes no memory
//! by their word.

use super::content::{Content, Damage, Run};
use super::look::Looker;
use super::opening::Opening;
use super::{Piece, PieceKind, Versions};
use crate::client::Place;
use bytes::Bytes;
use proptest::prelude::*;
use proxy_crypto::{ClusterName, EnvelopeHeader, KeyLimits, Keys};
use proxy_records::{Attributes, BatchHeader, Codec, Codecs, ENVELOPE_HEADER_NAME, Record, write_record};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Arc;

fn piece(kind: PieceKind, bytes: impl Into<Bytes>) -> Piece {
    Piece { place: Arc::new(Place { topic: "payments.eu".into(), partition: 5 }), kind, bytes: bytes.into() }
}

fn look(piece: &Piece) -> Vec<Run> {
    let mut runs = Vec::new();
    Looker::new(Versions::Guessed, true).look(piece, |run| runs.push(run));
    runs
}

/// Opens without any key; counts what came and what did not.
fn open(piece: &Piece) -> (usize, usize) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let keys = Keys::new(&ClusterName::new("c").unwrap(), HashMap::new(), KeyLimits::default());
        let (mut opened, mut unopened) = (0, 0);
        let each = |record: super::opening::Opened<'_>| {
            match record {
                Ok(_) => opened += 1,
                Err(_) => unopened += 1,
            }
            Ok::<(), std::convert::Infallible>(())
        };
        Opening::new(Arc::new(keys), None).open(piece, each).await.unwrap();
        (opened, unopened)
    })
}

/// Envelope headers of the published vectors, with the ciphertext that belongs to them.
fn vectors(list: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
    let vectors: Value = serde_json::from_str(include_str!("../../crypto/vectors/v1.json")).unwrap();
    let bytes = |value: &Value| {
        let hex = value.as_str().unwrap();
        (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
            .collect::<Vec<u8>>()
    };
    let all = vectors[list].as_array().unwrap().iter();
    all.map(|vector| (bytes(&vector["header"]), bytes(&vector["sealed"]))).collect()
}

/// Key, value, the value of a header.
pub(crate) type Parts<'a> = (Option<&'a [u8]>, Option<&'a [u8]>, Option<&'a [u8]>);

/// The headers are envelopes.
pub(crate) fn batch(codec: Codec, records: &[Parts<'_>]) -> Vec<u8> {
    batch_with(ENVELOPE_HEADER_NAME, codec, records)
}

fn batch_with(header_name: &str, codec: Codec, records: &[Parts<'_>]) -> Vec<u8> {
    let mut section = Vec::new();
    for (delta, (key, value, header)) in (0..).zip(records) {
        let record = Record {
            attributes: 0,
            timestamp_delta: 0,
            offset_delta: delta,
            key: *key,
            value: *value,
            headers: proxy_records::Headers::NONE,
        };
        let first = header.map(|value| (header_name.as_bytes(), Some(value)));
        write_record(&record, first, &mut section).unwrap();
    }
    let mut compressed = Vec::new();
    Codecs::new(1 << 24).compress(codec, &section, &mut compressed).unwrap();
    let count = i32::try_from(records.len()).unwrap();
    let mut header = BatchHeader {
        base_offset: 100,
        length: 0,
        leader_epoch: 0,
        crc: 0,
        attributes: Attributes(0).with_codec(codec),
        last_offset_delta: count - 1,
        base_timestamp: 0,
        max_timestamp: 0,
        producer_id: -1,
        producer_epoch: -1,
        base_sequence: -1,
        record_count: count,
    };
    let mut batch = header.complete(&[&compressed]).to_vec();
    batch.extend(compressed);
    batch
}

/// Batches of all kinds, sound as far as can be told without keys.
fn samples() -> Vec<Vec<u8>> {
    let mut samples = Vec::new();
    for codec in [Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd] {
        samples.push(batch(codec, &[(Some(b"k"), Some(b"v"), None), (Some(b"k"), None, None)]));
        for (header, sealed) in vectors("records").iter().take(3) {
            samples.push(batch(codec, &[(None, Some(b"v"), None), (Some(b"k"), Some(sealed), Some(header))]));
        }
        for (header, sealed) in vectors("batches").iter().take(3) {
            let salt = EnvelopeHeader::parse(header).map_or([0; 32], |envelope| *envelope.salt());
            let unique = &salt[..16];
            samples.push(batch(codec, &[(Some(unique), Some(sealed), Some(header)), (None, None, None)]));
        }
    }
    samples
}

#[test]
fn contents_are_told_apart() {
    let clear = look(&piece(
        PieceKind::Batch,
        batch(Codec::Zstd, &[(Some(b"k"), Some(b"v"), None), (Some(b"k"), None, None)]),
    ));
    assert_eq!(clear.iter().map(|run| &run.content).collect::<Vec<_>>(), [&Content::Clear, &Content::Null]);
    let (header, sealed) = &vectors("records")[0];
    let mixed = look(&piece(
        PieceKind::Batch,
        batch(Codec::None, &[(Some(b"k"), Some(sealed), Some(header)), (None, Some(b"v"), None)]),
    ));
    assert!(
        matches!(&mixed[0].content, Content::Sealed(protection) if &*protection.key == "payments"),
        "{mixed:?}"
    );
    assert_eq!((mixed[1].first, &mixed[1].content), (101, &Content::Clear));
}

#[test]
fn headers_alone_are_in_clear_unless_a_key_says_what_is_deleted() {
    let records: [Parts<'_>; 2] = [(None, None, Some(b"secret")), (Some(b"k"), None, Some(b"secret"))];
    let runs = look(&piece(PieceKind::Batch, batch_with("client", Codec::Zstd, &records)));
    assert_eq!(runs.iter().map(|run| &run.content).collect::<Vec<_>>(), [&Content::Clear, &Content::Null]);
}

#[test]
fn a_bent_checksum_is_told_and_nothing_is_opened() {
    let mut bent = batch(Codec::None, &[(Some(b"k"), Some(b"v"), None)]);
    *bent.last_mut().unwrap() ^= 1;
    let piece = piece(PieceKind::Batch, bent);
    assert_eq!(look(&piece)[0].content, Content::Damaged(Damage::Checksum));
    assert_eq!(open(&piece), (0, 1));
}

#[test]
fn a_stub_without_its_envelope_is_damage_and_no_null_record() {
    for codec in [Codec::None, Codec::Lz4] {
        let orphans = piece(PieceKind::Batch, batch(codec, &[(None, None, None), (Some(b"k"), None, None)]));
        assert_eq!(look(&orphans)[0].content, Content::Damaged(Damage::Stub));
        assert_eq!(open(&orphans), (1, 1));
    }
}

/// What is said of each record that opens: in clear, and unsealed as record format has it.
fn clarity(piece: &Piece) -> Vec<(bool, bool)> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let keys = Keys::new(&ClusterName::new("c").unwrap(), HashMap::new(), KeyLimits::default());
        let mut all = Vec::new();
        let each = |record: super::opening::Opened<'_>| {
            all.extend(record.map(|record| (record.clear, record.unsealed)));
            Ok::<(), std::convert::Infallible>(())
        };
        Opening::new(Arc::new(keys), None).open(piece, each).await.unwrap();
        all
    })
}

#[test]
fn markers_and_tombstones_beside_them_are_told_from_what_is_sealed() {
    let records: [Parts<'_>; 3] =
        [(None, None, Some(&[1, 3])), (Some(b"k"), None, None), (Some(b"k"), Some(b"v"), None)];
    let marked = piece(PieceKind::Batch, batch(Codec::None, &records));
    assert_eq!(clarity(&marked), [(false, true), (false, true), (true, false)]);
    let deleted = piece(PieceKind::Batch, batch(Codec::None, &records[1..2]));
    assert_eq!(clarity(&deleted), [(true, true)]);
}

#[test]
fn a_marker_beside_a_value_is_damage_and_no_null_record() {
    let marker: Option<&[u8]> = Some(&[1, 3]);
    let records: [Parts<'_>; 2] = [(None, Some(b"clear"), marker), (None, None, marker)];
    let stored = piece(PieceKind::Batch, batch(Codec::None, &records));
    let contents: Vec<_> = look(&stored).into_iter().map(|run| run.content).collect();
    assert_eq!(contents, [Content::Damaged(Damage::Envelope), Content::Null]);
    assert_eq!(open(&stored), (1, 1));
}

const CONTROL: i16 = 0x20;

#[test]
fn records_that_a_batch_does_not_count_are_damage() {
    let with_count = |attributes: i16, count: i32, section: bool| {
        let mut bytes = batch(Codec::None, &[(Some(b"k"), Some(b"v"), None)]);
        bytes.truncate(if section { bytes.len() } else { 61 });
        let mut header = BatchHeader::parse(&bytes).unwrap();
        (header.attributes, header.record_count) = (Attributes(attributes), count);
        let section = bytes.split_off(61);
        piece(PieceKind::Batch, [&header.complete(&[&section])[..], &section].concat())
    };
    for (attributes, count, section) in
        [(0, 0, true), (0, -1, true), (0, -1, false), (CONTROL, 0, true), (CONTROL, -1, true)]
    {
        let piece = with_count(attributes, count, section);
        assert_eq!(look(&piece)[0].content, Content::Damaged(Damage::Malformed), "{attributes} {count}");
        assert_eq!(open(&piece), (0, 1), "{attributes} {count}");
    }
    assert_eq!(look(&with_count(0, 0, false)), [], "compaction left the header alone");
    assert_eq!(look(&with_count(CONTROL, 1, true))[0].content, Content::Control);
    for sound in [with_count(0, 0, false), with_count(CONTROL, 1, true)] {
        assert_eq!(open(&sound), (0, 0));
    }
}

/// The checksum is made right again, so that what is behind it is reached.
fn repaired(mut batch: Vec<u8>) -> Vec<u8> {
    if let Ok(mut header) = BatchHeader::parse(&batch) {
        let section = batch.split_off(61);
        batch = header.complete(&[&section]).to_vec();
        batch.extend(section);
    }
    batch
}

#[test]
fn no_bent_or_cut_batch_panics() {
    for sample in samples() {
        look(&piece(PieceKind::Batch, sample.clone()));
        for at in 0..sample.len() {
            for bit in [0x01, 0x80] {
                let mut bent = sample.clone();
                bent[at] ^= bit;
                look(&piece(PieceKind::Batch, repaired(bent)));
            }
            look(&piece(PieceKind::Batch, repaired(sample[..at].to_vec())));
        }
    }
}

#[test]
fn no_bent_batch_makes_opening_panic_or_hand_out_what_is_sealed() {
    for sample in samples() {
        for at in (0..sample.len()).step_by(7) {
            let mut bent = sample.clone();
            bent[at] ^= 0x10;
            open(&piece(PieceKind::Batch, repaired(bent)));
        }
    }
    for (header, sealed) in vectors("records") {
        let sealed =
            piece(PieceKind::Batch, batch(Codec::None, &[(Some(b"k"), Some(&sealed), Some(&header))]));
        assert_eq!(open(&sealed), (0, 1));
    }
}

proptest! {
    #[test]
    fn any_bytes_are_looked_at_and_opened(bytes in prop::collection::vec(any::<u8>(), 0..400), is_old: bool) {
        let kind = if is_old { PieceKind::OldMessage } else { PieceKind::Batch };
        let piece = piece(kind, repaired(bytes));
        look(&piece);
        open(&piece);
    }
}
