//! What a partition holds, in bounded memory.
//!
//! Totals for each kind of content are always exact. Ranges of offsets are kept in order up to a number; beyond it the
//! totals with their first and last offsets have to do, and the tally says so.

use super::content::{Content, Run};
use super::look::Looker;
use super::transactions::Transactions;
use super::{Piece, PieceKind, old_messages};
use proxy_records::BatchHeader;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Kinds of content that are told apart. Each data key is one where they are told apart, else each version of a key.
const MAX_ROWS: usize = 10_000;

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Tally {
    rows: Vec<Row>,
    #[serde(skip)]
    index: HashMap<Content, usize>,
    ranges: Vec<Range>,
    max_ranges: usize,
    /// From this offset on there are no ranges.
    ranges_end: Option<i64>,
    /// Records whose content is not in any row.
    beyond: u64,
    batches: u64,
    truncated: u64,
    transactions: Transactions,
    /// The newest timestamp so far.
    newest: Option<i64>,
    refusable: Option<Refusable>,
}

/// Up to where a log has records that `onPlaintext: Reject` refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Refusable {
    /// The newest timestamp up to there, in milliseconds since 1970: brokers remove no segment before those in front of it. None
    /// where no message tells any.
    pub(super) newest: Option<i64>,
}

/// Everything of one content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Row {
    pub(super) content: Content,
    pub(super) records: u64,
    pub(super) first_offset: i64,
    pub(super) last_offset: i64,
}

/// Consecutive offsets of one content, as far as there are records; null values and control records do not interrupt it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Range {
    row: usize,
    first: i64,
    last: i64,
    records: u64,
}

impl Tally {
    pub(super) fn new(max_ranges: usize) -> Self {
        Self { max_ranges, ..Self::default() }
    }

    /// Takes the next entry of the log.
    pub(super) fn take(&mut self, piece: &Piece, looker: &mut Looker) {
        match piece.kind {
            PieceKind::Truncated(bytes) => self.truncated = self.truncated.saturating_add(bytes),
            PieceKind::Batch | PieceKind::Aborted => {
                self.batches = self.batches.saturating_add(1);
                self.transactions.take(&piece.bytes);
            }
            PieceKind::OldMessage => self.batches = self.batches.saturating_add(1),
            PieceKind::Unreadable(_, _) => {}
        }
        self.newest = self.newest.max(timestamp(piece));
        // Nothing of these formats can be sealed.
        let mut is_refusable = piece.kind == PieceKind::OldMessage;
        looker.look(piece, |run| {
            is_refusable |= matches!(run.content, Content::Clear | Content::Legacy(_));
            self.add(run);
        });
        if is_refusable {
            self.refusable = Some(Refusable { newest: self.newest });
        }
    }

    pub(super) fn add(&mut self, run: Run) {
        let quiet = matches!(run.content, Content::Null | Content::Control);
        let Some(row) = self.row(run.content, run.first) else {
            self.beyond = self.beyond.saturating_add(run.records.max(1));
            return;
        };
        let Some(total) = self.rows.get_mut(row) else { return };
        total.records = total.records.saturating_add(run.records);
        total.first_offset = total.first_offset.min(run.first);
        total.last_offset = total.last_offset.max(run.last);
        if quiet || self.ranges_end.is_some() {
            return;
        }
        let is_full = self.ranges.len() >= self.max_ranges;
        match self.ranges.last_mut().filter(|range| range.row == row) {
            Some(range) => {
                range.last = range.last.max(run.last);
                range.records = range.records.saturating_add(run.records);
            }
            None if is_full => self.ranges_end = Some(run.first),
            None => {
                self.ranges.push(Range { row, first: run.first, last: run.last, records: run.records });
            }
        }
    }

    fn row(&mut self, content: Content, first: i64) -> Option<usize> {
        if let Some(row) = self.index.get(&content) {
            return Some(*row);
        }
        // A tally from a state file has no index yet. That has fewer entries where the file names a content twice.
        if self.index.is_empty() && !self.rows.is_empty() {
            let rows = self.rows.iter().enumerate();
            self.index = rows.map(|(row, total)| (total.content.clone(), row)).collect();
            return self.row(content, first);
        }
        let row = self.rows.len();
        if row >= MAX_ROWS {
            return None;
        }
        self.index.insert(content.clone(), row);
        self.rows.push(Row { content, records: 0, first_offset: first, last_offset: first });
        Some(row)
    }

