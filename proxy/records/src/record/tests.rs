use proptest::prelude::*;

use super::*;
use crate::arbitrary;
use crate::sample::{SampleBatch, SampleRecord, zigzag};

fn read(section: &[u8], count: i32) -> Result<usize, RecordError> {
    Records::new(section, count)
        .map(|record| record.and_then(|record| record.headers.check()))
        .try_fold(0, |count, record| record.map(|()| count + 1))
}

/// A record around `body`, whose length is put before it.
fn framed(body: &[u8]) -> Vec<u8> {
    let mut record = Vec::new();
    zigzag(i64::try_from(body.len()).unwrap(), &mut record);
    record.extend_from_slice(body);
    record
}

proptest! {
    /// Conformance: TE-26, TE-B02.
    #[test]
    fn writes_what_it_read(batch in arbitrary::batch()) {
        let section = batch.section();
        let mut copy = Vec::new();
        for record in Records::new(&section, batch.header.record_count) {
            write_record(&record.unwrap(), None, &mut copy).unwrap();
        }
        prop_assert_eq!(section, copy);
    }

    #[test]
    fn survives_arbitrary_bytes(section in prop::collection::vec(any::<u8>(), 0..300), count: i32) {
        let _ = read(&section, count);
        let _ = read(&section, 3);
    }

    #[test]
    fn stub_is_a_record_without_content(
        timestamp_delta in prop_oneof![-10..10_i64, -9000..9000_i64, any::<i64>()],
        offset_delta in prop_oneof![0..100, 0..9000, any::<i32>()],
    ) {
        let (mut stub, mut expected) = (Vec::new(), Vec::new());
        write_stub(timestamp_delta, offset_delta, &mut stub);
        SampleRecord { timestamp_delta, offset_delta, ..SampleRecord::default() }.encode(&mut expected);
        prop_assert_eq!(stub, expected);
    }
}

#[test]
fn expects_the_exact_count() {
    let batch = SampleBatch::text(3, 20);
    let section = batch.section();
    assert_eq!(read(&section, 3), Ok(3));
    assert_eq!(read(&section, 2), Err(RecordError::SectionRest));
    assert_eq!(read(&section, 4), Err(RecordError::Truncated));
    assert_eq!(read(&section, 0), Err(RecordError::SectionRest));
    assert_eq!(read(&[], 0), Ok(0));
    assert_eq!(read(&[], -1), Err(RecordError::SectionRest));
    assert_eq!(read(&section[..section.len() - 1], 3), Err(RecordError::Truncated));
}

#[test]
fn refuses_broken_records() {
    // Attributes, timestamp delta, offset delta, key, value, header count.
    assert_eq!(read(&framed(&[0, 0, 0, 1, 1, 0]), 1), Ok(1));
    for (body, error) in [
        (&[0, 0, 0, 1, 1, 0, 0][..], RecordError::RecordRest),
        (&[0, 0, 0, 3, 1, 0], RecordError::Negative),
        (&[0, 0, 0, 1, 3, 0], RecordError::Negative),
        (&[0, 0, 0, 1, 1, 1], RecordError::Negative),
        (&[0, 0, 0, 1, 2, 0], RecordError::Truncated),
        (&[0, 0, 0, 1, 0x80], RecordError::Truncated),
        (&[], RecordError::Truncated),
        (&[0, 0, 0xff, 0xff, 0xff, 0xff, 0x7f, 1, 1, 0], RecordError::Overflow),
        (&[0, 0, 0, 1, 1, 2, 1, 1], RecordError::Negative),
        (&[0, 0, 0, 1, 1, 2, 0, 3], RecordError::Negative),
        (&[0, 0, 0, 1, 1, 2, 4, b'a'], RecordError::Truncated),
        (&[0, 0, 0, 1, 1, 2, 0, 1, 9], RecordError::RecordRest),
        (&[0, 0, 0, 1, 1, 0xfe, 0xff, 0xff, 0xff, 0x0f], RecordError::Truncated),
    ] {
        assert_eq!(read(&framed(body), 1), Err(error), "{body:?}");
    }
    assert_eq!(read(&[1, 0, 0], 1), Err(RecordError::Negative));
    assert_eq!(read(&[0xfe, 0xff, 0xff, 0xff, 0x0f], 1), Err(RecordError::Truncated));
}

#[test]
fn headers_keep_order_and_repeats() {
    let headers = vec![(b"b".to_vec(), None), (b"a".to_vec(), Some(vec![])), (b"b".to_vec(), Some(vec![1]))];
    let batch = SampleBatch::new(vec![SampleRecord { headers: headers.clone(), ..SampleRecord::default() }]);
    assert_eq!(SampleBatch::parse(&batch.build(crate::Codec::None)).records[0].headers, headers);
}
