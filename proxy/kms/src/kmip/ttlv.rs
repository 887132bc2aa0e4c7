//! KMIP's encoding: items of a tag, a type, a length and a value, filled up to eight bytes.
//!
//! Written here because no crate fits: the maintained one has neither Encrypt nor Decrypt, and its reader sets memory aside as
//! a server says, and leaves keys in it.

use zeroize::Zeroizing;

/// A request that has a data key in it never grows beyond this, which would leave a copy behind.
const CAPACITY: usize = 4096;
/// Before each value: three bytes of the tag, one of the type, four of the length.
pub(super) const HEAD: usize = 8;

const STRUCTURE: u8 = 0x01;
const INTEGER: u8 = 0x02;
const ENUMERATION: u8 = 0x05;
const TEXT: u8 = 0x07;
const BYTES: u8 = 0x08;

/// What an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tag(pub(super) u32);

/// Bytes are not in this encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed;

/// Writes items one after another.
pub(super) struct Writer(Zeroizing<Vec<u8>>);

impl Writer {
    pub(super) fn new() -> Self {
        Self(Zeroizing::new(Vec::with_capacity(CAPACITY)))
    }

    pub(super) fn finish(self) -> Zeroizing<Vec<u8>> {
        self.0
    }

    pub(super) fn structure(&mut self, tag: Tag, fill: impl FnOnce(&mut Self)) {
        self.head(tag, STRUCTURE, 0);
        let start = self.0.len();
        fill(self);
        let length = u32::try_from(self.0.len() - start).unwrap_or(u32::MAX);
        if let Some(place) = self.0.get_mut(start - 4..start) {
            place.copy_from_slice(&length.to_be_bytes());
        }
    }

    pub(super) fn integer(&mut self, tag: Tag, value: i32) {
        self.value(tag, INTEGER, &value.to_be_bytes());
    }

    pub(super) fn enumeration(&mut self, tag: Tag, value: u32) {
        self.value(tag, ENUMERATION, &value.to_be_bytes());
    }

    pub(super) fn text(&mut self, tag: Tag, value: &str) {
        self.value(tag, TEXT, value.as_bytes());
    }

    pub(super) fn bytes(&mut self, tag: Tag, value: &[u8]) {
        self.value(tag, BYTES, value);
    }

    fn value(&mut self, tag: Tag, kind: u8, value: &[u8]) {
        self.head(tag, kind, u32::try_from(value.len()).unwrap_or(u32::MAX));
        self.0.extend_from_slice(value);
        let filled = self.0.len().next_multiple_of(HEAD);
        self.0.resize(filled, 0);
    }

    fn head(&mut self, tag: Tag, kind: u8, length: u32) {
        let [_, tag @ ..] = tag.0.to_be_bytes();
        self.0.extend_from_slice(&tag);
        self.0.push(kind);
        self.0.extend_from_slice(&length.to_be_bytes());
    }
}

/// How long the structure is whose head this is, if it is one of this tag.
pub(super) fn length_of(head: [u8; HEAD], tag: Tag) -> Option<usize> {
    let [a, b, c, kind, length @ ..] = head;
    let is = u32::from_be_bytes([0, a, b, c]) == tag.0 && kind == STRUCTURE;
    is.then(|| usize::try_from(u32::from_be_bytes(length)).ok()).flatten()
}

/// The items of a structure, whose values are looked at when they are asked for.
#[derive(Clone)]
pub(super) struct Items<'a>(Vec<Item<'a>>);

#[derive(Clone, Copy)]
struct Item<'a> {
    tag: Tag,
    kind: u8,
    value: &'a [u8],
}

impl<'a> Items<'a> {
    /// No item is believed to be longer than the bytes that are left.
    pub(super) fn parse(mut bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut items = Vec::new();
        while let Some((&[a, b, c, kind, l1, l2, l3, l4], rest)) = bytes.split_first_chunk::<HEAD>() {
            let length = usize::try_from(u32::from_be_bytes([l1, l2, l3, l4])).map_err(|_| Malformed)?;
            let filled = length.checked_next_multiple_of(HEAD).ok_or(Malformed)?;
            let value = rest.get(..length).ok_or(Malformed)?;
            items.push(Item { tag: Tag(u32::from_be_bytes([0, a, b, c])), kind, value });
            bytes = rest.get(filled..).ok_or(Malformed)?;
        }
        if bytes.is_empty() { Ok(Self(items)) } else { Err(Malformed) }
    }

    pub(super) fn structure(&self, tag: Tag) -> Result<Option<Self>, Malformed> {
        self.first(tag, STRUCTURE)?.map(Self::parse).transpose()
    }

    /// All of a tag.
    pub(super) fn structures(&self, tag: Tag) -> Result<Vec<Self>, Malformed> {
        let of_tag = self.0.iter().filter(|item| item.tag == tag);
        let parse =
            |item: &Item<'a>| Self::parse((item.kind == STRUCTURE).then_some(item.value).ok_or(Malformed)?);
        of_tag.map(parse).collect()
    }

