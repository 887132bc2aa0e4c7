//! What this process remembers of clusters. Losing it costs time, never safety.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::Told;
use crate::cluster::KafkaKey;

const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// Of so many statuses at most is remembered what becomes of them.
const STATUSES: usize = 10_000;

/// What is remembered of all clusters.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    clusters: Mutex<HashMap<KafkaKey, Remembered>>,
    /// By the uid of a resource, a status that was sent and what the API server made of it.
    statuses: Mutex<HashMap<String, (Value, Value)>>,
}

#[derive(Debug, Default)]
struct Remembered {
    failures: u32,
    unsettled: Option<Instant>,
    told: Told,
    ledger_serial: u64,
    noted_serial: u64,
}

impl Memory {
    fn with<T>(&self, key: &KafkaKey, use_it: impl FnOnce(&mut Remembered) -> T) -> T {
        // Nothing that is done under the lock can panic half-way.
        let mut all = self.clusters.lock().unwrap_or_else(PoisonError::into_inner);
        use_it(all.entry(key.clone()).or_default())
    }

    /// How long to wait after one more failure.
    pub(crate) fn failed(&self, key: &KafkaKey) -> Duration {
        self.with(key, |remembered| {
            let wait = FIRST_WAIT.saturating_mul(1 << remembered.failures.min(6)).min(LONGEST_WAIT);
            remembered.failures = remembered.failures.saturating_add(1);
            wait
        })
    }

    /// How many passes failed one after another.
    pub(crate) fn failures(&self, key: &KafkaKey) -> u32 {
        self.with(key, |remembered| remembered.failures)
    }

    pub(crate) fn succeeded(&self, key: &KafkaKey) {
        self.with(key, |remembered| remembered.failures = 0);
    }

    /// All proxies do what they should.
    pub(crate) fn settled(&self, key: &KafkaKey) {
        self.with(key, |remembered| remembered.unsettled = None);
    }

    /// Since when they do not.
    pub(crate) fn unsettled_for(&self, key: &KafkaKey) -> Duration {
        self.with(key, |remembered| remembered.unsettled.get_or_insert_with(Instant::now).elapsed())
    }

    /// What proxies were told.
    pub(crate) fn told(&self, key: &KafkaKey) -> Told {
        self.with(key, |remembered| remembered.told.clone())
    }

    /// They were told this, too.
    pub(crate) fn tell(&self, key: &KafkaKey, told: Told) {
        self.with(key, |remembered| remembered.told = told);
    }

    /// The highest number of the ledger that was there.
    pub(crate) fn ledger_serial(&self, key: &KafkaKey) -> u64 {
        self.with(key, |remembered| remembered.ledger_serial)
    }

    /// The ledger has this number.
    pub(crate) fn saw_ledger(&self, key: &KafkaKey, serial: u64) {
        self.with(key, |remembered| remembered.ledger_serial = remembered.ledger_serial.max(serial));
    }

    /// The highest number of the ledger that this process noted elsewhere.
    pub(crate) fn noted_serial(&self, key: &KafkaKey) -> u64 {
        self.with(key, |remembered| remembered.noted_serial)
    }

    /// It noted this one.
    pub(crate) fn noted_ledger(&self, key: &KafkaKey, serial: u64) {
        self.with(key, |remembered| remembered.noted_serial = serial);
    }

    pub(crate) fn forget(&self, key: &KafkaKey) {
        self.clusters.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }

    /// The API server did not keep all of a status.
    pub(crate) fn kept(&self, uid: String, sent: Value, kept: Value) {
        let mut all = self.statuses.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= STATUSES {
            all.clear();
        }
        all.insert(uid, (sent, kept));
    }

    /// Whether a status is all that would be kept of another.
    pub(crate) fn is_all_kept(&self, uid: &str, status: &Value, of: &Value) -> bool {
        let all = self.statuses.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(uid).is_some_and(|(sent, kept)| (kept, sent) == (status, of))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> KafkaKey {
        KafkaKey { namespace: "kafka".to_owned(), name: name.to_owned() }
    }

    #[test]
    fn each_failure_in_a_row_is_waited_for_twice_as_long_up_to_a_minute() {
        let (memory, ours, other) = (Memory::default(), key("ours"), key("other"));
        let waits: Vec<_> = (0..9).map(|_| memory.failed(&ours).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(memory.failures(&ours), 9);
        assert_eq!(memory.failed(&other).as_secs(), 1, "each cluster by itself");
        memory.succeeded(&ours);
        assert_eq!((memory.failures(&ours), memory.failed(&ours).as_secs()), (0, 1));
    }
}
