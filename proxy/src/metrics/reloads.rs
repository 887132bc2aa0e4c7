//! What became of changed files.

use super::CounterSet;
use super::labels::Outcome;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

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
    pub(super) fn register(registry: &mut Registry) -> Self {
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