    pub(super) fn enumeration(&self, tag: Tag) -> Result<Option<u32>, Malformed> {
        let value = self.first(tag, ENUMERATION)?;
        value.map(|value| value.try_into().map(u32::from_be_bytes).map_err(|_| Malformed)).transpose()
    }

    pub(super) fn bytes(&self, tag: Tag) -> Result<Option<&'a [u8]>, Malformed> {
        self.first(tag, BYTES)
    }

    pub(super) fn text(&self, tag: Tag) -> Result<Option<&'a str>, Malformed> {
        Ok(self.texts(tag)?.into_iter().next())
    }

    /// All of a tag, of which there may be several.
    pub(super) fn texts(&self, tag: Tag) -> Result<Vec<&'a str>, Malformed> {
        let of_tag = self.0.iter().filter(|item| item.tag == tag);
        let text = |item: &Item<'a>| {
            let value = (item.kind == TEXT).then_some(item.value).ok_or(Malformed)?;
            std::str::from_utf8(value).map_err(|_| Malformed)
        };
        of_tag.map(text).collect()
    }

    fn first(&self, tag: Tag, kind: u8) -> Result<Option<&'a [u8]>, Malformed> {
        match self.0.iter().find(|item| item.tag == tag) {
            Some(item) if item.kind == kind => Ok(Some(item.value)),
            Some(_) => Err(Malformed),
            None => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Tag = Tag(0x42_00_01);
    const B: Tag = Tag(0x42_00_02);

    #[test]
    fn items_are_laid_out_as_the_standard_shows() {
        // Examples of section 9.1.2 of KMIP 1.4.
        let written = |write: fn(&mut Writer)| {
            let mut writer = Writer::new();
            write(&mut writer);
            writer.finish().to_vec()
        };
        let text = |hex: &str| {
            let hex: String = hex.split_whitespace().collect();
            (0..hex.len())
                .step_by(2)
                .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            written(|w| w.integer(Tag(0x42_00_20), 8)),
            text("42 00 20 02 00 00 00 04 00 00 00 08 00 00 00 00")
        );
        assert_eq!(
            written(|w| w.enumeration(Tag(0x42_00_20), 255)),
            text("42 00 20 05 00 00 00 04 00 00 00 FF 00 00 00 00")
        );
        assert_eq!(
            written(|w| w.text(Tag(0x42_00_20), "Hello World")),
            text("42 00 20 07 00 00 00 0B 48 65 6C 6C 6F 20 57 6F 72 6C 64 00 00 00 00 00")
        );
        assert_eq!(
            written(|w| w.bytes(Tag(0x42_00_20), &[1, 2, 3])),
            text("42 00 20 08 00 00 00 03 01 02 03 00 00 00 00 00")
        );
        assert_eq!(
            written(|w| w.structure(Tag(0x42_00_20), |w| {
                w.enumeration(Tag(0x42_00_04), 254);
                w.integer(Tag(0x42_00_05), 255);
            })),
            text(
                "42 00 20 01 00 00 00 20 42 00 04 05 00 00 00 04 00 00 00 FE 00 00 00 00
                 42 00 05 02 00 00 00 04 00 00 00 FF 00 00 00 00"
            )
        );
    }

    fn sample() -> Vec<u8> {
        let mut writer = Writer::new();
        writer.structure(A, |inner| {
            inner.text(B, "one");
            inner.text(B, "two");
            inner.bytes(A, b"12345678");
        });
        writer.finish().to_vec()
    }

    #[test]
    fn what_was_written_is_read() {
        let bytes = sample();
        let inner = Items::parse(&bytes).unwrap().structure(A).unwrap().unwrap();
        assert_eq!(inner.texts(B), Ok(vec!["one", "two"]));
        assert_eq!(inner.bytes(A), Ok(Some(&b"12345678"[..])));
        assert_eq!(inner.bytes(B), Err(Malformed), "of another type");
        assert_eq!(inner.enumeration(Tag(7)), Ok(None));
        let head = bytes[..8].try_into().unwrap();
        assert_eq!((length_of(head, A), length_of(head, B)), (Some(bytes.len() - 8), None));
    }

    #[test]
    fn nothing_is_believed_to_be_longer_than_it_is() {
        let bytes = sample();
        for length in 1..bytes.len() {
            assert!(Items::parse(&bytes[..length]).is_err(), "{length} bytes");
        }
        for place in 0..bytes.len() {
            for bit in 0..8 {
                let mut altered = bytes.clone();
                altered[place] ^= 1 << bit;
                // It may be read as something else, but neither panics nor reads beyond the end.
                if let Ok(items) = Items::parse(&altered) {
                    let _ = items.structure(A).map(|inner| inner.map(|inner| inner.texts(B).is_ok()));
                }
            }
        }
        assert!(Items::parse(&[0x42, 0, 1, 8, 0xff, 0xff, 0xff, 0xff]).is_err());
        assert!(Items::parse(&[0x42, 0, 1, 8, 0xff, 0xff, 0xff, 0xf8, 0, 0, 0, 0, 0, 0, 0, 0]).is_err());
    }
}
