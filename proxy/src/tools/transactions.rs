//! Counts records of transactions that were aborted or are open, by the markers in the log itself.

use super::committed::{Marker, marker};
use proxy_records::BatchHeader;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// More transactions than this are never open at once in a sound log; those beyond are not counted.
const MAX_OPEN: usize = 100_000;

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Transactions {
    open: HashMap<i64, u64>,
    aborted: u64,
}

impl Transactions {
    /// Takes the next batch of the log.
    pub(super) fn take(&mut self, batch: &[u8]) {
        let Ok(header) = BatchHeader::parse(batch) else { return };
        if header.attributes.is_control() {
            let Some(marker) = marker(&header, batch) else { return };
            let records = self.open.remove(&header.producer_id).unwrap_or(0);
            if marker == Marker::Abort {
                self.aborted = self.aborted.saturating_add(records);
            }
        } else if header.attributes.is_transactional()
            && (self.open.len() < MAX_OPEN || self.open.contains_key(&header.producer_id))
        {
            let records = self.open.entry(header.producer_id).or_default();
            *records = records.saturating_add(u64::try_from(header.record_count).unwrap_or(0));
        }
    }

    /// Records of transactions that were aborted.
    pub(super) fn aborted(&self) -> u64 {
        self.aborted
    }

    /// Records of transactions that have no end yet.
    pub(super) fn open(&self) -> u64 {
        self.open.values().fold(0, |sum, records| sum.saturating_add(*records))
    }
}
