//! What the proxy counts, as `OpenMetrics` families with the prefix `topic_encryption_`.
//!
//! Every counter is looked up once, here. The data plane clones the structs and only touches atomics. Labels come
//! from closed sets (see [`labels`]), so that no client can grow the number of series.

#[cfg(test)]
mod documented;
pub(crate) mod keys;
pub mod labels;
mod process;
mod records;
mod reloads;
mod set;
mod source;

pub use records::{RecordMetrics, WorkMetrics};
pub use reloads::ReloadMetrics;
pub use set::{CounterSet, LabelSet};
pub use source::GaugeSource;

use labels::{CloseReason, Flow, Message};
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
