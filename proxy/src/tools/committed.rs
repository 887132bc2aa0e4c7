//! Which batches are of transactions that were aborted, by the list that a broker sends with them.

use super::offsets;
use crate::client::Aborted;
use proxy_records::{BATCH_HEADER_LEN, BatchHeader, Codec, Records};
use std::collections::{HashSet, VecDeque};

/// The transactions of one fetch.
#[derive(Debug, Default)]
pub(super) struct Committed {
    coming: VecDeque<Aborted>,
    open: HashSet<i64>,
}

impl Committed {
    /// Those of the next fetch. The broker tells again those that began earlier.
    pub(super) fn start(&mut self, mut aborted: Vec<Aborted>) {
        aborted.sort_by_key(|aborted| aborted.first_offset);
        self.coming = aborted.into();
        self.open.clear();
    }

    /// Whether the batch, which is the next one, was aborted.
    pub(super) fn is_aborted(&mut self, batch: &[u8]) -> bool {
        let Ok(header) = BatchHeader::parse(batch) else { return false };
        let (_, last) = offsets::of_batch(&header);
        while let Some(next) = self.coming.pop_front_if(|next| next.first_offset <= last) {
            self.open.insert(next.producer_id);
        }
        if header.attributes.is_control() {
            if marker(&header, batch) == Some(Marker::Abort) {
                self.open.remove(&header.producer_id);
            }
            return false;
        }
        header.attributes.is_transactional() && self.open.contains(&header.producer_id)
    }
}

/// The end of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Marker {
    Abort,
    Commit,
}

/// What a control batch says; there are other kinds.
pub(super) fn marker(header: &BatchHeader, batch: &[u8]) -> Option<Marker> {
    if !header.attributes.is_control() || header.attributes.codec() != Ok(Codec::None) {
        return None;
    }
    let record = Records::new(batch.get(BATCH_HEADER_LEN..)?, header.record_count).next()?.ok()?;
    match record.key? {
        [_, _, 0, 0, ..] => Some(Marker::Abort),
        [_, _, 0, 1, ..] => Some(Marker::Commit),
        _ => None,
    }
}
