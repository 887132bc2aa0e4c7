//! Small batches that stand for very large ones: one record whose value is a run of zeros, compressed by hand, since
//! whoever attacks takes no library for it either. The same code with a small run makes batches that brokers take.

use crc_fast::{CrcAlgorithm, checksum};
use tests::{Batch, Codec, Field, SentRecord};

/// A batch of one record whose value has so many zeros.
pub(crate) fn batch(codec: Codec, zeros: usize) -> Batch {
    behind(&[], codec, zeros)
}

/// The same behind one other record, or none.
pub(crate) fn behind(record: &[u8], codec: Codec, zeros: usize) -> Batch {
    let others = u8::from(!record.is_empty());
    // Attributes, both deltas, a null key. After the value, a zero is the number of headers.
    let front = front(&[0, 0, others << 1, 1], zeros, 1);
    of(i64::from(others) + 1, codec, &[record, &front].concat(), zeros + 1)
}

/// A batch of one record whose key has so many zeros, and whose value is empty.
pub(crate) fn with_large_key(codec: Codec, zeros: usize) -> Batch {
    // Two zeros after the key are the length of the value and the number of headers.
    of(1, codec, &front(&[0, 0, 0], zeros, 2), zeros + 2)
}

/// A batch of so many records without key and with an empty value, not compressed: little more than their offsets, and much
/// when each of them is sealed.
pub(crate) fn of_many(records: usize) -> Batch {
    let mut section = Vec::new();
    for delta in 0..records {
        // Attributes, timestamp; behind the offset a null key, a value of no bytes, no headers.
        let mut body = vec![0, 0];
        put_varint(&mut body, delta);
        body.extend_from_slice(&[1, 0, 0]);
        put_varint(&mut section, body.len());
        section.extend(body);
    }
    let mut batch = Batch::of(&[SentRecord::of("")]);
    batch.set(Field::Count, i64::try_from(records).unwrap());
    batch.set(Field::LastOffsetDelta, i64::try_from(records).unwrap() - 1);
    batch.replace_records(&section);
    batch.seal();
    batch
}

/// A batch of so many records: these bytes, then zeros.
fn of(count: i64, codec: Codec, front: &[u8], zeros: usize) -> Batch {
    let section = match codec {
        Codec::Zstd => zstd(front, zeros),
        Codec::Gzip => gzip(front, zeros),
        Codec::Lz4 => lz4(front, zeros),
        _ => panic!("no bomb of {codec} is made"),
    };
    let mut batch = Batch::of(&[SentRecord::of("")]);
    batch.set(Field::Attributes, codec.number());
    batch.set(Field::Count, count);
    batch.set(Field::LastOffsetDelta, count - 1);
    batch.replace_records(&section);
    batch.seal();
    batch
}

/// A record up to its long field: what precedes that, its length, and how many bytes follow it.
fn front(before: &[u8], zeros: usize, after: usize) -> Vec<u8> {
    let mut body = before.to_vec();
    put_varint(&mut body, zeros);
    let mut front = Vec::new();
    put_varint(&mut front, body.len() + zeros + after);
    front.extend(body);
    front
}

/// RFC 8878: a frame without content size, one raw block, then blocks of one repeated byte.
fn zstd(front: &[u8], zeros: usize) -> Vec<u8> {
    const RAW: usize = 0;
    const REPEATED: usize = 1;
    const LARGEST: usize = 128 << 10;
    // Magic, no flags, a window of 128 KiB.
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0, 7 << 3];
    let block = |frame: &mut Vec<u8>, kind: usize, size: usize, last: bool| {
        let header = size << 3 | kind << 1 | usize::from(last);
        frame.extend_from_slice(&header.to_le_bytes()[..3]);
    };
    block(&mut frame, RAW, front.len(), false);
    frame.extend_from_slice(front);
    let mut left = zeros;
    while left > 0 {
        let size = left.min(LARGEST);
        left -= size;
        block(&mut frame, REPEATED, size, left == 0);
        frame.push(0);
    }
    frame
}

/// A frame of blocks of up to 4 MiB, each of which holds one byte: small, but much work for whoever makes room for what they
/// might hold.
fn lz4(front: &[u8], zeros: usize) -> Vec<u8> {
    // Magic; independent blocks without checksums; their largest size; a checksum of these two.
    let mut frame = vec![0x04, 0x22, 0x4d, 0x18, 0x60, 0x70, 0x73];
    for byte in front.iter().chain(std::iter::repeat_n(&0, zeros)) {
        frame.extend_from_slice(&2_u32.to_le_bytes());
        // One literal, which ends the block.
        frame.extend_from_slice(&[1 << 4, *byte]);
    }
    frame.extend_from_slice(&[0; 4]);
    frame
}

/// RFC 1951 and 1952: a stored block, then one of fixed codes with matches of 258 bytes at distance 1.
fn gzip(front: &[u8], zeros: usize) -> Vec<u8> {
    const LONGEST: usize = 258;
    let mut file = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    let length = u16::try_from(front.len() + 1).unwrap();
    file.push(0);
    file.extend(length.to_le_bytes());
    file.extend((!length).to_le_bytes());
    file.extend_from_slice(front);
    file.push(0);
    let left = zeros - 1;
    let mut bits = Bits::default();
    bits.put(0b011, 3);
    for _ in 0..left / LONGEST {
        // Length code 285 (1100 0101, the first bit first), distance code 0.
        bits.put(0b1010_0011, 8);
        bits.put(0, 5);
    }
    for _ in 0..left % LONGEST {
        // Literal 0: 0011 0000, the first bit first.
        bits.put(0b0000_1100, 8);
    }
    bits.put(0, 7);
    file.extend(bits.finish());
    let mut plain = front.to_vec();
    plain.resize(front.len() + zeros, 0);
    let crc = u32::try_from(checksum(CrcAlgorithm::Crc32IsoHdlc, &plain)).unwrap();
    file.extend(crc.to_le_bytes());
    file.extend(u32::try_from(plain.len()).unwrap().to_le_bytes());
    file
}

/// Bits, the lowest of each byte first.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    pending: u32,
    count: u32,
}

impl Bits {
    fn put(&mut self, bits: u32, count: u32) {
        self.pending |= bits << self.count;
        self.count += count;
        while self.count >= 8 {
            self.bytes.push(self.pending.to_le_bytes()[0]);
            self.pending >>= 8;
            self.count -= 8;
        }
    }

    fn finish(mut self) -> Vec<u8> {
        if self.count > 0 {
            self.bytes.push(self.pending.to_le_bytes()[0]);
        }
        self.bytes
    }
}

fn put_varint(to: &mut Vec<u8>, value: usize) {
    let mut raw = value << 1;
    while raw >= 0x80 {
        to.push(raw.to_le_bytes()[0] | 0x80);
        raw >>= 7;
    }
    to.push(raw.to_le_bytes()[0]);
}
