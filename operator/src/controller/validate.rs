//! Second step: what was read is judged, and either there is a [`Fleet`] or a reason why there is none. Pure.
//!
//! Where Strimzi's status lacks what it told before, what the proxies were told last holds on.

mod admission;
mod fleet;
mod ledger;
mod malformed;
mod obstacle;
mod providers;
mod room;
mod rotations;

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::{Resource, ResourceExt};
use operator_api::{EncryptionProxy, EncryptionProxySpec, EnvelopeKeys};
use proxy_config::{KeyRef, ProviderName};

pub(crate) use self::admission::{is_allowed, next_sources, told_generation};
pub(crate) use self::ledger::serial_on;
pub(crate) use self::obstacle::Obstacle;
pub(crate) use self::providers::identities;
pub(crate) use self::rotations::rotation;

use self::admission::submissions;
use self::ledger::Remembered;
use super::dereference::Observed;
use crate::cluster::KafkaKey;
use crate::fleet::Fleet;
use crate::local_keys::{Damage, damages, destroyed, key_of};
use crate::names::{KEYS_DESTROYED_ANNOTATION, Names, PAUSE_ANNOTATION};
use crate::policies::{Inputs, Ledger, Merged, PolicyId, Reason, merge, providers};
use crate::settings::Settings;
use crate::strimzi::Kafka;

/// What becomes of a cluster.
#[derive(Debug)]
pub(crate) struct Judgement {
    /// The `EncryptionProxy` that counts: the oldest.
    pub(crate) proxy: Option<EncryptionProxy>,
    /// Its settings, or the defaults.
    pub(crate) spec: EncryptionProxySpec,
    /// The cluster as Strimzi describes it.
    pub(crate) kafka: Option<Kafka>,
    /// What was ever encrypted, as far as the ledger or the copy that proxies were told with knows it.
    pub(crate) ledger: Ledger,
    /// Topics whose ends of history it has no room for.
    pub(crate) unkept: usize,
    /// What the ledger itself says, if there is one.
    pub(crate) stored: Option<Ledger>,
    /// Why the copy of the ledger says nothing, if it is there.
    pub(crate) unreadable_copy: Option<String>,
    /// All policies as one, and what became of each.
    pub(crate) merged: Merged,
    /// Entries of the Secret of local keys that are not what they were, of keys that the operator makes.
    pub(crate) damaged: BTreeMap<String, Damage>,
    /// The fleet, or why there is none.
    pub(crate) fleet: Result<Fleet, Obstacle>,
    /// Whether somebody who may asks for a fleet, or there is one already.
    pub(crate) wanted: bool,
    /// Who stopped reconciliation of the whole fleet.
    pub(crate) paused: Option<String>,
}

/// Which policy an object is.
pub(crate) fn id_of(policy: &impl ResourceExt) -> PolicyId {
    PolicyId::new(policy.namespace().unwrap_or_default(), policy.name_any())
}

/// Whether reconciliation of an object is paused.
pub(crate) fn is_paused(object: &impl ResourceExt) -> bool {
    object.annotations().get(PAUSE_ANNOTATION).is_some_and(|value| value == "true")
}

/// Judges everything.
pub(crate) fn validate(key: &KafkaKey, observed: &Observed, settings: &Settings) -> Judgement {
    let proxy = oldest(&observed.proxies);
    let spec = proxy.as_ref().map_or_else(|| defaults(key), |proxy| proxy.spec.clone());
    let Remembered { stored, ledger, unreadable_copy, obstacle: ledger_obstacle } =
        ledger::remembered(key, observed);
    let reports = observed.fleet.iter().filter_map(|proxy| proxy.report.as_ref().ok());
    let told = reports.flat_map(|report| &report.history).map(|each| (each.ends.id, &each.ends.history));
    let (ledger, unkept) = ledger.with_history(told);
    let mut submissions = submissions(key, observed, &spec);
    let providers = providers(&spec.key_providers);
    room::Room { ledger: &ledger, home: &key.namespace, providers: &providers }.share_out(&mut submissions);
    let merged = merge(&Inputs {
        kafka_namespace: &key.namespace,
        submissions: &submissions,
        ledger: &ledger,
        unmatched: spec.unmatched_topics,
        providers: &providers,
    });
    let damaged = damaged(observed, &ledger);
    let program =
        merged.program.without_keys(|key| is_ours(&spec, &key.provider) && is_damaged(&damaged, key));
    let program = if only_known_keys(&spec, &ledger) {
        program.with_known_keys(ledger.keys().cloned())
    } else {
        program
    };
    let rotations = rotations::rotations(observed, proxy.as_ref(), &program);
    let program = program.with_rotations(rotations).with_history(ledger.history());
    let merged = Merged { program, ..merged };
    let kafka = kafka(observed);
    let fleet = match ledger_obstacle {
        Some(obstacle) => Err(obstacle),
        None => malformed_proxy(observed)
            .and_then(|()| kafka.as_ref().map_err(Clone::clone))
            .and_then(|kafka| {
                let names = Names::new(key).map_err(Obstacle::Name)?;
                providers::keeps_providers(&names, proxy.as_ref(), &spec, &ledger).map(|()| kafka)
            })
            .and_then(|kafka| fleet::fleet(key, observed, proxy.as_ref(), &spec, kafka, settings)),
    };
    let wanted = proxy.is_some()
        || observed.ours.config.as_ref().is_some_and(outlasts_policies)
        || merged.verdicts.values().any(|verdict| verdict.reason != Reason::NamespaceNotAllowed);
    let paused = proxy
        .as_ref()
        .filter(|proxy| is_paused(*proxy))
        .map(|proxy| format!("EncryptionProxy {} has the annotation {PAUSE_ANNOTATION}", proxy.name_any()));
    Judgement {
        proxy,
        spec,
        kafka: kafka.ok(),
        ledger,
        unkept,
        stored,
        unreadable_copy,
        merged,
        damaged,
        fleet,
        wanted,
        paused,
    }
}

