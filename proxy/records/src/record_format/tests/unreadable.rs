//! Records whose key is gone.

use super::*;

/// Opens as `Toy` does, but has nothing for keys that begin with "lost" or "null".
#[derive(Default)]
struct Forgetful(Toy);

impl RecordOpener for Forgetful {
    type Error = crate::sample::Refused;

    fn open(
        &mut self,
        header: &[u8],
        key: Option<&[u8]>,
        sealed: &[u8],
        timestamp: Option<i64>,
        out: &mut Vec<u8>,
    ) -> Result<OpenedValue, Self::Error> {
        match key {
            Some(key) if key.starts_with(b"lost") => Ok(OpenedValue::Removed),
            Some(key) if key.starts_with(b"null") => Ok(OpenedValue::Null),
            _ => self.0.open(header, key, sealed, timestamp, out),
        }
    }

    fn open_with_headers(
        &mut self,
        header: &[u8],
        record: &crate::Record<'_>,
        timestamp: Option<i64>,
        plain: &mut Vec<u8>,
        headers: &mut Vec<u8>,
    ) -> Result<OpenedRecord, Self::Error> {
        match record.key {
            Some(key) if key.starts_with(b"lost") => Ok(OpenedRecord::Removed),
            Some(key) if key.starts_with(b"null") => Ok(OpenedRecord::Null),
            _ => self.0.open_with_headers(header, record, timestamp, plain, headers),
        }
    }
}

fn open_forgetfully(
    records: Vec<SampleRecord>,
) -> (OpenedStats, BatchHeader, Vec<Option<Vec<u8>>>, Vec<i64>) {
    let stored = seal(&SampleBatch::new(records).build(Codec::None));
    let mut scratch = Scratch::new(CAP);
    let Recognised::Records(section) = recognise(&stored, &mut scratch).unwrap() else {
        panic!("not sealed")
    };
    let mut out = Vec::new();
    let stats = open_records(&stored, section, &mut scratch, &mut Forgetful::default(), &mut out).unwrap();
    assert!(crc_matches(&out));
    let (before, header) = (BatchHeader::parse(&stored).unwrap(), BatchHeader::parse(&out).unwrap());
    assert_eq!(
        (header.base_offset, header.last_offset_delta),
        (before.base_offset, before.last_offset_delta)
    );
    let read: Vec<_> = crate::Records::new(&out[crate::BATCH_HEADER_LEN..], header.record_count)
        .map(Result::unwrap)
        .collect();
    let values = read.iter().map(|record| record.value.map(<[u8]>::to_vec)).collect();
    let offsets = read.iter().map(|record| i64::from(record.offset_delta)).collect();
    (stats, header, values, offsets)
}

#[test]
fn what_nobody_can_read_is_left_out_or_null_and_the_rest_keeps_its_offsets() {
    let keys = ["lost 1", "kept 1", "null 1", "lost 2", "kept 2"];
    let records = keys.map(|key| record(Some(key), Some(key))).to_vec();
    let (stats, header, values, offsets) = open_forgetfully(records);
    assert_eq!((stats.encrypted, stats.unreadable, stats.clear), (2, 3, 0));
    assert_eq!(header.record_count, 3);
    assert_eq!(values, [Some(b"kept 1".to_vec()), None, Some(b"kept 2".to_vec())]);
    assert_eq!(offsets, [1, 2, 4]);
}

#[test]
fn headers_that_nobody_can_read_are_not_handed_out_as_empty_ones() {
    let headers = vec![(TOY_SEALED.to_vec(), Some(b"secret".to_vec()))];
    let records = ["null", "lost", "kept"]
        .map(|key| SampleRecord { headers: headers.clone(), ..record(Some(key), Some(key)) })
        .to_vec();
    let stored = seal_with_headers(&SampleBatch::new(records.clone()).build(Codec::None));
    let Recognised::Records(section) = recognise(&stored, &mut Scratch::new(CAP)).unwrap() else {
        panic!("not sealed")
    };
    let (mut scratch, mut out) = (Scratch::new(CAP), Vec::new());
    let stats = open_records(&stored, section, &mut scratch, &mut Forgetful::default(), &mut out).unwrap();
    assert_eq!((stats.encrypted, stats.unreadable), (1, 2));
    let read = SampleBatch::parse(&out).records;
    assert_eq!((read[0].value.as_ref(), read[0].headers.len()), (None, 0));
    assert_eq!((&read[1].value, &read[1].headers), (&records[2].value, &records[2].headers));
}

#[test]
fn a_batch_of_which_nothing_is_left_still_has_its_offsets() {
    let records = ["lost 1", "lost 2"].map(|key| record(Some(key), Some(key))).to_vec();
    let (stats, header, values, _) = open_forgetfully(records);
    assert_eq!((stats.unreadable, header.record_count, header.last_offset_delta), (2, 0, 1));
    assert!(values.is_empty());
}
