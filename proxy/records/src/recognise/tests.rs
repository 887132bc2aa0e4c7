use proptest::prelude::*;

use super::*;
use crate::sample::{CAP, SampleBatch, SampleRecord};
use crate::{Attributes, ENVELOPE_HEADER_NAME, arbitrary, fuzzing};

fn look(batch: &[u8]) -> Result<Recognised, RecogniseError> {
    recognise(batch, &mut Scratch::new(CAP))
}

fn ours(value: &[u8]) -> (Vec<u8>, Option<Vec<u8>>) {
    (ENVELOPE_HEADER_NAME.as_bytes().to_vec(), Some(value.to_vec()))
}

fn envelope() -> SampleRecord {
    SampleRecord {
        key: Some(vec![7; 16]),
        value: Some(vec![9; 40]),
        headers: vec![ours(&[1, 1, 5])],
        ..SampleRecord::default()
    }
}

fn bare() -> SampleRecord {
    SampleRecord::default()
}

fn clear() -> SampleRecord {
    SampleRecord { value: Some(b"clear".to_vec()), ..SampleRecord::default() }
}

fn with_header(value: &[u8]) -> SampleRecord {
    SampleRecord { headers: vec![ours(value), (b"client".to_vec(), None)], ..clear() }
}

const ALL: [Codec; 5] = [Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd];

/// Looks at the records behind every codec.
fn all(records: &[SampleRecord], expected: impl Fn(&Recognised) -> bool) {
    for codec in ALL {
        let found = look(&SampleBatch::new(records.to_vec()).build(codec)).unwrap();
        assert!(expected(&found), "{codec:?} {found:?}");
    }
}

/// Conformance: P17-04. It is looked at where it is.
#[test]
fn a_clear_batch_without_a_codec_needs_no_memory() {
    let mut scratch = Scratch::new(CAP);
    let batch = SampleBatch::new(vec![clear(), with_header(b"no envelope"), bare()]).build(Codec::None);
    let headers = vec![(b"client".to_vec(), Some(b"value".to_vec()))];
    let more = SampleBatch::new(vec![SampleRecord { headers, ..clear() }; 100]).build(Codec::None);
    let _ = recognise(&batch, &mut scratch);
    assert!(matches!(recognise(&more, &mut scratch), Ok(Recognised::Clear { .. })));
    let crate::scratch::Buffers { section, header, value, key, headers } = &scratch.buffers;
    let buffers = [&scratch.decompressed, &scratch.stubs, section, header, value, key, headers];
    assert_eq!(buffers.map(Vec::capacity), [0; 7]);
}

proptest! {
    #[test]
    fn survives_arbitrary_bytes(data in prop::collection::vec(any::<u8>(), 0..400)) {
        fuzzing::fuzz_recognise(&data);
        fuzzing::fuzz_open_records(&data);
        fuzzing::fuzz_entries(&data);
        fuzzing::fuzz_codecs(&data);
    }

    #[test]
    fn survives_damage(
        kinds in prop::collection::vec(0..4, 1..100),
        codec in arbitrary::codec(),
        damage in prop::collection::vec(any::<(prop::sample::Index, u8)>(), 0..4),
    ) {
        let record = |kind| match kind {
            0 => envelope(),
            1 => with_header(&[1, 2]),
            2 => bare(),
            _ => clear(),
        };
        let mut bytes = SampleBatch::new(kinds.into_iter().map(record).collect()).build(codec);
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        fuzzing::fuzz_recognise(&bytes);
        fuzzing::fuzz_open_records(&bytes);
        fuzzing::fuzz_entries(&bytes);
    }

    #[test]
    fn clear_batches_are_clear(batch in arbitrary::batch(), codec in arbitrary::codec()) {
        let bare = batch.records.iter().any(|record| record.key.is_none() && record.value.is_none() && record.headers.is_empty());
        let found = look(&batch.build(codec)).unwrap();
        let is_right = matches!(found, Recognised::Clear { may_be_stub, .. } if may_be_stub == bare);
        prop_assert!(is_right);
    }
}

#[test]
fn batch_envelope_needs_its_shape() {
    all(&[envelope()], |found| matches!(found, Recognised::Batch(_)));
    all(&[envelope(), bare(), bare()], |found| matches!(found, Recognised::Batch(_)));
    let broken: [fn(&mut SampleRecord); 6] = [
        |record| record.key = None,
        |record| record.key = Some(vec![7; 15]),
        |record| record.key = Some(vec![7; 17]),
        |record| record.value = None,
        |record| record.value = Some(vec![9; 15]),
        |record| record.headers.push((b"more".to_vec(), None)),
    ];
    for break_it in broken {
        let mut record = envelope();
        break_it(&mut record);
        all(&[record, bare()], |found| matches!(found, Recognised::MisplacedEnvelope));
    }
}