/// Whether records open under keys that policies have or had alone. Nobody can say which these are where the ledger may lack
/// some, so that what is stored under them would not be read any more.
fn only_known_keys(spec: &EncryptionProxySpec, ledger: &Ledger) -> bool {
    spec.envelope_keys.map_or_else(|| ledger.has_all_keys(), |keys| keys == EnvelopeKeys::Known)
}

/// Whether the operator makes the keys of a provider.
fn is_ours(spec: &EncryptionProxySpec, provider: &ProviderName) -> bool {
    let named = spec.key_providers.iter().find(|each| each.name == provider.as_str());
    named.and_then(|each| each.local.as_ref()).is_some_and(|local| local.secret_ref.is_none())
}

/// Whoever may take an entry away may say that it was meant: on the Secret itself, and nowhere else.
fn damaged(observed: &Observed, ledger: &Ledger) -> BTreeMap<String, Damage> {
    let keys = observed.ours.keys.as_ref();
    let said = keys.and_then(|keys| keys.annotations().get(KEYS_DESTROYED_ANNOTATION));
    let destroyed = said.map(|said| destroyed(said)).unwrap_or_default();
    damages(ledger.local_keys(), keys.and_then(|keys| keys.data.as_ref()), &destroyed)
}

fn is_damaged(damaged: &BTreeMap<String, Damage>, key: &KeyRef) -> bool {
    damaged.keys().any(|entry| key_of(entry) == Some(key.name.as_str()))
}

impl Judgement {
    /// Whether a version of a key that the operator makes is not what it was.
    pub(crate) fn is_damaged(&self, key: &KeyRef) -> bool {
        is_ours(&self.spec, &key.provider) && is_damaged(&self.damaged, key)
    }
}

/// Whether a fleet that nobody asks for any more goes on reading. One whose `EncryptionProxy` is gone goes with it: the garbage
/// collector is about to take it away, which an owner that is put in place of the old one would prevent.
fn outlasts_policies(config: &ConfigMap) -> bool {
    let kind = EncryptionProxy::kind(&());
    !config.owner_references().iter().any(|owner| owner.kind == kind)
}

/// What an `EncryptionProxy` without any settings says.
fn defaults(key: &KafkaKey) -> EncryptionProxySpec {
    let least = serde_json::json!({"kafkaRef": {"name": key.name}});
    serde_json::from_value(least).expect("every other field has a default")
}

fn oldest(proxies: &[EncryptionProxy]) -> Option<EncryptionProxy> {
    let age = |proxy: &&EncryptionProxy| {
        let created = proxy.creation_timestamp().map(|time| time.0);
        (created.is_none(), created, proxy.name_any())
    };
    // One that is being deleted takes its fleet with it, which must not be made anew in its name.
    proxies.iter().filter(|proxy| proxy.metadata.deletion_timestamp.is_none()).min_by_key(age).cloned()
}

fn malformed_proxy(observed: &Observed) -> Result<(), Obstacle> {
    match observed.malformed.iter().find(|malformed| malformed.kind == "EncryptionProxy") {
        None => Ok(()),
        Some(malformed) => Err(Obstacle::MalformedProxy {
            name: malformed.object.name_any(),
            error: malformed.error.clone(),
        }),
    }
}

fn kafka(observed: &Observed) -> Result<Kafka, Obstacle> {
    let strimzi = observed.strimzi.as_ref().ok_or(Obstacle::NoStrimzi)?;
    let object = strimzi.kafka.as_ref().ok_or(Obstacle::NoKafka)?;
    if object.metadata.deletion_timestamp.is_some() {
        // What is made now would be deleted at once, and hold its deletion up.
        return Err(Obstacle::KafkaEnds);
    }
    Kafka::try_from(object).map_err(|error| Obstacle::MalformedKafka(error.to_string()))
}

/// A file of the proxies' ConfigMap as it is.
pub(crate) fn file<'a>(observed: &'a Observed, name: &str) -> Option<&'a str> {
    observed.ours.config.as_ref()?.data.as_ref()?.get(name).map(String::as_str)
}

#[cfg(test)]
mod tests;
