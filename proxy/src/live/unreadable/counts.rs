//! How many records consumers went past, by topic and key.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::time::Instant;

/// Topics and keys that are told apart. What is beyond them only counts in the metric.
const MAX_ENTRIES: usize = 10_000;
/// The audit log tells of a topic and key at most so often.
const PAUSE: Duration = Duration::from_mins(1);

/// Records that consumers did not get.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Unread {
    /// Left out.
    pub skipped: u64,
    /// Delivered with a null value.
    pub tombstones: u64,
}

/// Records of one topic under one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadEntry {
    /// The topic.
    pub topic: String,
    /// The provider that refuses the key.
    pub provider: String,
    /// The key.
    pub key: String,
    /// How many, each as often as it was fetched.
    pub unread: Unread,
    /// When the first of them was fetched.
    pub since: SystemTime,
    /// When the last of them was.
    pub last: SystemTime,
}

/// All of them since the program started.
#[derive(Debug, Default)]
pub(super) struct Counts(Mutex<BTreeMap<Place, Entry>>);

/// Topic, provider, key.
type Place = (String, String, String);

#[derive(Debug)]
struct Entry {
    all: Unread,
    /// What the audit log was not told yet.
    untold: Unread,
    told: Option<Instant>,
    since: SystemTime,
    last: SystemTime,
}

impl Unread {
    /// Records of either kind.
    pub fn records(self) -> u64 {
        self.skipped.saturating_add(self.tombstones)
    }

    fn add(&mut self, other: Self) {
        self.skipped = self.skipped.saturating_add(other.skipped);
        self.tombstones = self.tombstones.saturating_add(other.tombstones);
    }
}

impl Counts {
    /// Counts what was fetched, and tells the audit log unless it was told a moment ago.
    pub(super) fn note(&self, topic: &str, partition: i32, provider: &str, key: &str, unread: Unread) {
        if unread == Unread::default() {
            return;
        }
        let Some(untold) = self.count(topic, provider, key, unread, Instant::now()) else { return };
        tracing::info!(
            target: "audit",
            event = "recordsUnreadable",
            topic,
            partition,
            provider,
            key,
            skipped = untold.skipped,
            tombstones = untold.tombstones,
        );
    }

    /// What was counted, in the order of topics.
    pub(super) fn entries(&self) -> Vec<UnreadEntry> {
        let entries = self.lock();
        let entry = |((topic, provider, key), entry): (&Place, &Entry)| UnreadEntry {
            topic: topic.clone(),
            provider: provider.clone(),
            key: key.clone(),
            unread: entry.all,
            since: entry.since,
            last: entry.last,
        };
        entries.iter().map(entry).collect()
    }

    /// Returns what the audit log is to be told now.
    fn count(&self, topic: &str, provider: &str, key: &str, unread: Unread, now: Instant) -> Option<Unread> {
        let mut entries = self.lock();
        let place = (topic.to_owned(), provider.to_owned(), key.to_owned());
        if entries.len() >= MAX_ENTRIES && !entries.contains_key(&place) {
            return None;
        }
        let time = SystemTime::now();
        let (all, untold) = Default::default();
        let entry =
            entries.entry(place).or_insert(Entry { all, untold, told: None, since: time, last: time });
        entry.last = time;
        entry.all.add(unread);
        entry.untold.add(unread);
        if entry.told.is_some_and(|told| now.saturating_duration_since(told) < PAUSE) {
            return None;
        }
        entry.told = Some(now);
        Some(std::mem::take(&mut entry.untold))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Place, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SKIPPED: Unread = Unread { skipped: 3, tombstones: 0 };

    #[test]
    fn the_audit_log_is_told_at_once_and_then_of_all_since() {
        let counts = Counts::default();
        let start = Instant::now();
        let count = |topic, unread, after| counts.count(topic, "p", "k", unread, start + after);
        assert_eq!(count("a", SKIPPED, Duration::ZERO), Some(SKIPPED));
        assert_eq!(count("a", SKIPPED, Duration::from_secs(59)), None);
        assert_eq!(count("b", SKIPPED, Duration::from_secs(59)), Some(SKIPPED), "another topic");
        let tombstone = Unread { skipped: 0, tombstones: 1 };
        let both = Unread { skipped: 3, tombstones: 1 };
        assert_eq!(count("a", tombstone, Duration::from_mins(1)), Some(both));
        assert_eq!(counts.entries()[0].unread, Unread { skipped: 6, tombstones: 1 });
    }

    #[test]
    fn what_brokers_say_does_not_grow_it_without_end() {
        let counts = Counts::default();
        for index in 0..MAX_ENTRIES + 5 {
            counts.note("a", 0, "p", &index.to_string(), SKIPPED);
        }
        assert_eq!(counts.entries().len(), MAX_ENTRIES);
    }
}
