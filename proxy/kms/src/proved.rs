//! Keys that were seen to work.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How long a key is believed to work. Each garbage record would make its system encrypt and decrypt otherwise.
const BELIEVED: Duration = Duration::from_secs(10);

/// Keys that opened what they wrapped, and when. Only keys that a system has get here, and none stays.
pub(crate) struct Proved<K>(Mutex<HashMap<K, Instant>>);

impl<K: Eq + Hash> Proved<K> {
    /// Whether the key was seen to work of late.
    pub(crate) fn holds(&self, key: &K) -> bool {
        self.keys().get(key).is_some_and(is_of_late)
    }

    /// Remembers that the key works.
    pub(crate) fn note(&self, key: K) {
        let mut keys = self.keys();
        keys.retain(|_, since| is_of_late(since));
        keys.insert(key, Instant::now());
    }

    fn keys(&self) -> MutexGuard<'_, HashMap<K, Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K> Default for Proved<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

fn is_of_late(since: &Instant) -> bool {
    since.elapsed() < BELIEVED
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_key_is_believed_for_a_while_and_then_forgotten() {
        let proved = Proved::default();
        assert!(!proved.holds(&"a"));
        proved.note("a");
        tokio::time::advance(BELIEVED / 10 * 9).await;
        assert!(proved.holds(&"a") && !proved.holds(&"b"));
        tokio::time::advance(BELIEVED / 10).await;
        assert!(!proved.holds(&"a"));
        proved.note("b");
        assert_eq!(proved.keys().len(), 1);
    }
}
