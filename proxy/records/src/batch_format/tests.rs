use lz4_flex::frame::FrameDecoder;
use proptest::prelude::*;

use super::*;
use crate::broker::Handling;
use crate::sample::{CAP, SampleBatch, SampleRecord, decompressed};
use crate::{
    Codec, Location, Recognised, Records, Scratch, SealedBatch, arbitrary, crc_matches, recognise,
    validate_produced,
};

const KEY: [u8; UNIQUE_KEY_LEN] = *b"unique batch key";
const TAG: [u8; TAG_LEN] = *b"authenticated!!!";
const ENVELOPE: &[u8] = b"\x01\x01 version, format, and the rest";

/// The stored batch, checked for what every one must fulfil.
fn seal(batch: &[u8]) -> Vec<u8> {
    let mut scratch = Scratch::new(CAP);
    let produced = validate_produced(batch, &mut scratch).unwrap();
    let mut surround = Surround::default();
    let len = surround.prepare(&produced, scratch.stubs(), &KEY, ENVELOPE).unwrap();
    let ciphertext: Vec<u8> = batch[BATCH_HEADER_LEN..].iter().map(|byte| byte ^ 0xa5).collect();
    surround.finish(&ciphertext, &TAG);
    let stored = [surround.prefix(), &ciphertext, surround.suffix()].concat();
    assert_eq!(stored.len(), len);
    assert!(crc_matches(&stored));
    stored
}

