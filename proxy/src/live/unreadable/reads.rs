//! Keys that a provider refused to whoever reads. The trials of keys are about their newest versions; what is refused of older
//! versions and former keys comes to light only here.

use proxy_config::KeyRef;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::time::Instant;

/// Places that are told apart. The one that was not met for the longest time makes room.
const MAX_ENTRIES: usize = 100;
/// A refusal that was not met for so long is over, or nobody cares.
const FORGOTTEN: Duration = Duration::from_hours(1);
/// Characters of a cause.
const LONGEST: usize = 300;

/// A key that readers of a topic were refused, and are, as far as is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedRead {
    /// The key.
    pub key: KeyRef,
    /// Its version, where that can be told.
    pub version: Option<String>,
    /// The topic.
    pub topic: String,
    /// What the provider said last.
    pub cause: String,
    /// When readers were refused first.
    pub since: SystemTime,
    /// When they were last.
    pub last: SystemTime,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Reads(Mutex<BTreeMap<Place, Entry>>);

/// Key, version, topic.
type Place = (KeyRef, Option<String>, String);

#[derive(Debug)]
struct Entry {
    cause: String,
    since: SystemTime,
    last: SystemTime,
    met: Instant,
}

impl Reads {
    pub(super) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// Takes note of a no.
    pub(super) fn refused(
        &self,
        key: KeyRef,
        version: Option<String>,
        topic: &str,
        cause: &str,
        now: Instant,
    ) {
        let mut entries = self.lock();
        let place = (key, version, topic.to_owned());
        if entries.len() >= MAX_ENTRIES && !entries.contains_key(&place) {
            let oldest = entries.iter().min_by_key(|(_, entry)| entry.met).map(|(place, _)| place.clone());
            oldest.map(|oldest| entries.remove(&oldest));
        }
        let time = SystemTime::now();
        let cause = cause.chars().take(LONGEST).collect();
        let since = entries.get(&place).filter(|entry| !entry.is_old(now)).map_or(time, |entry| entry.since);
        entries.insert(place, Entry { cause, since, last: time, met: now });
    }

    /// Takes note of a yes, which counts for all topics.
    pub(super) fn worked(&self, key: &KeyRef, version: Option<&str>) {
        self.lock().retain(|(refused, of, _), _| refused != key || of.as_deref() != version);
    }

    /// What is refused, by key, version and topic.
    pub(super) fn entries(&self, now: Instant) -> Vec<RefusedRead> {
        let entries = self.lock();
        let young = entries.iter().filter(|(_, entry)| !entry.is_old(now));
        let read = |((key, version, topic), entry): (&Place, &Entry)| RefusedRead {
            key: key.clone(),
            version: version.clone(),
            topic: topic.clone(),
            cause: entry.cause.clone(),
            since: entry.since,
            last: entry.last,
        };
        young.map(read).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Place, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn is_old(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.met) >= FORGOTTEN
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proxy_config::{KeyName, ProviderName};

    fn key(name: &str) -> KeyRef {
        KeyRef { provider: ProviderName::new("p").unwrap(), name: KeyName::new(name).unwrap() }
    }

    fn refuse(reads: &Reads, name: &str, version: Option<&str>, topic: &str, now: Instant) {
        reads.refused(key(name), version.map(str::to_owned), topic, "disabled", now);
    }

    fn told(reads: &Reads, now: Instant) -> Vec<String> {
        let entries = reads.entries(now).into_iter();
        let told = |read: RefusedRead| {
            format!("{} {} {}", read.key.name, read.version.as_deref().unwrap_or("?"), read.topic)
        };
        entries.map(told).collect()
    }

    #[test]
    fn what_is_refused_is_told_until_the_same_version_opens_again() {
        let (reads, now) = (Reads::default(), Instant::now());
        for (name, version) in [("k", Some("1")), ("k", Some("2")), ("k", None), ("other", Some("1"))] {
            refuse(&reads, name, version, "a", now);
        }
        refuse(&reads, "k", Some("1"), "b", now);
        assert_eq!(told(&reads, now), ["k ? a", "k 1 a", "k 1 b", "k 2 a", "other 1 a"]);
        reads.worked(&key("k"), Some("3"));
        reads.worked(&key("k"), Some("1"));
        assert_eq!(told(&reads, now), ["k ? a", "k 2 a", "other 1 a"]);
        reads.worked(&key("k"), None);
        assert_eq!(told(&reads, now), ["k 2 a", "other 1 a"]);
    }

    #[test]
    fn what_nobody_met_for_an_hour_is_not_told_any_more() {
        let (reads, now) = (Reads::default(), Instant::now());
        refuse(&reads, "k", None, "a", now);
        refuse(&reads, "k", None, "a", now + FORGOTTEN / 2);
        assert_eq!(told(&reads, now + FORGOTTEN).len(), 1);
        assert!(told(&reads, now + FORGOTTEN * 2).is_empty());
    }

    #[test]
    fn whatever_envelopes_say_it_does_not_grow_and_hides_nothing_that_goes_on() {
        let (reads, start) = (Reads::default(), Instant::now());
        for index in 0..10 * MAX_ENTRIES {
            let now = start + Duration::from_millis(u64::try_from(index).unwrap());
            refuse(&reads, "k", Some(&index.to_string()), "a", now);
            refuse(&reads, "real", None, "a", now);
        }
        let told = told(&reads, start);
        assert_eq!(told.len(), MAX_ENTRIES);
        assert!(told.iter().any(|told| told.starts_with("real")));
        assert!(!told.contains(&"k 0 a".to_owned()), "what was not met for the longest time made room");
    }
}
