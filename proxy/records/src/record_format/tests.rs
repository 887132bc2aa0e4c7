mod foreign;
mod keys;
mod unreadable;

use proptest::prelude::*;

use super::*;
use crate::broker::Handling;
use crate::sample::{
    CAP, SampleBatch, SampleRecord, TOY_HEADER, TOY_SEALED, Toy, decompressed, toy_pseudonym,
};
use crate::{
    BatchHeader, Codec, ENVELOPE_HEADER_NAME, Recognised, Scratch, Section, arbitrary, crc_matches,
    find_record, recognise, validate_produced,
};

fn seal(batch: &[u8]) -> Vec<u8> {
    let mut scratch = Scratch::new(CAP);
    let produced = validate_produced(batch, &mut scratch).unwrap();
    let mut out = b"before".to_vec();
    seal_records(&produced, batch, &mut scratch, &mut Toy::default(), CAP, &mut out).unwrap();
    let stored = out.split_off(6);
    assert!(crc_matches(&stored));
    stored
}

fn open(stored: &[u8]) -> (OpenedStats, Vec<u8>) {
    let mut scratch = Scratch::new(CAP);
    let section = match recognise(stored, &mut scratch).unwrap() {
        Recognised::Records(section) => section,
        Recognised::Clear { .. } => Section::Batch,
        other => panic!("{other:?}"),
    };
    let mut out = b"before".to_vec();
    let stats = open_records(stored, section, &mut scratch, &mut Toy::default(), &mut out).unwrap();
    (stats, out.split_off(6))
}

fn ours(value: &[u8]) -> (Vec<u8>, Option<Vec<u8>>) {
    (ENVELOPE_HEADER_NAME.as_bytes().to_vec(), Some(value.to_vec()))
}

fn record(key: Option<&str>, value: Option<&str>) -> SampleRecord {
    let bytes = |text: &str| text.as_bytes().to_vec();
    SampleRecord { key: key.map(bytes), value: value.map(bytes), ..SampleRecord::default() }
}

fn failure(records: Vec<SampleRecord>) -> Option<OpenRecordsError<crate::sample::Refused>> {
    let batch = SampleBatch::new(records).build(Codec::Zstd);
    let mut out = b"before".to_vec();
    let result = open_records(&batch, Section::Batch, &mut Scratch::new(CAP), &mut Toy::default(), &mut out);
    assert!(result.is_ok() || out == b"before");
    result.err()
}

fn seal_with_headers(batch: &[u8]) -> Vec<u8> {
    seal_with(Toy::default(), batch)
}

