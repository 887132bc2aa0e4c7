//! What consumers went past because its key is refused, by a rule's `onUnreadable`: for the audit log and the admin
//! server. Bounded: whatever a broker makes envelopes say, only so many topics and keys are told apart.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// Topics and keys that are told apart. What is beyond them only counts in the metric.
const MAX_ENTRIES: usize = 10_000;
/// The audit log tells of a topic and key at most so often.
const PAUSE: Duration = Duration::from_mins(1);
/// A refusal that was not met for so long counts as a new one.
const FORGOTTEN: Duration = Duration::from_hours(1);

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
#[derive(Debug)]
pub struct Unreadable {
    /// How long a key must have been refused.
    delay: Duration,
    refused: Mutex<HashMap<Version, Refused>>,
    counted: Mutex<BTreeMap<(String, String, String), Entry>>,
}

/// Provider, key and, where that is known, its version.
type Version = (String, String, Option<String>);

#[derive(Debug, Clone, Copy)]
struct Refused {
    since: Instant,
    last: Instant,
}

#[derive(Debug)]
struct Entry {
    all: Unread,
    /// What the audit log was not told yet.
    untold: Unread,
    told: Option<Instant>,
    since: SystemTime,
    last: SystemTime,
}

impl Unreadable {
    /// Where a key counts as lost after it was refused for so long.
    pub fn new(delay: Duration) -> Self {
        Self { delay, refused: Mutex::default(), counted: Mutex::default() }
    }

    /// Takes note that a key was refused now. Tells whether that has been so for long enough to go on without: one proxy may
    /// lack for a while what another has already, and what a consumer went past it does not come back to.
    pub(crate) fn is_settled(&self, provider: &str, key: &str, version: Option<String>) -> bool {
        self.settled_at(provider, key, version, Instant::now())
    }

    fn settled_at(&self, provider: &str, key: &str, version: Option<String>, now: Instant) -> bool {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let is_old = |refused: &Refused| now.saturating_duration_since(refused.last) >= FORGOTTEN;
        let version = (provider.to_owned(), key.to_owned(), version);
        if refused.len() >= MAX_ENTRIES && !refused.contains_key(&version) {
            refused.retain(|_, each| !is_old(each));
            if refused.len() >= MAX_ENTRIES {
                return false;
            }
        }
        let entry = refused.entry(version).or_insert(Refused { since: now, last: now });
        if is_old(entry) {
            entry.since = now;
        }
        entry.last = now;
        now.saturating_duration_since(entry.since) >= self.delay
    }

    /// Counts what was fetched, and tells the audit log unless it was told a moment ago.
    pub(crate) fn note(&self, topic: &str, partition: i32, provider: &str, key: &str, unread: Unread) {
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
    pub fn entries(&self) -> Vec<UnreadEntry> {
        let entries = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = |((topic, provider, key), entry): (&(String, String, String), &Entry)| UnreadEntry {
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
        let mut entries = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
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

#[cfg(test)]
mod tests {
    use super::*;

    const SKIPPED: Unread = Unread { skipped: 3, tombstones: 0 };

    #[test]
    fn a_key_is_lost_only_after_it_was_refused_for_a_while() {
        let unreadable = Unreadable::new(Duration::from_mins(2));
        let start = Instant::now();
        let settled = |version: &str, seconds| {
            unreadable.settled_at("p", "k", Some(version.to_owned()), start + Duration::from_secs(seconds))
        };
        assert!(!settled("1", 0) && !settled("1", 119));
        assert!(settled("1", 120));
        assert!(!settled("2", 120), "another version, which this proxy may only lack yet");
        assert!(settled("1", 3700));
        assert!(!settled("1", 7300), "not met for an hour");
        assert!(settled("1", 7420));
    }

    #[test]
    fn the_audit_log_is_told_at_once_and_then_of_all_since() {
        let unreadable = Unreadable::new(Duration::ZERO);
        let start = Instant::now();
        let count = |topic, unread, after| unreadable.count(topic, "p", "k", unread, start + after);
        assert_eq!(count("a", SKIPPED, Duration::ZERO), Some(SKIPPED));
        assert_eq!(count("a", SKIPPED, Duration::from_secs(59)), None);
        assert_eq!(count("b", SKIPPED, Duration::from_secs(59)), Some(SKIPPED), "another topic");
        let tombstone = Unread { skipped: 0, tombstones: 1 };
        let both = Unread { skipped: 3, tombstones: 1 };
        assert_eq!(count("a", tombstone, Duration::from_mins(1)), Some(both));
        assert_eq!(unreadable.entries()[0].unread, Unread { skipped: 6, tombstones: 1 });
    }

    #[test]
    fn what_brokers_say_does_not_grow_it_without_end() {
        let unreadable = Unreadable::new(Duration::ZERO);
        for index in 0..MAX_ENTRIES + 5 {
            unreadable.note("a", 0, "p", &index.to_string(), SKIPPED);
        }
        assert_eq!(unreadable.entries().len(), MAX_ENTRIES);
    }
}
