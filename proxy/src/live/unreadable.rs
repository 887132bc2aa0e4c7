//! What consumers went past because its key is gone, by a rule's `onUnreadable`, and which keys are refused to them: for the audit
//! log and the admin server. Bounded: whatever a broker makes envelopes say, only so many topics and keys are told apart.

mod reads;

pub use reads::RefusedRead;

use proxy_config::{KeyName, KeyRef, ProviderName};
use proxy_crypto::{EnvelopeHeader, ProviderError};
use reads::Reads;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::time::Instant;

/// Topics and keys that are told apart. What is beyond them only counts in the metric.
const MAX_ENTRIES: usize = 10_000;
/// The audit log tells of a topic and key at most so often.
const PAUSE: Duration = Duration::from_mins(1);
/// A refusal that was not met for so long counts as a new one.
const FORGOTTEN: Duration = Duration::from_hours(1);
/// Longer than a refusal is repeated without asking: what is heard so long after the delay, the provider said after it.
const ASKED_ANEW: Duration = Duration::from_secs(2);

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
    refused: Mutex<HashMap<KeyVersion, Refused>>,
    counted: Mutex<BTreeMap<(String, String, String), Entry>>,
    reads: Reads,
}

/// A version of a key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct KeyVersion {
    provider: String,
    key: String,
    version: Version,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Version {
    Told(String),
    /// Where nobody can tell it, each wrapped data key stands for itself: whatever somebody else's envelope says of the key is no
    /// word on that one.
    DigestOfWrapped(String),
}

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
        Self { delay, refused: Mutex::default(), counted: Mutex::default(), reads: Reads::default() }
    }

    /// Takes note that a key was gone now. Tells whether that has been so for long enough to go on without: one proxy may
    /// lack for a while what another has already, and what a consumer went past it does not come back to.
    pub(crate) fn note_gone(&self, envelope: &EnvelopeHeader<'_>, version: Option<String>) -> bool {
        self.note_gone_at(KeyVersion::of(envelope, version), Instant::now())
    }

    /// Takes note that a data key was unwrapped: its key is there, and the delay begins anew if it is ever gone again.
    pub(crate) fn note_there(&self, envelope: &EnvelopeHeader<'_>, version: impl FnOnce() -> Option<String>) {
        if self.refused().is_empty() && self.reads.is_empty() {
            return;
        }
        let version = version();
        if let Some(key) = key_of(envelope) {
            self.reads.worked(&key, version.as_deref());
        }
        self.forget(&KeyVersion::of(envelope, version));
    }

    /// Takes note that a reader of a topic gets an error for a data key, if that is since the provider said no. Where it does not
    /// say that the key is gone, the delay begins anew too.
    pub(crate) fn note_refused(
        &self,
        envelope: &EnvelopeHeader<'_>,
        topic: &str,
        error: &ProviderError,
        version: impl FnOnce() -> Option<String>,
    ) {
        if let (ProviderError::Refused { cause, gone, .. }, Some(key)) = (error, key_of(envelope)) {
            let version = version();
            if !gone {
                self.forget(&KeyVersion::of(envelope, version.clone()));
            }
            self.reads.refused(key, version, topic, cause, Instant::now());
        }
    }

    /// Keys that are refused to readers.
    pub fn refused_reads(&self) -> Vec<RefusedRead> {
        self.reads.entries(Instant::now())
    }

    fn forget(&self, version: &KeyVersion) {
        self.refused().remove(version);
    }

    fn refused(&self) -> MutexGuard<'_, HashMap<KeyVersion, Refused>> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note_gone_at(&self, version: KeyVersion, now: Instant) -> bool {
        let mut refused = self.refused();
        let is_old = |refused: &Refused| now.saturating_duration_since(refused.last) >= FORGOTTEN;
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
        now.saturating_duration_since(entry.since) >= self.delay.saturating_add(ASKED_ANEW)
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

fn key_of(envelope: &EnvelopeHeader<'_>) -> Option<KeyRef> {
    let provider = ProviderName::new(envelope.provider()).ok()?;
    Some(KeyRef { provider, name: KeyName::new(envelope.key()).ok()? })
}

impl KeyVersion {
    fn of(envelope: &EnvelopeHeader<'_>, version: Option<String>) -> Self {
        Self::new(envelope.provider(), envelope.key(), envelope.wrapped(), version)
    }

    fn new(provider: &str, key: &str, wrapped: &[u8], version: Option<String>) -> Self {
        let digest = || Version::DigestOfWrapped(crate::digest::sha256(wrapped));
        let version = version.map_or_else(digest, Version::Told);
        Self { provider: provider.to_owned(), key: key.to_owned(), version }
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
            let version = KeyVersion::new("p", "k", b"", Some(version.to_owned()));
            unreadable.note_gone_at(version, start + Duration::from_secs(seconds))
        };
        assert!(!settled("1", 0) && !settled("1", 121));
        assert!(settled("1", 122), "and asked anew after the delay");
        assert!(!settled("2", 120), "another version, which this proxy may only lack yet");
        assert!(settled("1", 3700));
        assert!(!settled("1", 7300), "not met for an hour");
        assert!(settled("1", 7422));
    }

    #[test]
    fn a_key_that_was_there_meanwhile_is_not_lost() {
        let unreadable = Unreadable::new(Duration::ZERO);
        let version = |wrapped| KeyVersion::new("p", "k", wrapped, Some("1".to_owned()));
        let start = Instant::now();
        assert!(!unreadable.note_gone_at(version(b"one"), start));
        assert!(unreadable.note_gone_at(version(b"other"), start + ASKED_ANEW), "of the same version");
        unreadable.forget(&version(b"third"));
        assert!(!unreadable.note_gone_at(version(b"one"), start + ASKED_ANEW));
    }

    #[test]
    fn without_a_version_no_envelope_speaks_for_another() {
        let unreadable = Unreadable::new(Duration::ZERO);
        let [forged, stored] =
            [&b"forged"[..], b"stored"].map(|wrapped| KeyVersion::new("p", "k", wrapped, None));
        let start = Instant::now();
        assert!(!unreadable.note_gone_at(forged.clone(), start));
        assert!(!unreadable.note_gone_at(stored.clone(), start + ASKED_ANEW));
        assert!(unreadable.note_gone_at(forged.clone(), start + ASKED_ANEW));
        unreadable.forget(&stored);
        assert!(unreadable.note_gone_at(forged, start + ASKED_ANEW));
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
