//! Puts records together to batches, as a producer would.

use super::super::opening::PlainRecord;
use super::CopyError;
use aws_lc_rs::digest::{Context, SHA256};
use proxy_records::{Codec, Record, write_record};

/// Records of a batch, so that neither stubs nor a refused batch grow without bounds.
const MAX_RECORDS: usize = 10_000;

/// How large a batch may become where it is stored.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Bytes of the batch as the broker gets it.
    pub(super) bytes: usize,
    /// What encryption adds to a batch, to each of its records, and to each header of these, at most.
    pub(super) for_batch: usize,
    pub(super) for_record: usize,
    pub(super) for_header: usize,
    /// Whether keys are stored, and sealed with the values besides.
    pub(super) keys_twice: bool,
}

/// A hash over all records so far, in order.
pub(super) type Digest = [u8; 32];

/// Records that become one batch.
pub(super) struct PlainBatch {
    pub(super) section: Vec<u8>,
    pub(super) count: i32,
    /// Of all records together.
    headers: usize,
    /// Bytes of all records' keys together.
    keys: usize,
    pub(super) base_timestamp: i64,
    pub(super) max_timestamp: i64,
    /// Of the first record's batch.
    pub(super) codec: Codec,
    /// Behind the last record.
    pub(super) source_next: i64,
    /// Of this batch and all before it.
    pub(super) digest: Digest,
    /// Records before its last one that were left out.
    pub(super) skipped: u64,
}

pub(super) struct Batches {
    limits: Limits,
    full: Vec<PlainBatch>,
    current: Option<PlainBatch>,
    digest: Digest,
    skipped: u64,
}

impl PlainBatch {
    pub(super) fn records(&self) -> u64 {
        u64::try_from(self.count).unwrap_or(0)
    }
}

impl Batches {
    pub(super) fn new(limits: Limits, digest: Digest) -> Self {
        Self { limits, full: Vec::new(), current: None, digest, skipped: 0 }
    }

    /// Adds a record to the batch that is being made, or begins another.
    pub(super) fn add(&mut self, record: &PlainRecord<'_>) -> Result<(), CopyError> {
        let timestamp = record.timestamp.unwrap_or(-1);
        self.digest = chain(&self.digest, record);
        let is_full = self.current.as_ref().is_some_and(|batch| {
            let records = usize::try_from(batch.count).unwrap_or(usize::MAX);
            let size = batch.section.len().saturating_add(size(record));
            let growth = records.saturating_add(1).saturating_mul(self.limits.for_record);
            let headers = batch.headers.saturating_add(count(record));
            let growth = growth.saturating_add(headers.saturating_mul(self.limits.for_header));
            let keys = if self.limits.keys_twice { batch.keys.saturating_add(key_len(record)) } else { 0 };
            let growth = growth.saturating_add(keys);
            let stored = size.saturating_add(growth).saturating_add(self.limits.for_batch);
            records >= MAX_RECORDS || stored > self.limits.bytes
        });
        if is_full {
            self.full.extend(self.current.take());
        }
        let batch = self.current.get_or_insert_with(|| PlainBatch {
            section: Vec::new(),
            count: 0,
            headers: 0,
            keys: 0,
            base_timestamp: timestamp,
            max_timestamp: timestamp,
            codec: record.codec,
            source_next: 0,
            digest: [0; 32],
            skipped: 0,
        });
        let written = Record {
            attributes: 0,
            timestamp_delta: timestamp.wrapping_sub(batch.base_timestamp),
            offset_delta: batch.count,
            key: record.key,
            value: record.value,
            headers: record.headers,
        };
        write_record(&written, None, &mut batch.section).map_err(CopyError::Record)?;
        batch.count = batch.count.saturating_add(1);
        batch.headers = batch.headers.saturating_add(count(record));
        batch.keys = batch.keys.saturating_add(key_len(record));
        batch.max_timestamp = batch.max_timestamp.max(timestamp);
        batch.source_next = record.offset.saturating_add(1);
        batch.digest = self.digest;
        batch.skipped = batch.skipped.saturating_add(std::mem::take(&mut self.skipped));
        Ok(())
    }