#[test]
fn batch_envelope_must_be_first_and_alone() {
    all(&[clear(), envelope()], |found| matches!(found, Recognised::MisplacedEnvelope));
    all(&[with_header(&[1, 2]), envelope()], |found| matches!(found, Recognised::MisplacedEnvelope));
    // In place only record 0 is looked at: what follows is never delivered.
    for codec in [Codec::Gzip, Codec::Snappy, Codec::Zstd] {
        let batch = SampleBatch::new(vec![envelope(), clear()]).build(codec);
        assert!(matches!(look(&batch), Ok(Recognised::MisplacedEnvelope)));
    }
}

/// Conformance: P17-09.
#[test]
fn record_envelopes_are_found_anywhere() {
    all(&[clear(), with_header(&[1, 2])], |found| matches!(found, Recognised::Records(_)));
    all(&[clear(), with_header(&[9, 2])], |found| matches!(found, Recognised::Records(_)));
    all(&[bare(), SampleRecord { headers: vec![ours(&[1, 3])], ..bare() }], |found| {
        matches!(found, Recognised::Records(_))
    });
    let second = SampleRecord { headers: vec![(b"client".to_vec(), None), ours(&[1, 2])], ..clear() };
    all(&[second], |found| matches!(found, Recognised::Clear { may_be_stub: false, .. }));
}

/// Conformance: P17-11.
#[test]
fn unknown_envelopes_are_not_clear() {
    for value in [&[][..], &[1], &[1, 0], &[1, 4], &[2, 3], &[1, 3, 0]] {
        all(&[clear(), with_header(value)], |found| matches!(found, Recognised::UnknownEnvelope));
    }
    let null = SampleRecord { headers: vec![(ours(&[]).0, None)], ..clear() };
    all(&[null], |found| matches!(found, Recognised::UnknownEnvelope));
}

#[test]
fn orphan_stubs_are_reported() {
    all(&[clear(), bare()], |found| matches!(found, Recognised::Clear { may_be_stub: true, .. }));
    all(&[clear()], |found| matches!(found, Recognised::Clear { may_be_stub: false, .. }));
}

#[test]
fn batches_of_tombstones_alone_are_told_from_data() {
    let tombstone = || SampleRecord { value: None, key: Some(b"key".to_vec()), ..clear() };
    let holds = |records: &[SampleRecord], expected: ClearContent| {
        all(records, |found| matches!(found, Recognised::Clear { content, .. } if *content == expected));
    };
    holds(&[tombstone(), tombstone()], ClearContent::Tombstones);
    holds(&[tombstone(), clear()], ClearContent::Data);
    holds(&[tombstone(), bare()], ClearContent::Data);
    holds(&[SampleRecord { key: None, ..tombstone() }], ClearContent::Data);
    let empty = look(&SampleBatch::new(vec![]).build(Codec::None));
    assert!(matches!(empty, Ok(Recognised::Clear { content: ClearContent::Nothing, .. })));
}

#[test]
fn control_and_empty_batches_are_not_looked_into() {
    let mut control = SampleBatch::new(vec![envelope()]);
    control.header.attributes = Attributes(0x20);
    assert!(matches!(look(&control.build(Codec::None)), Ok(Recognised::Clear { may_be_stub: false, .. })));
    let empty = SampleBatch::new(vec![]);
    assert!(matches!(look(&empty.build(Codec::None)), Ok(Recognised::Clear { may_be_stub: false, .. })));
    let mut empty_control = SampleBatch::new(vec![]);
    empty_control.header.attributes = Attributes(0x20);
    assert!(matches!(
        look(&empty_control.build(Codec::None)),
        Ok(Recognised::Clear { may_be_stub: false, .. })
    ));
}

#[test]
fn broken_batches_are_errors() {
    let batch = SampleBatch::text(3, 10);
    let bytes = batch.build(Codec::None);
    assert_eq!(look(&bytes[..bytes.len() - 1]).err(), Some(RecogniseError::Length));
    assert_eq!(look(&[bytes.clone(), vec![0]].concat()).err(), Some(RecogniseError::Length));
    assert_eq!(look(&bytes[..60]).err(), Some(RecogniseError::Header(HeaderError::Truncated)));
    let with_count = |count| {
        let mut batch = batch.clone();
        batch.header.record_count = count;
        look(&batch.build(Codec::Lz4)).err()
    };
    assert_eq!(with_count(-1), Some(RecogniseError::Count));
    assert_eq!(with_count(0), Some(RecogniseError::Count), "records that are not counted");
    let mut control = batch.clone();
    (control.header.attributes, control.header.record_count) = (Attributes(0x20), 0);
    assert_eq!(look(&control.build(Codec::None)).err(), Some(RecogniseError::Count));
    assert_eq!(with_count(4), Some(RecogniseError::Record(RecordError::Truncated)));
    assert_eq!(with_count(2), Some(RecogniseError::Record(RecordError::SectionRest)));
}
