//! The offsets that the records of a batch say, for whoever must not trust its header.

use crate::header::{BATCH_HEADER_LEN, BatchHeader};
use crate::record::Records;
use crate::scratch::Scratch;

/// Where the compression of a message of magic 0 or 1 stands, and its bits.
const OLD_ATTRIBUTES_AT: usize = 17;
const OLD_CODEC: u8 = 0b111;

/// The highest offset that a client may deliver of a batch. None where the header and the records do not agree on their
/// offsets, or bytes are left over that some client might read: nobody can tell which offsets it would give them.
pub fn last_offset(batch: &[u8], scratch: &mut Scratch) -> Option<i64> {
    let header = BatchHeader::parse(batch).ok()?;
    if header.base_offset < 0 || header.last_offset_delta < 0 || header.batch_len() != batch.len() {
        return None;
    }
    let last = header.base_offset.checked_add(i64::from(header.last_offset_delta))?;
    if header.record_count == 0 {
        return (batch.len() == BATCH_HEADER_LEN).then_some(last);
    }
    let section = scratch.load(header.attributes.codec().ok()?, batch).ok()?;
    let agree = |delta: i32| (0..=header.last_offset_delta).contains(&delta);
    Records::new(section.of(batch, &scratch.decompressed), header.record_count)
        .all(|record| record.is_ok_and(|record| agree(record.offset_delta)))
        .then_some(last)
}

/// The offset of a message of magic 0 or 1. None where it is compressed: each message inside says an offset of its own.
pub fn old_message_offset(message: &[u8]) -> Option<i64> {
    let is_clear = message.get(OLD_ATTRIBUTES_AT)? & OLD_CODEC == 0;
    let offset = i64::from_be_bytes(*message.first_chunk()?);
    (is_clear && offset >= 0).then_some(offset)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Codec;
    use crate::sample::{CAP, SampleBatch, SampleRecord};

    const ALL: [Codec; 5] = [Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd];

    fn sample() -> SampleBatch {
        let record = SampleRecord { value: Some(b"clear".to_vec()), ..SampleRecord::default() };
        let mut sample = SampleBatch::new(vec![record.clone(), record]);
        sample.header.base_offset = 6;
        sample.header.last_offset_delta = 3;
        sample
    }

    fn last(sample: &SampleBatch, codec: Codec) -> Option<i64> {
        last_offset(&sample.build(codec), &mut Scratch::new(CAP))
    }

    #[test]
    fn a_record_outside_of_what_its_header_says_has_no_offset_to_trust() {
        for codec in ALL {
            assert_eq!(last(&sample(), codec), Some(9), "{codec:?}");
            for delta in [4, 1000, -1, i32::MIN, i32::MAX] {
                for record in [0, 1] {
                    let mut forged = sample();
                    forged.records[record].offset_delta = delta;
                    assert_eq!(last(&forged, codec), None, "{codec:?} {delta} {record}");
                }
            }
        }
    }

    #[test]
    fn a_header_that_cannot_be_has_no_offset_to_trust() {
        let changes: [fn(&mut BatchHeader); 5] = [
            |header| header.base_offset = -1,
            |header| header.base_offset = i64::MAX,
            |header| header.last_offset_delta = -1,
            |header| header.record_count = 1,
            |header| header.record_count = 0,
        ];
        for (at, change) in changes.into_iter().enumerate() {
            let bytes = sample().build(Codec::None);
            let mut header = BatchHeader::parse(&bytes).unwrap();
            change(&mut header);
            let forged = [&header.to_bytes()[..], &bytes[BATCH_HEADER_LEN..]].concat();
            assert_eq!(last_offset(&forged, &mut Scratch::new(CAP)), None, "{at}");
        }
    }

    #[test]
    fn a_batch_that_compaction_emptied_has_the_offset_of_its_header() {
        let mut header = BatchHeader::parse(&sample().build(Codec::Zstd)).unwrap();
        header.record_count = 0;
        let bytes = header.complete(&[]);
        assert_eq!(last_offset(&bytes, &mut Scratch::new(CAP)), Some(9));
    }

    #[test]
    fn a_compressed_message_of_old_has_no_offset_to_trust() {
        let mut message = vec![0; 40];
        message[7] = 5;
        assert_eq!(old_message_offset(&message), Some(5));
        for codec in 1..=7 {
            message[OLD_ATTRIBUTES_AT] = codec;
            assert_eq!(old_message_offset(&message), None);
        }
        message[OLD_ATTRIBUTES_AT] = 0b1000;
        assert_eq!(old_message_offset(&message), Some(5), "the kind of timestamp");
        message[0] = 0x80;
        assert_eq!(old_message_offset(&message), None);
        assert_eq!(old_message_offset(&message[..17]), None);
    }
}
