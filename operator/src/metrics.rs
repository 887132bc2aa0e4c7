//! Metrics of the operator, named as Strimzi names its own, with a prefix of this project.

mod resources;

pub(crate) use self::resources::Resources;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use jiff::Timestamp;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use self::resources::ByKafka;
use crate::cluster::KafkaKey;

/// From a reconciliation without any change to one that waits for a slow API server.
const SECONDS: [f64; 6] = [0.05, 0.1, 0.5, 2.0, 10.0, 60.0];

/// Types of certificates that the operator makes.
const CERTIFICATES: [&str; 2] = ["authority", "server"];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByNamespace {
    kind: Kind,
    namespace: String,
    selector: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByCluster {
    namespace: String,
    kafka: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct InProgress {
    kind: Kind,
    namespace: String,
    name: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByReason {
    kind: Kind,
    namespace: String,
    selector: String,
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByCertificate {
    namespace: String,
    kafka: String,
    r#type: &'static str,
}

/// What is reconciled, and what is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, EncodeLabelValue)]
pub(crate) enum Kind {
    Kafka,
    TopicEncryptionPolicy,
    EncryptionProxy,
}

/// Every metric.
#[derive(Debug, Clone)]
pub struct Metrics {
    total: Family<ByNamespace, Counter>,
    successful: Family<ByNamespace, Counter>,
    failed: Family<ByReason, Counter>,
    duration: Family<ByNamespace, Histogram, fn() -> Histogram>,
    started: Family<InProgress, Gauge>,
    resources: Family<ByNamespace, Gauge>,
    paused: Family<ByNamespace, Gauge>,
    desired: Family<ByCluster, Gauge>,
    loaded: Family<ByCluster, Gauge>,
    expiry: Family<ByCertificate, Gauge>,
    leader: Gauge,
    by_kafka: Arc<Mutex<ByKafka>>,
    /// Of the resources of this project that this operator looks at; empty for all.
    selector: String,
}

impl Metrics {
    /// All of them, in a registry, of an operator with this selector.
    pub fn register(registry: &mut Registry, selector: Option<&str>) -> Self {
        let metrics = Self {
            total: Family::default(),
            successful: Family::default(),
            failed: Family::default(),
            duration: Family::new_with_constructor(|| Histogram::new(SECONDS)),
            started: Family::default(),
            resources: Family::default(),
            paused: Family::default(),
            desired: Family::default(),
            loaded: Family::default(),
            expiry: Family::default(),
            leader: Gauge::default(),
            by_kafka: Arc::default(),
            selector: selector.unwrap_or_default().to_owned(),
        };
        let registry = registry.sub_registry_with_prefix("topic_encryption_operator");
        registry.register("reconciliations", "Reconciliations begun", metrics.total.clone());
        registry.register(
            "reconciliations_successful",
            "Reconciliations without an error",
            metrics.successful.clone(),
        );
        registry.register(
            "reconciliations_failed",
            "Reconciliations with an error, by reason",
            metrics.failed.clone(),
        );
        registry.register(
            "reconciliations_duration_seconds",
            "Time that a reconciliation took",
            metrics.duration.clone(),
        );
        registry.register(
            "reconciliations_in_progress_start_time_seconds",
            "When a reconciliation that runs now began",
            metrics.started.clone(),
        );
        registry.register(
            "resources",
            "Policies and EncryptionProxies of Kafka clusters that there are",
            metrics.resources.clone(),
        );
        registry.register(
            "resources_paused",
            "Policies and EncryptionProxies whose reconciliation is paused",
            metrics.paused.clone(),
        );
        registry.register("proxies_desired", "Proxies that there should be", metrics.desired.clone());
        registry.register(
            "proxies_loaded",
            "Proxies that have loaded the policies in force",
            metrics.loaded.clone(),
        );
        registry.register(
            "certificate_expiration_timestamp_seconds",
            "When a certificate expires",
            metrics.expiry.clone(),
        );
        registry.register("leader", "1 while this process holds the Lease", metrics.leader.clone());
        metrics
    }

    /// Notes whether this process is the one that works.
    pub(crate) fn leads(&self, leads: bool) {
        self.leader.set(i64::from(leads));
    }

    /// A reconciliation begins; it ends when the result is dropped or told.
    pub(crate) fn begin(&self, key: &KafkaKey) -> Run {
        let labels = self.by_namespace(Kind::Kafka, key.namespace.clone());
        self.total.get_or_create(&labels).inc();
        let place =
            InProgress { kind: Kind::Kafka, namespace: key.namespace.clone(), name: key.name.clone() };
        self.started.get_or_create(&place).set(Timestamp::now().as_second());
        Run { metrics: self.clone(), labels, place, begun: Instant::now() }
    }

    /// What a fleet looks like.
    pub(crate) fn fleet(&self, key: &KafkaKey, resources: Resources, desired: i32, loaded: i32) {
        self.count(key, resources);
        let labels = ByCluster { namespace: key.namespace.clone(), kafka: key.name.clone() };
        self.desired.get_or_create(&labels).set(i64::from(desired));
        self.loaded.get_or_create(&labels).set(i64::from(loaded));
    }

    /// When a certificate expires.
    pub(crate) fn expires(&self, key: &KafkaKey, certificate: &'static str, at: Timestamp) {
        let labels =
            ByCertificate { namespace: key.namespace.clone(), kafka: key.name.clone(), r#type: certificate };
        self.expiry.get_or_create(&labels).set(at.as_second());
    }

    /// The operator makes no certificates for a cluster any more.
    pub(crate) fn expires_no_more(&self, key: &KafkaKey) {
        for certificate in CERTIFICATES {
            let (namespace, kafka) = (key.namespace.clone(), key.name.clone());
            self.expiry.remove(&ByCertificate { namespace, kafka, r#type: certificate });
        }
    }

    /// A cluster is gone.
    pub(crate) fn forget(&self, key: &KafkaKey) {
        let labels = ByCluster { namespace: key.namespace.clone(), kafka: key.name.clone() };
        for family in [&self.desired, &self.loaded] {
            family.remove(&labels);
        }
        self.count(key, Resources::default());
        self.expires_no_more(key);
    }

    fn count(&self, key: &KafkaKey, resources: Resources) {
        // Held while gauges are set, lest two passes set them in the other order.
        let mut by_kafka = self.by_kafka.lock().unwrap_or_else(PoisonError::into_inner);
        for ((kind, namespace), sum) in by_kafka.replace(key, resources) {
            let labels = self.by_namespace(kind, namespace);
            let Some(sum) = sum else {
                self.resources.remove(&labels);
                self.paused.remove(&labels);
                continue;
            };
            self.resources.get_or_create(&labels).set(i64::try_from(sum.all).unwrap_or(i64::MAX));
            self.paused.get_or_create(&labels).set(i64::try_from(sum.paused).unwrap_or(i64::MAX));
        }
    }

    fn by_namespace(&self, kind: Kind, namespace: String) -> ByNamespace {
        ByNamespace { kind, namespace, selector: self.selector.clone() }
    }
}

/// A reconciliation that runs.
#[derive(Debug)]
pub(crate) struct Run {
    metrics: Metrics,
    labels: ByNamespace,
    place: InProgress,
    begun: Instant,
}

impl Run {
    /// It went well, or why it did not.
    pub(crate) fn end(self, failure: Option<&'static str>) {
        match failure {
            None => self.metrics.successful.get_or_create(&self.labels).inc(),
            Some(reason) => {
                let ByNamespace { kind, namespace, selector } = self.labels.clone();
                self.metrics.failed.get_or_create(&ByReason { kind, namespace, selector, reason }).inc()
            }
        };
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.metrics.started.remove(&self.place);
        let seconds = self.begun.elapsed().as_secs_f64();
        self.metrics.duration.get_or_create(&self.labels).observe(seconds);
    }
}
