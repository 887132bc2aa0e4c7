//! The records of a stored batch, taken apart and put together again by the rules of record batches of magic 2.

use tests::record::Header;

/// One record as it stands in a batch that is not compressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) timestamp_delta: i64,
    pub(crate) offset_delta: i64,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) headers: Vec<Header>,
}

/// All records of a section.
pub(crate) fn read(section: &[u8]) -> Vec<Record> {
    let mut rest = section;
    let mut records = Vec::new();
    while !rest.is_empty() {
        let mut body = bytes(&mut rest).expect("a record has a length");
        let attributes = take(&mut body, 1);
        assert_eq!(attributes, [0], "records have no attributes");
        records.push(Record {
            timestamp_delta: varint(&mut body),
            offset_delta: varint(&mut body),
            key: bytes(&mut body).map(<[u8]>::to_vec),
            value: bytes(&mut body).map(<[u8]>::to_vec),
            headers: headers(&mut body),
        });
        assert!(body.is_empty(), "a record ends with its headers");
    }
    records
}

/// The section of these records.
pub(crate) fn write(records: &[Record]) -> Vec<u8> {
    let mut section = Vec::new();
    for record in records {
        let mut body = vec![0];
        put_varint(&mut body, record.timestamp_delta);
        put_varint(&mut body, record.offset_delta);
        put_bytes(&mut body, record.key.as_deref());
        put_bytes(&mut body, record.value.as_deref());
        put_varint(&mut body, i64::try_from(record.headers.len()).unwrap());
        for (name, value) in &record.headers {
            put_bytes(&mut body, Some(name.as_bytes()));
            put_bytes(&mut body, value.as_deref());
        }
        put_bytes(&mut section, Some(&body));
    }
    section
}

fn headers(body: &mut &[u8]) -> Vec<Header> {
    let count = varint(body);
    let header = |_| {
        let name = bytes(body).expect("a header has a name");
        let name = String::from_utf8(name.to_vec()).unwrap();
        (name, bytes(body).map(<[u8]>::to_vec))
    };
    (0..count).map(header).collect()
}

fn take<'a>(from: &mut &'a [u8], count: usize) -> &'a [u8] {
    let (taken, rest) = from.split_at(count);
    *from = rest;
    taken
}

fn bytes<'a>(from: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(varint(from)).ok()?;
    Some(take(from, length))
}

fn varint(from: &mut &[u8]) -> i64 {
    let mut raw = 0_u64;
    for shift in (0..).step_by(7) {
        let byte = take(from, 1)[0];
        raw |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            break;
        }
    }
    (raw >> 1).cast_signed() ^ -(raw & 1).cast_signed()
}

/// A signed number, zigzag and seven bits a byte.
pub(crate) fn put_varint(to: &mut Vec<u8>, value: i64) {
    let mut raw = (value << 1 ^ value >> 63).cast_unsigned();
    while raw >= 0x80 {
        to.push(raw.to_le_bytes()[0] | 0x80);
        raw >>= 7;
    }
    to.push(raw.to_le_bytes()[0]);
}

fn put_bytes(to: &mut Vec<u8>, bytes: Option<&[u8]>) {
    put_varint(to, bytes.map_or(-1, |bytes| i64::try_from(bytes.len()).unwrap()));
    to.extend_from_slice(bytes.unwrap_or_default());
}