/// The producer's batch, from whatever a broker made of the stored one.
fn open(stored: &[u8], original: &BatchHeader) -> (SealedBatch, Vec<u8>) {
    let mut scratch = Scratch::new(CAP);
    let Ok(Recognised::Batch(sealed)) = recognise(stored, &mut scratch) else {
        panic!("envelope is not recognised");
    };
    let bytes = match sealed.location {
        Location::InPlace => stored,
        Location::Scratch => scratch.decompressed(),
    };
    assert_eq!(&bytes[sealed.envelope_header.clone()], ENVELOPE);
    assert_eq!(sealed.unique_key, KEY);
    let (ciphertext, tag) = bytes[sealed.sealed.clone()].split_last_chunk().unwrap();
    assert_eq!(*tag, TAG);
    let payload: Vec<u8> = ciphertext.iter().map(|byte| byte ^ 0xa5).collect();
    let envelope = OriginalBatch {
        attributes: original.attributes.0,
        record_count: original.record_count,
        base_timestamp: original.base_timestamp,
        max_timestamp: original.max_timestamp,
    };
    let header = restored_header(&sealed.header, &envelope, &payload);
    (sealed, [header.as_slice(), &payload].concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    /// Conformance: TE-B04.
    #[test]
    fn batch_comes_back_byte_for_byte(
        batch in arbitrary::batch(),
        codec in arbitrary::codec(),
        handling in arbitrary::handling(),
    ) {
        let sent = batch.build(codec);
        let header = BatchHeader::parse(&sent).unwrap();
        let stored = handling.store(&seal(&sent), |record| record.key.is_some());
        let (_, received) = open(&stored, &header);

        let mut expected = handling.appended(&header);
        let expected = [expected.complete(&[&sent[BATCH_HEADER_LEN..]]).as_slice(), &sent[BATCH_HEADER_LEN..]].concat();
        prop_assert_eq!(received, expected);
    }

    /// Conformance: TE-B03.
    #[test]
    fn broker_sees_offsets_and_times_of_all_records(batch in arbitrary::batch(), codec in arbitrary::codec()) {
        let sent = batch.build(codec);
        let stored = SampleBatch::parse(&seal(&sent));
        prop_assert_eq!(stored.records.len(), batch.records.len());
        for (index, (stored, sent)) in stored.records.iter().zip(&batch.records).enumerate() {
            prop_assert_eq!(stored.attributes, 0);
            prop_assert_eq!(stored.timestamp_delta, sent.timestamp_delta);
            prop_assert_eq!(stored.offset_delta, sent.offset_delta);
            if index > 0 {
                prop_assert!(stored.key.is_none() && stored.value.is_none() && stored.headers.is_empty());
            }
        }
        let header = BatchHeader { crc: 0, length: 0, attributes: stored.header.attributes, ..batch.header };
        prop_assert_eq!(BatchHeader { crc: 0, length: 0, ..stored.header }, header);
        prop_assert_eq!(stored.header.attributes.with_codec(Codec::None), batch.header.attributes);
    }
}

#[test]
fn found_in_place_unless_the_broker_recompressed() {
    for count in [1, 63, 64, 1000] {
        let sent = SampleBatch::text(count, 200).build(Codec::None);
        let stored = seal(&sent);
        let header = BatchHeader::parse(&sent).unwrap();
        let codec = BatchHeader::parse(&stored).unwrap().attributes.codec();
        assert_eq!(codec, Ok(if count < 64 { Codec::None } else { Codec::Lz4 }));
        let (sealed, received) = open(&stored, &header);
        assert_eq!(sealed.location, Location::InPlace);
        assert!(received == sent);
        let handling = Handling { recompress: Some(Codec::Gzip), ..Handling::default() };
        let (sealed, _) = open(&handling.store(&stored, |_| true), &header);
        assert_eq!(sealed.location, Location::Scratch);
    }
}

#[test]
fn outer_frame_is_read_by_the_library_for_every_block_size() {
    for len in [100, 60_000, 200_000, 900_000, 4_000_000] {
        let mut batch = SampleBatch::text(70, 20);
        batch.records[0].value = Some(vec![7; len]);
        let stored = seal(&batch.build(Codec::None));
        assert_eq!(BatchHeader::parse(&stored).unwrap().attributes.codec(), Ok(Codec::Lz4));
        let mut section = Vec::new();
        std::io::copy(&mut FrameDecoder::new(&stored[BATCH_HEADER_LEN..]), &mut section).unwrap();
        assert!(Records::new(&section, 70).all(|record| record.is_ok()));
    }
}

/// Conformance: TE-26.
#[test]
fn more_than_four_mebibytes_stay_uncompressed() {
    let mut batch = SampleBatch::text(70, 20);
    batch.records[0].value = Some(vec![7; 4 << 20]);
    let sent = batch.build(Codec::None);
    let stored = seal(&sent);
    let header = BatchHeader::parse(&stored).unwrap();
    assert_eq!(header.attributes.codec(), Ok(Codec::None));
    assert!(open(&stored, &BatchHeader::parse(&sent).unwrap()).1 == sent);
}

#[test]
fn stubs_larger_than_a_block_are_split() {
    // 20,000 records without content need more than 64 KiB of stubs, the compressed batch only a few.
    let records = (0..20_000).map(|index| SampleRecord { timestamp_delta: index, ..SampleRecord::default() });
    let sent = SampleBatch::new(records.collect()).build(Codec::Zstd);
    let stored = seal(&sent);
    assert!(decompressed(&stored).len() > 150_000);
    assert_eq!(SampleBatch::parse(&stored).records.len(), 20_000);
    assert!(open(&stored, &BatchHeader::parse(&sent).unwrap()).1 == sent);
}

#[test]
fn what_a_large_batch_needed_is_given_back() {
    let records =
        (0..400_000).map(|index| SampleRecord { timestamp_delta: index, ..SampleRecord::default() });
    let sent = SampleBatch::new(records.collect()).build(Codec::Zstd);
    let mut scratch = Scratch::new(CAP);
    let produced = validate_produced(&sent, &mut scratch).unwrap();
    let mut surround = Surround::default();
    surround.prepare(&produced, scratch.stubs(), &KEY, ENVELOPE).unwrap();
    assert!(surround.suffix.capacity() > RETAINED);
    surround.trim();
    assert_eq!((surround.suffix.capacity(), surround.prefix.is_empty()), (0, false));
}

#[test]
fn growth_is_small() {
    let stored_for = |count: usize| {
        let sent = SampleBatch::text(count, 100).build(Codec::None);
        seal(&sent).len() - sent.len()
    };
    assert!(stored_for(1) < 150, "{}", stored_for(1));
    assert!(stored_for(1000) < 6 * 1000, "{}", stored_for(1000));
}

#[test]
fn full_batch_of_small_records_fits_the_default_limit_of_a_broker() {
    // librdkafka sends up to 1,000,000 bytes, a broker takes 1,048,588.
    let mut batch = SampleBatch::text(8_500, 100);
    for (index, record) in batch.records.iter_mut().enumerate() {
        record.timestamp_delta = i64::try_from(index / 20).unwrap();
    }
    let sent = batch.build(Codec::None);
    assert!((950_000..=1_000_000).contains(&sent.len()), "{}", sent.len());
    let stored = seal(&sent);
    assert!(stored.len() < 1_048_588, "{} bytes become {}", sent.len(), stored.len());
}
