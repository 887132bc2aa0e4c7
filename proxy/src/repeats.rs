//! What a peer may cause as often as it likes, in as many kinds: the first of a kind is told at once, and then once a minute how
//! many there were.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Between two lines about the same.
const INTERVAL: Duration = Duration::from_mins(1);
/// Kinds that are told apart.
const KINDS: usize = 1024;

#[derive(Debug)]
pub(crate) struct Repeats<K>(Mutex<HashMap<K, Told>>);

#[derive(Debug)]
struct Told {
    at: Instant,
    since: u64,
}

impl<K: Eq + Hash> Repeats<K> {
    /// Counts one, which is of the kind `rest` where there are too many kinds. Returns how many of that kind a line is to tell of,
    /// if it is time for one.
    pub(crate) fn due(&self, mut kind: K, rest: impl FnOnce() -> K, now: Instant) -> Option<u64> {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() >= KINDS && !told.contains_key(&kind) {
            told.retain(|_, told| now.duration_since(told.at) < INTERVAL);
            if told.len() >= KINDS {
                kind = rest();
            }
        }
        let Some(told) = told.get_mut(&kind) else {
            told.insert(kind, Told { at: now, since: 0 });
            return Some(1);
        };
        told.since = told.since.saturating_add(1);
        if now.duration_since(told.at) < INTERVAL {
            return None;
        }
        told.at = now;
        Some(std::mem::take(&mut told.since))
    }
}

impl<K> Default for Repeats<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(repeats: &Repeats<Option<u32>>, kind: u32, now: Instant) -> Option<u64> {
        repeats.due(Some(kind), || None, now)
    }

    #[test]
    fn the_first_is_told_at_once_and_then_each_minute_how_many_there_were() {
        let (repeats, start) = (Repeats::default(), Instant::now());
        assert_eq!(due(&repeats, 1, start), Some(1));
        assert_eq!(due(&repeats, 2, start + Duration::from_secs(1)), Some(1), "another kind");
        assert_eq!(due(&repeats, 1, start + Duration::from_secs(1)), None);
        assert_eq!(due(&repeats, 1, start + Duration::from_secs(59)), None);
        assert_eq!(due(&repeats, 1, start + INTERVAL), Some(3));
        assert_eq!(due(&repeats, 1, start + INTERVAL + Duration::from_secs(1)), None);
    }

    #[test]
    fn kinds_do_not_fill_the_memory() {
        let (repeats, start) = (Repeats::default(), Instant::now());
        for kind in 0..10 * u32::try_from(KINDS).unwrap() {
            due(&repeats, kind, start);
        }
        assert_eq!(repeats.0.lock().unwrap().len(), KINDS + 1, "the rest is one kind");
        assert_eq!(due(&repeats, u32::MAX, start + INTERVAL), Some(1), "the old ones made room");
    }
}