fn seal_with(mut toy: Toy, batch: &[u8]) -> Vec<u8> {
    let mut scratch = Scratch::new(CAP);
    let produced = validate_produced(batch, &mut scratch).unwrap();
    let mut out = b"before".to_vec();
    seal_records_with_headers(&produced, batch, &mut scratch, &mut toy, CAP, &mut out).unwrap();
    let stored = out.split_off(6);
    assert!(crc_matches(&stored));
    stored
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    /// Conformance: P17-10, TE-B01.
    #[test]
    fn records_come_back_with_their_sealed_headers_as_without_encryption(
        batch in arbitrary::batch(),
        codec in arbitrary::codec(),
        handling in arbitrary::handling(),
    ) {
        let sent = batch.build(codec);
        let (stats, received) = open(&handling.store(&seal_with_headers(&sent), |_| false));
        let mut expected = SampleBatch::parse(&handling.store(&sent, |_| false));
        let received = SampleBatch::parse(&received);
        expected.header = received.header;
        prop_assert_eq!(&received, &expected);
        let is_sealed = |record: &SampleRecord| {
            record.value.is_some()
                || record.key.is_none()
                || record.headers.iter().any(|(name, _)| name.starts_with(TOY_SEALED))
        };
        let sealed = expected.records.iter().filter(|record| is_sealed(record)).count();
        prop_assert_eq!(stats.encrypted + stats.markers, sealed);
        prop_assert_eq!(stats.clear + stats.unreadable, 0);
    }

    #[test]
    fn stored_records_have_neither_sealed_values_nor_other_names(
        batch in arbitrary::batch(),
        codec in arbitrary::codec(),
    ) {
        let stored = SampleBatch::parse(&seal_with_headers(&batch.build(codec)));
        for (sent, stored) in batch.records.iter().zip(&stored.records) {
            prop_assert_eq!(sent.value.is_none(), stored.value.is_none(), "tombstones stay tombstones");
            prop_assert_eq!(&sent.key, &stored.key);
            let added = stored.headers.len() - sent.headers.len();
            prop_assert!(added <= 1);
            for ((sent_name, sent), (name, value)) in sent.headers.iter().zip(&stored.headers[added..]) {
                prop_assert_eq!(sent_name, name);
                let expected = if name.starts_with(TOY_SEALED) { &Some(Vec::new()) } else { sent };
                prop_assert_eq!(value, expected);
            }
        }
    }

    /// Conformance: P17-10, TE-B01.
    #[test]
    fn records_come_back_as_without_encryption(
        batch in arbitrary::batch(),
        codec in arbitrary::codec(),
        handling in arbitrary::handling(),
    ) {
        let sent = batch.build(codec);
        let (stats, received) = open(&handling.store(&seal(&sent), |_| false));
        // The same broker without a proxy; only length, CRC and codec may differ.
        let expected = SampleBatch::parse(&handling.store(&sent, |_| false));
        let counted = stats.encrypted + stats.markers + stats.clear + stats.tombstones;
        prop_assert_eq!(counted, expected.records.len());
        prop_assert_eq!(stats.clear, 0);
        prop_assert!(!stats.may_be_stub);
        prop_assert_eq!(received, expected.build(Codec::None));
    }

    /// Conformance: P17-05, P17-06, P17-07, P17-08, TE-B01, TE-B02, TE-B03, TE-B04.
    #[test]
    fn header_keys_and_headers_stay(batch in arbitrary::batch(), codec in arbitrary::codec()) {
        let stored = SampleBatch::parse(&seal(&batch.build(codec)));
        let written = stored.header.attributes.codec().unwrap();
        prop_assert!(written == codec || codec == Codec::None && written == Codec::Lz4);
        let plain = BatchHeader { crc: 0, length: 0, attributes: stored.header.attributes.with_codec(Codec::None), ..stored.header };
        prop_assert_eq!(plain, batch.header);
        for (stored, sent) in stored.records.iter().zip(&batch.records) {
            let first = match (&sent.key, &sent.value) {
                (_, Some(_)) => Some(ours(TOY_HEADER)),
                (None, None) => Some(ours(&[1, 3])),
                (Some(_), None) => None,
            };
            let headers: Vec<_> = first.into_iter().chain(sent.headers.clone()).collect();
            prop_assert_eq!(&stored.headers, &headers);
            prop_assert!(stored.value != sent.value || sent.value.is_none());
            let same = SampleRecord { value: sent.value.clone(), headers: sent.headers.clone(), ..stored.clone() };
            prop_assert_eq!(&same, sent);
        }
    }
}

/// Conformance: P17-09.
#[test]
fn client_headers_of_our_name_come_back() {
    let names =
        [vec![ours(TOY_HEADER)], vec![ours(&[1, 3])], vec![ours(&[1, 1])], vec![ours(&[]), ours(&[1, 2])]];
    let contents =
        [record(Some("k"), Some("v")), record(None, Some("v")), record(Some("k"), None), record(None, None)];
    let records: Vec<_> = contents
        .iter()
        .flat_map(|record| {
            names.iter().map(|headers| SampleRecord { headers: headers.clone(), ..record.clone() })
        })
        .collect();
    let sent = SampleBatch::new(records).build(Codec::None);
    let (stats, received) = open(&seal(&sent));
    assert!(received == sent);
    assert_eq!((stats.encrypted, stats.markers, stats.unsealed_tombstones), (8, 8, 4));
}

