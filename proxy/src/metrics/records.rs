//! What became of batches and records.

use super::CounterSet;
use super::labels::{Direction, Format, Refusal, Replacement};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;

/// Batches encrypted, decrypted, passed and refused.
#[derive(Debug, Clone)]
pub struct RecordMetrics {
    /// What producers sent and brokers got encrypted.
    pub encrypted: WorkMetrics,
    /// What brokers held and consumers got in clear.
    pub decrypted: WorkMetrics,
    /// Batches that passed as they were: no rule, or a rule that lets clear records pass.
    pub clear_batches: CounterSet<Direction>,
    /// Records that other programs had encrypted and consumers got in clear.
    pub legacy: Counter,
    /// Records that a rule's `onUnreadable` replaced.
    pub unreadable: CounterSet<Replacement>,
    /// Partitions refused.
    pub refused: CounterSet<Refusal>,
}

impl RecordMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        Self {
            encrypted: WorkMetrics::register(registry, "encrypted"),
            decrypted: WorkMetrics::register(registry, "decrypted"),
            clear_batches: CounterSet::register(
                registry,
                "clear_batches",
                "Batches that passed unencrypted, without a rule or by rule",
            ),
            legacy: {
                let opened = Counter::default();
                registry.register(
                    "legacy_records",
                    "Records that other programs had encrypted and consumers got in clear",
                    opened.clone(),
                );
                opened
            },
            unreadable: CounterSet::register(
                registry,
                "unreadable_records",
                "Records whose key is gone, by what consumers got in their place by rule",
            ),
            refused: CounterSet::register(
                registry,
                "refused_partitions",
                "Partitions of requests or responses answered with an error, by reason",
            ),
        }
    }
}

/// Batches, records and bytes, by format.
#[derive(Debug, Clone)]
pub struct WorkMetrics {
    /// Batches.
    pub batches: CounterSet<Format>,
    /// Records in them.
    pub records: CounterSet<Format>,
    /// Bytes of clear batches.
    pub bytes: CounterSet<Format>,
}

impl WorkMetrics {
    fn register(registry: &mut Registry, verb: &str) -> Self {
        let mut family = |unit: &str, what: &str| {
            CounterSet::register(registry, format!("{verb}_{unit}"), format!("{what} {verb}, by format"))
        };
        Self {
            batches: family("batches", "Batches"),
            records: family("records", "Records"),
            bytes: family("bytes", "Bytes of clear batches"),
        }
    }

    /// Counts one batch.
    pub fn count(&self, format: Format, records: u64, bytes: u64) {
        self.batches.add(format, 1);
        self.records.add(format, records);
        self.bytes.add(format, bytes);
    }
}
