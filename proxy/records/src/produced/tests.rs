use proptest::prelude::*;

use super::*;
use crate::sample::{CAP, SampleBatch, SampleRecord, with_section};
use crate::{Attributes, Codec, ENVELOPE_HEADER_NAME, arbitrary, fuzzing};

fn validate(batch: &[u8]) -> Result<Produced, InvalidBatch> {
    validate_produced(batch, &mut Scratch::new(CAP))
}

/// What comes of a batch with a changed header, the CRC being right.
fn changed(change: impl FnOnce(&mut BatchHeader)) -> Result<Produced, InvalidBatch> {
    let mut batch = SampleBatch::text(5, 30);
    change(&mut batch.header);
    validate(&batch.build(Codec::None))
}

fn is_malformed<T>(result: Result<T, InvalidBatch>, expected: Malformed) -> bool {
    result.err() == Some(InvalidBatch::Malformed(expected))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn accepts_what_a_client_sends(batch in arbitrary::batch(), codec in arbitrary::codec()) {
        let bytes = batch.build(codec);
        let mut scratch = Scratch::new(CAP);
        let produced = validate_produced(&bytes, &mut scratch).unwrap();
        prop_assert_eq!(produced.header, BatchHeader::parse(&bytes).unwrap());
        prop_assert_eq!(produced.first_timestamp_delta, batch.records[0].timestamp_delta);
        prop_assert!(!produced.has_foreign_envelope);
        let mut stubs = Vec::new();
        for record in &batch.records[1..] {
            let SampleRecord { timestamp_delta, offset_delta, .. } = *record;
            SampleRecord { timestamp_delta, offset_delta, ..SampleRecord::default() }.encode(&mut stubs);
        }
        prop_assert_eq!(scratch.stubs(), stubs);
    }

    #[test]
    fn survives_arbitrary_bytes(data in prop::collection::vec(any::<u8>(), 0..400)) {
        fuzzing::fuzz_validate_produced(&data);
    }

    #[test]
    fn survives_damage(
        batch in arbitrary::batch(),
        codec in arbitrary::codec(),
        damage in prop::collection::vec(any::<(prop::sample::Index, u8)>(), 1..4),
    ) {
        let mut bytes = batch.build(codec);
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        fuzzing::fuzz_validate_produced(&bytes);
    }
}

#[test]
fn wrong_crc_is_told_apart() {
    let mut bytes = SampleBatch::text(5, 30).build(Codec::None);
    bytes[100] ^= 1;
    assert_eq!(validate(&bytes).err(), Some(InvalidBatch::Crc));
}

#[test]
fn one_whole_batch_is_expected() {
    let batch = SampleBatch::text(5, 30).build(Codec::None);
    assert!(is_malformed(validate(&[batch.clone(), batch.clone()].concat()), Malformed::Length));
    assert!(is_malformed(validate(&batch[..batch.len() - 1]), Malformed::Length));
    assert!(is_malformed(validate(&batch[..60]), Malformed::Header(HeaderError::Truncated)));
    assert!(is_malformed(validate(&[]), Malformed::Header(HeaderError::Truncated)));
}

#[test]
fn refuses_headers_that_a_broker_refuses() {
    assert!(changed(|_| {}).is_ok());
    assert!(changed(|header| header.producer_id = -1).is_ok());
    for attributes in [0x20, 0x40] {
        let result = changed(|header| header.attributes = Attributes(attributes));
        assert!(is_malformed(result, Malformed::Attributes));
    }
    assert!(is_malformed(changed(|header| header.base_offset = 1), Malformed::BaseOffset));
    assert!(is_malformed(changed(|header| header.record_count = 4), Malformed::Count));
    assert!(is_malformed(changed(|header| header.last_offset_delta = 5), Malformed::Count));
    assert!(is_malformed(changed(|header| header.last_offset_delta = i32::MAX), Malformed::Count));
    for count in [0, -1, i32::MIN] {
        let result = changed(|header| {
            header.record_count = count;
            header.last_offset_delta = count.wrapping_sub(1);
        });
        assert!(is_malformed(result, Malformed::Count));
    }
    assert!(is_malformed(changed(|header| header.producer_epoch = -1), Malformed::Sequence));
    assert!(is_malformed(changed(|header| header.base_sequence = -1), Malformed::Sequence));
    let lies = changed(|header| {
        header.record_count = i32::MAX;
        header.last_offset_delta = i32::MAX - 1;
    });
    assert!(is_malformed(lies, Malformed::Record(RecordError::Truncated)));
}

#[test]
fn refuses_unknown_codecs_and_bombs() {
    let mut batch = SampleBatch::text(5, 30);
    batch.header.attributes = Attributes(0);
    let section = batch.section();
    let mut bytes = with_section(&batch.header, Codec::None, &section);
    let mut header = BatchHeader { attributes: Attributes(5), ..batch.header };
    bytes[..61].copy_from_slice(&header.complete(&[&section]));
    assert!(is_malformed(validate(&bytes), Malformed::Codec(CodecError::Unknown(5))));

    let value = Some(vec![0; 8 << 20]);
    let bomb = SampleBatch::new(vec![SampleRecord { value, ..SampleRecord::default() }]);
    for codec in [Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd] {
        let result = validate_produced(&bomb.build(codec), &mut Scratch::new(1 << 20));
        assert!(is_malformed(result, Malformed::Codec(CodecError::TooLarge(1 << 20))), "{codec:?}");
    }
}

#[test]
fn offsets_must_follow_each_other() {
    for (at, offset_delta) in [(0, 1), (2, 1), (2, 3), (4, -1)] {
        let mut batch = SampleBatch::text(5, 30);
        batch.records[at].offset_delta = offset_delta;
        assert!(is_malformed(validate(&batch.build(Codec::Lz4)), Malformed::OffsetDelta));
    }
}

#[test]
fn reports_an_envelope_of_a_client_only_in_first_place() {
    let ours = (ENVELOPE_HEADER_NAME.as_bytes().to_vec(), Some(b"\x01\x02".to_vec()));
    let other = (b"other".to_vec(), None);
    for (headers, foreign) in [
        (vec![ours.clone()], true),
        (vec![(ours.0.clone(), None), other.clone()], true),
        (vec![other.clone(), ours], false),
        (vec![other], false),
    ] {
        let mut batch = SampleBatch::text(5, 30);
        batch.records[3].headers = headers;
        assert_eq!(validate(&batch.build(Codec::None)).unwrap().has_foreign_envelope, foreign);
    }
}