    /// Records that are left out.
    pub(super) fn skip(&mut self, records: u64) {
        self.skipped = self.skipped.saturating_add(records.max(1));
    }

    /// Those behind the last batch.
    pub(super) fn skipped(&self) -> u64 {
        self.skipped
    }

    pub(super) fn take_full(&mut self) -> Vec<PlainBatch> {
        std::mem::take(&mut self.full)
    }

    pub(super) fn take_all(&mut self) -> Vec<PlainBatch> {
        self.full.extend(self.current.take());
        self.take_full()
    }
}

/// What a record takes at most beyond its fields: lengths and deltas.
const LENGTHS: usize = 40;

fn size(record: &PlainRecord<'_>) -> usize {
    let field = |field: Option<&[u8]>| field.map_or(0, <[u8]>::len);
    [field(record.key), field(record.value), record.headers.raw().len(), LENGTHS]
        .into_iter()
        .fold(0, usize::saturating_add)
}

fn count(record: &PlainRecord<'_>) -> usize {
    usize::try_from(record.headers.len()).unwrap_or(usize::MAX)
}

fn key_len(record: &PlainRecord<'_>) -> usize {
    record.key.map_or(0, <[u8]>::len)
}

/// Nothing of a record can change, nor can records change places, without changing the hash.
pub(super) fn chain(before: &Digest, record: &PlainRecord<'_>) -> Digest {
    let mut hash = Context::new(&SHA256);
    hash.update(before);
    hash.update(&record.timestamp.unwrap_or(-1).to_be_bytes());
    for field in [record.key, record.value] {
        let length = field.map_or(-1, |field| i64::try_from(field.len()).unwrap_or(i64::MAX));
        hash.update(&length.to_be_bytes());
        hash.update(field.unwrap_or_default());
    }
    hash.update(&record.headers.len().to_be_bytes());
    hash.update(record.headers.raw());
    let mut digest = [0; 32];
    digest.copy_from_slice(hash.finish().as_ref().first_chunk::<32>().unwrap_or(&[0; 32]));
    digest
}

#[cfg(test)]
mod tests {
    use super::*;
    use proxy_records::{Headers, Records};

    #[test]
    fn what_sealed_headers_add_counts_for_all_records_of_a_batch() {
        let mut section = Vec::new();
        let record = Record {
            attributes: 0,
            timestamp_delta: 0,
            offset_delta: 0,
            key: None,
            value: None,
            headers: Headers::NONE,
        };
        write_record(&record, Some((&b"h"[..], Some(&b""[..]))), &mut section).unwrap();
        let headers = Records::new(&section, 1).next().unwrap().unwrap().headers;
        let full = |for_header| {
            let limits = Limits { bytes: 1000, for_batch: 0, for_record: 0, for_header, keys_twice: false };
            let mut batches = Batches::new(limits, [0; 32]);
            for offset in 0..20 {
                let record = PlainRecord {
                    offset,
                    timestamp: Some(0),
                    log_append_time: false,
                    key: None,
                    value: None,
                    headers,
                    codec: Codec::None,
                    sealed: true,
                    clear: false,
                    unsealed: false,
                };
                batches.add(&record).unwrap();
            }
            batches.take_all().iter().map(|batch| batch.count).collect::<Vec<_>>()
        };
        assert_eq!(full(0), [20]);
        assert_eq!(full(200), [4, 4, 4, 4, 4]);
    }

    #[test]
    fn keys_that_are_sealed_besides_count_twice() {
        let key = [7; 60];
        let full = |keys_twice| {
            let limits = Limits { bytes: 1000, for_batch: 0, for_record: 0, for_header: 0, keys_twice };
            let mut batches = Batches::new(limits, [0; 32]);
            for offset in 0..20 {
                let record = PlainRecord {
                    offset,
                    timestamp: Some(0),
                    log_append_time: false,
                    key: Some(&key),
                    value: None,
                    headers: Headers::NONE,
                    codec: Codec::None,
                    sealed: true,
                    clear: false,
                    unsealed: false,
                };
                batches.add(&record).unwrap();
            }
            batches.take_all().iter().map(|batch| batch.count).max().unwrap()
        };
        // Of 67 bytes each, or 127.
        assert_eq!((full(false), full(true)), (14, 7));
    }
}
