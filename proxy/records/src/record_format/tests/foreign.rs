//! Records that another program encrypted.

use super::*;

/// Opens values that another program marked with "!", or with a header of the name "theirs".
#[derive(Default)]
struct Reader(Toy);

impl RecordOpener for Reader {
    type Error = crate::sample::Refused;

    fn open(
        &mut self,
        header: &[u8],
        key: Option<&[u8]>,
        sealed: &[u8],
        timestamp: Option<i64>,
        out: &mut Vec<u8>,
    ) -> Result<OpenedValue, Self::Error> {
        self.0.open(header, key, sealed, timestamp, out)
    }

    fn open_with_headers(
        &mut self,
        header: &[u8],
        record: &crate::Record<'_>,
        timestamp: Option<i64>,
        plain: &mut Vec<u8>,
        headers: &mut Vec<u8>,
    ) -> Result<OpenedRecord, Self::Error> {
        self.0.open_with_headers(header, record, timestamp, plain, headers)
    }

    fn open_foreign(
        &mut self,
        record: &crate::Record<'_>,
        out: &mut Vec<u8>,
    ) -> Result<ForeignValue, Self::Error> {
        if matches!(record.headers.first(), Ok(Some((b"theirs", _)))) {
            out.extend_from_slice(record.value.ok_or(crate::sample::Refused)?);
            return Ok(ForeignValue::OpenedWithMarker);
        }
        match record.value.and_then(|value| value.strip_prefix(b"!")) {
            Some(plain) => {
                out.extend_from_slice(plain);
                Ok(ForeignValue::Opened)
            }
            None => Ok(ForeignValue::Clear),
        }
    }
}

fn marked(value: Option<&str>) -> SampleRecord {
    let header = |name: &str| (name.as_bytes().to_vec(), Some(b"h".to_vec()));
    SampleRecord { headers: vec![header("theirs"), header("client's")], ..record(Some("k"), value) }
}

#[test]
fn values_of_other_programs_are_opened_beside_clear_ones_and_lose_only_their_marker() {
    let records = vec![
        record(Some("k"), Some("!a")),
        marked(Some("b")),
        record(None, Some("c")),
        record(Some("k"), None),
    ];
    for codec in [Codec::None, Codec::Lz4, Codec::Zstd] {
        let stored = SampleBatch::new(records.clone()).build(codec);
        let mut scratch = Scratch::new(CAP);
        assert!(matches!(recognise(&stored, &mut scratch), Ok(Recognised::Clear { .. })));
        let theirs = |record: &crate::Record<'_>| record.value.is_some_and(|value| value.starts_with(b"!"));
        let section = find_record(&stored, &mut scratch, theirs).unwrap().unwrap();
        let mut out = b"before".to_vec();
        let stats = open_records(&stored, section, &mut scratch, &mut Reader::default(), &mut out).unwrap();
        assert_eq!((stats.foreign, stats.clear, stats.tombstones, stats.encrypted), (2, 1, 1, 0));
        let read = SampleBatch::parse(&out.split_off(6)).records;
        let values: Vec<_> = read.iter().map(|record| record.value.as_deref()).collect();
        assert_eq!(values, [Some(&b"a"[..]), Some(b"b"), Some(b"c"), None]);
        assert_eq!(read[1].headers, marked(None).headers[1..]);
        assert!(find_record(&stored, &mut scratch, |record| record.key == Some(b"z")).unwrap().is_none());
    }
}

#[test]
fn a_value_that_another_program_cannot_open_leaves_nothing_behind() {
    let stored = SampleBatch::new(vec![record(None, Some("!a")), marked(None)]).build(Codec::None);
    let (mut scratch, mut out) = (Scratch::new(CAP), b"before".to_vec());
    let opened = open_records(&stored, Section::Batch, &mut scratch, &mut Reader::default(), &mut out);
    assert!(matches!(opened, Err(OpenRecordsError::Opener(_))));
    assert_eq!(out, b"before");
}
