//! What a broker and its log cleaner do to a stored batch, for tests.

use crate::sample::{SampleBatch, SampleRecord, decompressed, with_section};
use crate::{Attributes, BatchHeader, Codec, crc_matches};

const DELETE_HORIZON: i16 = 0x40;

/// One way to treat a batch.
#[derive(Debug, Clone, Default)]
pub(crate) struct Handling {
    pub(crate) base_offset: i64,
    pub(crate) leader_epoch: i32,
    pub(crate) append_time: Option<i64>,
    pub(crate) recompress: Option<Codec>,
    /// Which records the cleaner keeps, in turn; `None` if it never came.
    pub(crate) keep: Option<Vec<bool>>,
    pub(crate) delete_horizon: Option<i64>,
}

impl Handling {
    /// The batch as a Fetch returns it. `keeps` decides for each record whether the cleaner may remove it.
    pub(crate) fn store(&self, batch: &[u8], keeps: impl Fn(&SampleRecord) -> bool) -> Vec<u8> {
        assert!(crc_matches(batch), "a broker refuses a wrong CRC");
        let mut header = self.appended(&BatchHeader::parse(batch).unwrap());
        let codec = self.recompress.unwrap_or_else(|| header.attributes.codec().unwrap());
        let Some(keep) = &self.keep else {
            if self.recompress.is_none() {
                // Untouched but for the header.
                let mut stored = header.complete(&[&batch[61..]]).to_vec();
                stored.extend_from_slice(&batch[61..]);
                return stored;
            }
            return with_section(&header, codec, &decompressed(batch));
        };
        let mut cleaned = SampleBatch::parse(batch);
        let mut turns = keep.iter().cycle();
        cleaned.records.retain(|record| *turns.next().unwrap() || keeps(record));
        cleaned.header = header;
        self.clean(&mut cleaned);
        // Of a batch without records the cleaner leaves the header alone, whatever the codec was.
        cleaned.build(if cleaned.records.is_empty() { Codec::None } else { codec })
    }

    /// The header after the append, which is also what a consumer without encryption would see.
    pub(crate) fn appended(&self, produced: &BatchHeader) -> BatchHeader {
        BatchHeader {
            base_offset: self.base_offset,
            leader_epoch: self.leader_epoch,
            attributes: produced.attributes.with_log_append_time(self.append_time.is_some()),
            max_timestamp: self.append_time.unwrap_or(produced.max_timestamp),
            ..*produced
        }
    }

    /// Count and timestamps as the cleaner rewrites them; last offset delta and producer fields stay.
    fn clean(&self, batch: &mut SampleBatch) {
        batch.header.record_count = i32::try_from(batch.records.len()).unwrap();
        if self.append_time.is_none() {
            let times = batch
                .records
                .iter()
                .map(|record| batch.header.base_timestamp.wrapping_add(record.timestamp_delta));
            batch.header.max_timestamp = times.max().unwrap_or(-1);
        }
        if let Some(horizon) = self.delete_horizon {
            let shift = batch.header.base_timestamp.wrapping_sub(horizon);
            for record in &mut batch.records {
                record.timestamp_delta = record.timestamp_delta.wrapping_add(shift);
            }
            batch.header.base_timestamp = horizon;
            batch.header.attributes = Attributes(batch.header.attributes.0 | DELETE_HORIZON);
        }
    }
}