#[test]
fn a_tombstone_with_a_later_header_like_an_envelope_is_marked() {
    for format in [1, 2, 5, 6] {
        let like_an_envelope = [&[1, format][..], &[0; 62]].concat();
        let headers = vec![(b"trace".to_vec(), None), ours(&like_an_envelope)];
        let tombstone = SampleRecord { headers, ..record(Some("k"), None) };
        let sent = SampleBatch::new(vec![tombstone]).build(Codec::None);
        let (stats, received) = open(&seal(&sent));
        assert!(received == sent, "format {format}");
        assert_eq!((stats.markers, stats.tombstones), (1, 0), "format {format}");
    }
}

#[test]
fn scratch_of_another_batch_is_not_taken_for_this_one() {
    let (one, two) =
        (SampleBatch::text(20, 30).build(Codec::Zstd), SampleBatch::text(9, 99).build(Codec::Lz4));
    let mut scratch = Scratch::new(CAP);
    let produced = validate_produced(&one, &mut scratch).unwrap();
    validate_produced(&two, &mut scratch).unwrap();
    let mut out = Vec::new();
    seal_records(&produced, &one, &mut scratch, &mut Toy::default(), CAP, &mut out).unwrap();
    assert!(out == seal(&one));

    let mut other = Scratch::new(CAP);
    validate_produced(&two, &mut other).unwrap();
    out.clear();
    seal_records(&produced, &one, &mut other, &mut Toy::default(), CAP, &mut out).unwrap();
    assert!(out == seal(&one));
}

#[test]
fn uncompressed_batch_becomes_lz4_where_that_is_smaller() {
    let codec_of = |batch: &SampleBatch| {
        BatchHeader::parse(&seal(&batch.build(Codec::None))).unwrap().attributes.codec().unwrap()
    };
    assert_eq!(codec_of(&SampleBatch::text(100, 20)), Codec::Lz4);
    assert_eq!(codec_of(&SampleBatch::text(1, 2000)), Codec::None);
    let null = || SampleBatch::new(vec![record(Some("a"), None), record(Some("b"), None)]);
    assert_eq!(codec_of(&null()), Codec::None);
}

#[test]
fn clear_records_and_tombstones_are_counted() {
    let mut sealed = SampleBatch::parse(&seal(&SampleBatch::text(3, 20).build(Codec::None)));
    let added = [record(None, Some("clear")), record(Some("tombstone"), None), record(None, None)];
    sealed.records.extend(added.clone());
    let marked = [record(None, None), record(Some("deleted"), None)];
    let mark = |record: &SampleRecord| SampleRecord { headers: vec![ours(&[1, 3])], ..record.clone() };
    sealed.records.extend(marked.iter().map(mark));
    let mixed =
        SampleBatch { header: SampleBatch::new(sealed.records.clone()).header, records: sealed.records };
    let (stats, received) = open(&mixed.build(Codec::Gzip));
    let (encrypted, markers, clear, tombstones) = (3, 2, 2, 1);
    let counted = OpenedStats {
        encrypted,
        markers,
        clear,
        tombstones,
        unsealed_tombstones: 2,
        may_be_stub: true,
        ..OpenedStats::default()
    };
    assert_eq!(stats, counted);
    assert_eq!(SampleBatch::parse(&received).records[3..], [&added[..], &marked].concat());
}