    pub(super) fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Ranges with what they are of.
    pub(super) fn ranges(&self) -> impl Iterator<Item = Row> {
        self.ranges.iter().filter_map(|range| {
            let content = self.rows.get(range.row)?.content.clone();
            let (first_offset, last_offset) = (range.first, range.last);
            Some(Row { content, records: range.records, first_offset, last_offset })
        })
    }

    /// From where on there are only totals.
    pub(super) fn ranges_end(&self) -> Option<i64> {
        self.ranges_end
    }

    /// Records whose key is not told, as there were too many kinds.
    pub(super) fn beyond(&self) -> u64 {
        self.beyond
    }

    pub(super) fn batches(&self) -> u64 {
        self.batches
    }

    pub(super) fn truncated(&self) -> u64 {
        self.truncated
    }

    pub(super) fn transactions(&self) -> &Transactions {
        &self.transactions
    }

    /// None where no such record was seen.
    pub(super) fn refusable(&self) -> Option<Refusable> {
        self.refusable
    }

    /// Records of a content.
    pub(super) fn count(&self, is: impl Fn(&Content) -> bool) -> u64 {
        self.rows.iter().filter(|row| is(&row.content)).fold(0, |sum, row| sum.saturating_add(row.records))
    }

    /// Whether there is any of a content, be it a batch whose records cannot be counted.
    pub(super) fn any(&self, is: impl Fn(&Content) -> bool) -> bool {
        self.rows.iter().any(|row| is(&row.content))
    }
}

/// Of the newest record of an entry; producers may give none.
fn timestamp(piece: &Piece) -> Option<i64> {
    let told = match piece.kind {
        PieceKind::Batch | PieceKind::Aborted => {
            BatchHeader::parse(&piece.bytes).ok().map(|header| header.max_timestamp)
        }
        PieceKind::OldMessage => old_messages::timestamp(&piece.bytes),
        PieceKind::Truncated(_) | PieceKind::Unreadable(..) => None,
    };
    told.filter(|timestamp| *timestamp >= 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::content::Damage;

    fn run(content: Content, first: i64, last: i64) -> Run {
        Run { content, records: u64::try_from(last - first + 1).unwrap(), first, last }
    }

    fn ranges(tally: &Tally) -> Vec<(i64, i64, u64)> {
        tally.ranges().map(|range| (range.first_offset, range.last_offset, range.records)).collect()
    }

    #[test]
    fn neighbours_of_the_same_content_are_one_range() {
        let mut tally = Tally::new(10);
        tally.add(run(Content::Clear, 0, 9));
        tally.add(run(Content::Null, 10, 10));
        tally.add(run(Content::Clear, 15, 19));
        tally.add(run(Content::Damaged(Damage::Checksum), 20, 20));
        tally.add(run(Content::Clear, 21, 21));
        assert_eq!(ranges(&tally), [(0, 19, 15), (20, 20, 1), (21, 21, 1)]);
        assert_eq!(tally.count(|content| *content == Content::Null), 1);
    }

    #[test]
    fn totals_stay_exact_beyond_the_ranges_and_through_a_state_file() {
        let mut tally = Tally::new(2);
        for at in 0..10 {
            let content = if at % 2 == 0 { Content::Clear } else { Content::Damaged(Damage::Malformed) };
            tally.add(run(content, at, at));
            tally = serde_json::from_str(&serde_json::to_string(&tally).unwrap()).unwrap();
        }
        assert_eq!(ranges(&tally), [(0, 0, 1), (1, 1, 1)]);
        assert_eq!(tally.ranges_end(), Some(2));
        let totals: Vec<_> =
            tally.rows().iter().map(|row| (row.records, row.first_offset, row.last_offset)).collect();
        assert_eq!(totals, [(5, 0, 8), (5, 1, 9)]);
    }

    #[test]
    fn a_state_file_that_names_a_content_twice_is_gone_on_with() {
        let mut tally = Tally::new(2);
        tally.add(run(Content::Clear, 0, 0));
        let twice = tally.rows[0].clone();
        tally.rows.push(twice);
        tally = serde_json::from_str(&serde_json::to_string(&tally).unwrap()).unwrap();
        tally.add(run(Content::Null, 1, 1));
        assert_eq!(tally.count(|content| *content == Content::Null), 1);
    }
}
