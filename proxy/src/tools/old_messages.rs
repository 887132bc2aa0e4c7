//! Messages of magic 0 and 1, which old segments hold. They can never be encrypted.

use super::offsets;
use proxy_records::{Codec, Codecs, Entry, entries};

/// Offset and size stand before what the size counts.
const PREFIX: usize = 12;
/// The codec's bits of the attributes.
const CODEC: u8 = 0x07;

/// A message, without its headers: there are none in this format.
pub(super) struct Message<'a> {
    pub(super) offset: i64,
    /// Magic 0 has none.
    pub(super) timestamp: Option<i64>,
    pub(super) key: Option<&'a [u8]>,
    pub(super) value: Option<&'a [u8]>,
}

/// What is wrong does not matter to anybody.
pub(super) struct Malformed;

/// When an entry was written, as far as it tells: magic 0 does not. That of a compressed one is the newest of what is in it.
pub(super) fn timestamp(entry: &[u8]) -> Option<i64> {
    parse(entry).and_then(|(message, ..)| message.timestamp)
}

/// The messages of one entry: itself, or those that are compressed in its value. After an error some were told already.
pub(super) fn messages(
    entry: &[u8],
    codecs: &mut Codecs,
    mut each: impl FnMut(Message<'_>),
) -> Result<(), Malformed> {
    let (outer, codec, magic) = parse(entry).ok_or(Malformed)?;
    if codec == Codec::None {
        each(outer);
        return Ok(());
    }
    let mut inner = Vec::new();
    codecs.decompress(codec, outer.value.ok_or(Malformed)?, &mut inner).map_err(|_| Malformed)?;
    // From magic 1 on inner offsets count from 0, and the outer one is the last.
    let shift =
        if magic == 0 { 0 } else { outer.offset.saturating_sub(last_offset(&inner).ok_or(Malformed)?) };
    for entry in entries(&inner) {
        let Ok(Entry::OldMessage(range)) = entry else { return Err(Malformed) };
        let (message, codec, _) = inner.get(range).and_then(parse).ok_or(Malformed)?;
        if codec != Codec::None {
            return Err(Malformed);
        }
        each(Message { offset: message.offset.saturating_add(shift), ..message });
    }
    Ok(())
}

fn last_offset(set: &[u8]) -> Option<i64> {
    let ranges = entries(set).map_while(|entry| match entry {
        Ok(Entry::OldMessage(range)) => Some(range),
        _ => None,
    });
    ranges.last().and_then(|range| set.get(range)).map(offsets::first)
}

fn parse(entry: &[u8]) -> Option<(Message<'_>, Codec, u8)> {
    let offset = offsets::first(entry);
    // Behind the checksum: magic, attributes, and from magic 1 on a timestamp.
    let rest = entry.get(PREFIX + 4..)?;
    let (&[magic, attributes], mut rest) = rest.split_first_chunk()?;
    let timestamp = match magic {
        0 => None,
        1 => {
            let (timestamp, behind) = rest.split_first_chunk()?;
            rest = behind;
            Some(i64::from_be_bytes(*timestamp))
        }
        _ => return None,
    };
    let key = field(&mut rest).ok()?;
    let value = field(&mut rest).ok()?;
    let codec = codec(attributes)?;
    rest.is_empty().then_some((Message { offset, timestamp, key, value }, codec, magic))
}

/// By way of the attributes of a batch, whose lowest bits mean the same.
fn codec(attributes: u8) -> Option<Codec> {
    let attributes = proxy_records::Attributes(i16::from(attributes & CODEC));
    attributes.codec().ok()
}

/// A length of −1 for null, else bytes of that length.
fn field<'a>(rest: &mut &'a [u8]) -> Result<Option<&'a [u8]>, Malformed> {
    let (length, behind) = rest.split_first_chunk().ok_or(Malformed)?;
    let length = i32::from_be_bytes(*length);
    if length == -1 {
        *rest = behind;
        return Ok(None);
    }
    let length = usize::try_from(length).map_err(|_| Malformed)?;
    let (field, behind) = behind.split_at_checked(length).ok_or(Malformed)?;
    *rest = behind;
    Ok(Some(field))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A message of this magic, with its length and a checksum that nobody checks.
    fn message(offset: i64, magic: u8, codec: u8, value: Option<&[u8]>) -> Vec<u8> {
        let mut body = vec![0; 4];
        body.extend([magic, codec]);
        if magic == 1 {
            body.extend(7_i64.to_be_bytes());
        }
        body.extend((-1_i32).to_be_bytes());
        match value {
            None => body.extend((-1_i32).to_be_bytes()),
            Some(value) => {
                body.extend(i32::try_from(value.len()).unwrap().to_be_bytes());
                body.extend(value);
            }
        }
        let mut entry = offset.to_be_bytes().to_vec();
        entry.extend(i32::try_from(body.len()).unwrap().to_be_bytes());
        entry.extend(body);
        entry
    }

    fn told(entry: &[u8]) -> Vec<(i64, Option<Vec<u8>>)> {
        let mut told = Vec::new();
        let each = |message: Message<'_>| told.push((message.offset, message.value.map(<[u8]>::to_vec)));
        assert!(messages(entry, &mut Codecs::new(1 << 20), each).is_ok());
        told
    }

    #[test]
    fn single_messages_are_told_as_they_are() {
        for magic in [0, 1] {
            assert_eq!(told(&message(9, magic, 0, Some(b"v"))), [(9, Some(b"v".to_vec()))]);
            assert_eq!(told(&message(9, magic, 0, None)), [(9, None)]);
        }
    }

    #[test]
    fn compressed_messages_are_told_one_by_one_with_their_offsets() {
        let set = [message(0, 1, 0, Some(b"a")), message(1, 1, 0, Some(b"b"))].concat();
        let mut compressed = Vec::new();
        Codecs::new(1 << 20).compress(Codec::Gzip, &set, &mut compressed).unwrap();
        let outer = message(41, 1, 1, Some(&compressed));
        assert_eq!(told(&outer), [(40, Some(b"a".to_vec())), (41, Some(b"b".to_vec()))]);
    }

    #[test]
    fn nothing_that_is_cut_or_bent_panics() {
        let set = message(0, 1, 0, Some(b"a"));
        let mut compressed = Vec::new();
        Codecs::new(1 << 20).compress(Codec::Gzip, &set, &mut compressed).unwrap();
        let whole = message(41, 1, 1, Some(&compressed));
        for end in 0..whole.len() {
            drop(messages(&whole[..end], &mut Codecs::new(1 << 20), |_| {}));
        }
        for at in 0..whole.len() {
            let mut bent = whole.clone();
            bent[at] ^= 0xff;
            drop(messages(&bent, &mut Codecs::new(1 << 20), |_| {}));
        }
    }
}