#[test]
fn contradictions_are_errors() {
    let with =
        |value: &[u8], record: SampleRecord| vec![SampleRecord { headers: vec![ours(value)], ..record }];
    let valued = || record(None, Some("value"));
    assert_eq!(failure(with(&[1, 1, 0], valued())), Some(OpenRecordsError::MisplacedEnvelope));
    assert_eq!(failure(with(&[1, 3], valued())), Some(OpenRecordsError::UnknownEnvelope));
    assert_eq!(failure(with(&[1, 9], valued())), Some(OpenRecordsError::UnknownEnvelope));
    assert_eq!(failure(with(&[1, 2], record(None, None))), Some(OpenRecordsError::UnknownEnvelope));
    assert_eq!(failure(with(TOY_HEADER, valued())), Some(OpenRecordsError::Opener(crate::sample::Refused)));
    assert_eq!(failure(with(&[1, 3], record(None, None))), None);
}

#[test]
fn damaged_batch_is_not_given_a_new_crc() {
    let mut stored = seal(&SampleBatch::text(1, 50).build(Codec::None));
    *stored.last_mut().unwrap() ^= 1;
    let mut out = Vec::new();
    let result = open_records(&stored, Section::Batch, &mut Scratch::new(CAP), &mut Toy::default(), &mut out);
    assert_eq!(result, Err(OpenRecordsError::Crc));
}

#[test]
fn refusal_of_the_sealer_ends_it() {
    let batch = SampleBatch::text(3, 50).build(Codec::None);
    let mut scratch = Scratch::new(CAP);
    let produced = validate_produced(&batch, &mut scratch).unwrap();
    let mut out = Vec::new();
    let result = seal_records(
        &produced,
        &batch,
        &mut scratch,
        &mut Toy { refuse: true, ..Toy::default() },
        CAP,
        &mut out,
    );
    assert_eq!(result, Err(SealRecordsError::Sealer(crate::sample::Refused)));
    assert!(out.is_empty());
}

/// Records of a few bytes, of which millions compress to almost nothing.
#[test]
fn sealed_records_are_as_large_as_allowed_and_no_larger() {
    let batch = SampleBatch::new(vec![SampleRecord::default(); 5_000]).build(Codec::Zstd);
    assert!(batch.len() < 20_000);
    let sealed = |max: usize, scratch: &mut Scratch| {
        let produced = validate_produced(&batch, scratch).unwrap();
        let mut out = Vec::new();
        seal_records(&produced, &batch, scratch, &mut Toy::default(), max, &mut out).map(|()| out)
    };
    let mut scratch = Scratch::new(CAP);
    let whole = sealed(CAP, &mut scratch).unwrap();
    let section = decompressed(&whole).len();
    assert!(section > 10 * 5_000, "{section}");
    assert_eq!(sealed(section, &mut scratch), Ok(whole));
    for (max, mut scratch) in [(section - 1, Scratch::new(CAP)), (CAP, Scratch::new(section - 1))] {
        assert_eq!(sealed(max, &mut scratch), Err(SealRecordsError::TooLarge));
    }
    let mut scratch = Scratch::new(CAP);
    assert_eq!(sealed(40_000, &mut scratch), Err(SealRecordsError::TooLarge));
    let taken = scratch.buffers.section.capacity();
    assert!(taken <= 2 * 40_000, "{taken} bytes were taken");
}

/// Conformance: TE-B04.
#[test]
fn gaps_horizon_and_append_time_stay() {
    let sent = SampleBatch::text(10, 20).build(Codec::Lz4);
    let handling = Handling {
        base_offset: 1000,
        append_time: Some(5),
        keep: Some(vec![false, true, false]),
        delete_horizon: Some(1_800_000_000_000),
        ..Handling::default()
    };
    let received = SampleBatch::parse(&open(&handling.store(&seal(&sent), |_| false)).1);
    assert_eq!(received.header.last_offset_delta, 9);
    assert_eq!(received.records.iter().map(|record| record.offset_delta).collect::<Vec<_>>(), [1, 4, 7]);
    assert!(
        received.header.attributes.has_delete_horizon() && received.header.attributes.has_log_append_time()
    );
    assert_eq!((received.header.max_timestamp, received.header.base_timestamp), (5, 1_800_000_000_000));
}
