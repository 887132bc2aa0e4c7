//! What a peer may cause as often as it likes, in as many kinds: the first of a kind is told at once, and then once a minute how
//! many there were, also where no more come.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
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

impl<K: Eq + Hash + Clone> Repeats<K> {
    /// Counts one, which is of the kind `rest` where there are too many kinds. Returns how many of that kind a line is to tell of,
    /// if it is time for one.
    pub(crate) fn due(&self, mut kind: K, rest: impl FnOnce() -> K, now: Instant) -> Option<u64> {
        let mut told = self.told();
        if told.len() >= KINDS && !told.contains_key(&kind) {
            // Those that a line is still to tell of stay until it did.
            told.retain(|_, told| told.since > 0 || now.duration_since(told.at) < INTERVAL);
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

    /// Kinds that came again since their last line, if that is a minute ago, with how many a line is to tell of. To be asked for
    /// now and then, since no more of a kind may come.
    pub(crate) fn flush(&self, now: Instant) -> Vec<(K, u64)> {
        self.take(now, |told| now.duration_since(told.at) >= INTERVAL)
    }

    /// The same, however short the time since their last line: nothing is told after this.
    pub(crate) fn rest(&self) -> Vec<(K, u64)> {
        self.take(Instant::now(), |_| true)
    }

    fn take(&self, now: Instant, is_due: impl Fn(&Told) -> bool) -> Vec<(K, u64)> {
        let mut due = Vec::new();
        for (kind, told) in self.told().iter_mut().filter(|(_, told)| told.since > 0 && is_due(told)) {
            told.at = now;
            due.push((kind.clone(), std::mem::take(&mut told.since)));
        }
        due
    }

    fn told(&self) -> MutexGuard<'_, HashMap<K, Told>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
    fn what_does_not_come_again_is_told_after_a_minute_and_at_the_end() {
        let (repeats, start) = (Repeats::default(), Instant::now());
        for kind in [1, 1, 1, 2] {
            due(&repeats, kind, start);
        }
        assert_eq!(repeats.flush(start + Duration::from_secs(59)), []);
        assert_eq!(repeats.flush(start + INTERVAL), [(Some(1), 2)], "the other was told");
        assert_eq!(repeats.flush(start + 2 * INTERVAL), [], "once");
        assert_eq!(due(&repeats, 1, start + INTERVAL + Duration::from_secs(1)), None, "a line a minute");
        assert_eq!(repeats.rest(), [(Some(1), 1)]);
        assert_eq!(repeats.rest(), []);
    }

    #[test]
    fn what_no_line_told_of_does_not_make_room() {
        let (repeats, start) = (Repeats::default(), Instant::now());
        for kind in 0..u32::try_from(KINDS).unwrap() {
            due(&repeats, kind, start);
        }
        due(&repeats, 7, start);
        assert_eq!(due(&repeats, u32::MAX, start + INTERVAL), Some(1), "the others made room");
        assert_eq!(repeats.flush(start + INTERVAL), [(Some(7), 1)]);
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
