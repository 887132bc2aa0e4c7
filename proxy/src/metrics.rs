//! What the proxy counts, as `OpenMetrics` families with the prefix `topic_encryption_`.
//!
//! Every counter is looked up once, here. The data plane clones the structs and only touches atomics. Labels come
//! from closed sets (see [`labels`]), so that no client can grow the number of series.

#[cfg(test)]
mod documented;
pub(crate) mod keys;
pub mod labels;
mod process;
mod set;
mod source;

pub use set::{CounterSet, LabelSet};
pub use source::GaugeSource;

use labels::{CloseReason, Direction, Flow, Message, Outcome, Refusal, Replacement};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

/// All families. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Metrics {
    /// Client connections.
    pub connections: ConnectionMetrics,
    /// Bytes and frames on the wire.
    pub traffic: TrafficMetrics,
    /// Batches encrypted, decrypted, passed and refused.
    pub records: RecordMetrics,
    /// Loading of policy and certificates.
    pub reloads: ReloadMetrics,
    /// Topics seen that no rule matches; fed by the data plane.
    pub unmatched_topics: GaugeSource,
    /// Clear records from before encryption that may be left, at most; fed by what is known of history.
    pub history_records: GaugeSource,
    /// Bytes of the buffer budget in use; fed by the data plane.
    pub buffer_bytes: GaugeSource,
}

impl Metrics {
    /// The registry that all families go into.
    pub fn registry() -> Registry {
        Registry::with_prefix("topic_encryption")
    }

    /// Registers every family.
    pub fn register(registry: &mut Registry) -> Self {
        registry.register(
            "build",
            "Version of the program",
            Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]),
        );
        process::register(registry);
        let unmatched_topics = GaugeSource::default();
        registry.register("unmatched_topics", "Topics seen that no rule matches", unmatched_topics.clone());
        let history_records = GaugeSource::default();
        registry.register(
            "history_records",
            "Clear records from before encryption that may be left, at most, where a rule lets those pass",
            history_records.clone(),
        );
        let buffer_bytes = GaugeSource::default();
        registry.register("buffer_bytes", "Bytes of the buffer budget in use", buffer_bytes.clone());
        Self {
            connections: ConnectionMetrics::register(registry),
            traffic: TrafficMetrics::register(registry),
            records: RecordMetrics::register(registry),
            reloads: ReloadMetrics::register(registry),
            unmatched_topics,
            history_records,
            buffer_bytes,
        }
    }
}

/// Client connections.
#[derive(Debug, Clone)]
pub struct ConnectionMetrics {
    /// Open now.
    pub open: Gauge,
    /// Accepted since start.
    pub total: Counter,
    /// Ended, by reason.
    pub closed: CounterSet<CloseReason>,
}

impl ConnectionMetrics {
    fn register(registry: &mut Registry) -> Self {
        let (open, total) = (Gauge::default(), Counter::default());
        registry.register("connections_open", "Client connections open now", open.clone());
        registry.register("connections", "Client connections accepted", total.clone());
        let closed =
            CounterSet::register(registry, "connections_closed", "Client connections ended, by reason");
        Self { open, total, closed }
    }
}

/// Bytes and frames on the wire.
#[derive(Debug, Clone)]
pub struct TrafficMetrics {
    /// Bytes exchanged with clients.
    pub client_bytes: CounterSet<Flow>,
    /// Bytes exchanged with brokers.
    pub upstream_bytes: CounterSet<Flow>,
    /// Frames relayed or answered.
    pub frames: CounterSet<Message>,
}

impl TrafficMetrics {
    fn register(registry: &mut Registry) -> Self {
        Self {
            client_bytes: CounterSet::register(registry, "client_bytes", "Bytes exchanged with clients"),
            upstream_bytes: CounterSet::register(registry, "upstream_bytes", "Bytes exchanged with brokers"),
            frames: CounterSet::register(registry, "frames", "Kafka requests and responses"),
        }
    }
}

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
    fn register(registry: &mut Registry) -> Self {
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
    pub batches: CounterSet<labels::Format>,
    /// Records in them.
    pub records: CounterSet<labels::Format>,
    /// Bytes of clear batches.
    pub bytes: CounterSet<labels::Format>,
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
    pub fn count(&self, format: labels::Format, records: u64, bytes: u64) {
        self.batches.add(format, 1);
        self.records.add(format, records);
        self.bytes.add(format, bytes);
    }
}

/// Loading of policy and certificates.
#[derive(Debug, Clone)]
pub struct ReloadMetrics {
    /// Attempts to load a changed policy file.
    pub policy: CounterSet<Outcome>,
    /// Attempts to load changed certificate files.
    pub certificates: CounterSet<Outcome>,
    /// Attempts to load a changed file of broker addresses.
    pub brokers: CounterSet<Outcome>,
    /// Attempts to load a changed password towards brokers.
    pub credentials: CounterSet<Outcome>,
    /// Attempts to load changed key directories.
    pub keys: CounterSet<Outcome>,
    /// Successful policy loads since start.
    pub generation: Gauge,
    /// 1 while the policy file on disk is the one in use.
    pub current: Gauge,
}

impl ReloadMetrics {
    fn register(registry: &mut Registry) -> Self {
        let (generation, current) = (Gauge::default(), Gauge::default());
        registry.register("policy_generation", "Successful policy loads since start", generation.clone());
        registry.register(
            "policy_current",
            "1 while the policy file on disk is the one in use",
            current.clone(),
        );
        Self {
            policy: CounterSet::register(registry, "policy_reloads", "Policy loads, by outcome"),
            certificates: CounterSet::register(
                registry,
                "certificate_reloads",
                "Certificate loads, by outcome",
            ),
            brokers: CounterSet::register(registry, "broker_reloads", "Broker address loads, by outcome"),
            credentials: CounterSet::register(
                registry,
                "credential_reloads",
                "Loads of the password towards brokers, by outcome",
            ),
            keys: CounterSet::register(registry, "key_reloads", "Key directory loads, by outcome"),
            generation,
            current,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_series_exists_from_the_start() {
        let mut registry = Metrics::registry();
        let metrics = Metrics::register(&mut registry);
        metrics.records.encrypted.count(labels::Format::Batch, 3, 100);
        metrics.unmatched_topics.read_from(|| 7);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        for line in [
            "topic_encryption_encrypted_records_total{format=\"batch\"} 3",
            "topic_encryption_encrypted_bytes_total{format=\"batch\"} 100",
            "topic_encryption_refused_partitions_total{reason=\"key_refused\"} 0",
            "topic_encryption_unreadable_records_total{replacement=\"skipped\"} 0",
            "topic_encryption_unmatched_topics 7",
            "topic_encryption_buffer_bytes 0",
            "topic_encryption_connections_total 0",
            "topic_encryption_policy_reloads_total{outcome=\"failed\"} 0",
        ] {
            assert!(text.lines().any(|each| each == line), "{line} is not in\n{text}");
        }
    }
}
