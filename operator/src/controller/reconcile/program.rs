//! The writing part of a pass. What must not be lost is written before what depends on it: that there is a ledger, keys,
//! what the ledger says, then the policy.

mod certificates;
mod former;
mod local_keys;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ConfigMap, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::ResourceExt;

use super::{Context, Error, Told};
use crate::controller::apply::Applier;
use crate::controller::build::{self, Files};
use crate::controller::dereference::Observed;
use crate::controller::rollout::{self, Situation, Step};
use crate::controller::status::{ledger_copy_unreadable, ledger_rolled_back};
use crate::controller::validate::{Judgement, file, identities, next_sources, serial_on};
use crate::fleet::{Certificate, Fleet};
use crate::names;
use crate::policies::{Ledger, Program};

/// What was written.
#[derive(Debug)]
pub(crate) struct Programmed {
    /// What proxies are told now.
    pub(crate) step: Step,
    /// What they were told before.
    pub(crate) told: Told,
    /// Secrets that are mounted and not there.
    pub(crate) missing_secrets: Vec<String>,
    /// Keys that could not be made, and why.
    pub(crate) refused_keys: BTreeMap<String, String>,
    /// Entries of the Secret of local keys that proxies cannot use, and why.
    pub(crate) unusable_keys: BTreeMap<String, String>,
    /// When certificates want to be looked at again.
    pub(crate) look_again: Option<Duration>,
}

pub(super) async fn program(
    context: &Context,
    observed: &Observed,
    judgement: &Judgement,
    fleet: &Fleet,
) -> Result<Programmed, Error> {
    let applier = Applier::new(context.client.clone(), fleet.key.clone());
    let target = &judgement.merged.program;
    applier.apply(&build::service_account(fleet)).await.map_err(Error::Apply)?;
    let ledger = ledger_to_write_to(&applier, observed, fleet).await?;
    let keys = local_keys::local_keys(context, &applier, observed, judgement, fleet).await?;
    // What is wrong with certificates must not keep policies from proxies that run, so it is told at the end.
    let certificates = certificates::certificates(context, &applier, observed, fleet).await;
    // The bundle stays where nothing is known of it.
    let has_bundle = certificates.as_ref().map_or(true, |certificates| certificates.has_bundle);

    let mut told = context.memory.told(&fleet.key);
    let current = file(observed, "policy.yaml").and_then(|text| {
        let program = Arc::new(Program::parse(text).ok()?);
        // Proxies may have loaded it before this process began.
        told.learn(&names::sha256(text), &program);
        Some(program)
    });
    // As they may have the target, though somebody has put another file in its place.
    told.learn(&names::sha256(&target.to_yaml()), &Arc::new(target.clone()));
    let step = rollout::step(&Situation {
        target,
        current: current.as_deref(),
        changed: observed.ours.config.as_ref().and_then(last_change),
        ledger: &judgement.ledger,
        fleet: &observed.fleet,
        told: &told,
    });
    told.remember(&step.hash, &step.program);
    context.memory.tell(&fleet.key, told.clone());
    let providers = identities(&fleet.names, &judgement.spec);
    let next = judgement.ledger.next(&judgement.merged, &step.program).with_local_keys(&keys.seen);
    let next = next.with_providers(&providers);
    let ledger = write_ledger(context, &applier, judgement, fleet, ledger, &next).await?;
    witness(context, &applier, observed, fleet, next.serial()).await?;
    if let Some(error) = &judgement.unreadable_copy {
        ledger_copy_unreadable(context, fleet, error).await;
    }
    // Once no proxy encrypts it any more, what rules say is clear is forgotten: first in the copy, since what that has
    // and the ledger has not is put back.
    let settled = is_in_force(&step, observed).then(|| next.settled(&judgement.merged));
    let settled = settled.filter(|settled| *settled != next);

    let files = files(observed, judgement, fleet, &step, settled.as_ref().unwrap_or(&next));
    objects(context, &applier, observed, fleet, &files, has_bundle).await?;
    let (hash, missing_secrets) = mounted(context, fleet, &files).await?;
    for proxy in observed.fleet.iter().filter(|proxy| proxy.counts()) {
        if proxy.nudged.as_ref() != Some(&hash) {
            applier.nudge(&proxy.name, &hash).await.map_err(Error::Apply)?;
        }
    }
    if let Some(settled) = settled {
        let after = ledger_object(fleet, &settled);
        applier.write_ledger(Some(&ledger), after).await.map_err(Error::Apply)?;
    }
    Ok(Programmed {
        step,
        told,
        missing_secrets,
        refused_keys: keys.refused,
        unusable_keys: keys.unusable,
        look_again: certificates?.look_again,
    })
}

/// When anybody last changed an object.
fn last_change(object: &ConfigMap) -> Option<Timestamp> {
    object.metadata.managed_fields.iter().flatten().filter_map(|each| Some(each.time.as_ref()?.0)).max()
}

/// Whether every proxy has loaded the target.
fn is_in_force(step: &Step, observed: &Observed) -> bool {
    let mut serving = observed.fleet.iter().filter(|proxy| proxy.serves());
    step.last && serving.all(|proxy| proxy.loaded() == Some(&step.hash))
}

/// The ledger as it is, or a new one that is empty: keys without a ledger are the sign of a lost one.
async fn ledger_to_write_to(
    applier: &Applier,
    observed: &Observed,
    fleet: &Fleet,
) -> Result<ConfigMap, Error> {
    if let Some(ledger) = &observed.ours.ledger {
        Ok(ledger.clone())
    } else {
        let empty = ledger_object(fleet, &Ledger::default());
        applier.write_ledger(None, empty).await.map_err(Error::Apply)
    }
}

/// Writes the ledger, if it says anything new, and gives back what is there now.
async fn write_ledger(
    context: &Context,
    applier: &Applier,
    judgement: &Judgement,
    fleet: &Fleet,
    before: ConfigMap,
    next: &Ledger,
) -> Result<ConfigMap, Error> {
    let stored = judgement.stored.clone().unwrap_or_default();
    if *next == stored {
        return Ok(before);
    }
    let after =
        applier.write_ledger(Some(&before), ledger_object(fleet, next)).await.map_err(Error::Apply)?;
    let missing: Vec<_> = judgement.ledger.patterns_beyond(&stored).iter().map(ToString::to_string).collect();
    if !missing.is_empty() {
        let note = format!(
            "the ConfigMap {} was set back to an older state; what was encrypted since is put back into it: {}. Let no tool \
             apply an older copy over it",
            fleet.names.ledger(),
            missing.join(", ")
        );
        ledger_rolled_back(context, fleet, note).await;
    }
    Ok(after)
}

/// Notes the number of the ledger where it outlasts an older copy of the ledger that somebody applies: only once it is written,
/// since the ledger must never be behind without a reason. Of the two Secrets the one that no pod mounts comes first.
async fn witness(
    context: &Context,
    applier: &Applier,
    observed: &Observed,
    fleet: &Fleet,
    serial: u64,
) -> Result<(), Error> {
    context.memory.saw_ledger(&fleet.key, serial);
    let secret = observed.ours.authority.as_ref().or(observed.ours.keys.as_ref());
    // Once: a tool that puts an older copy of the Secret in place again and again is not fought.
    let Some(secret) = secret.filter(|_| context.memory.noted_serial(&fleet.key) < serial) else {
        return Ok(());
    };
    if serial_on(secret).is_none_or(|noted| noted < serial) {
        applier.note_ledger(&secret.name_any(), serial).await.map_err(Error::Apply)?;
    }
    context.memory.noted_ledger(&fleet.key, serial);
    Ok(())
}

fn ledger_object(fleet: &Fleet, ledger: &Ledger) -> ConfigMap {
    let mut metadata = fleet.lasting_metadata(fleet.names.ledger());
    metadata.annotations = Some(names::lasting_annotations());
    ConfigMap {
        metadata,
        data: Some([("ledger.yaml".to_owned(), ledger.to_yaml())].into()),
        ..ConfigMap::default()
    }
}

fn files(observed: &Observed, judgement: &Judgement, fleet: &Fleet, step: &Step, ledger: &Ledger) -> Files {
    let yaml = |value: &serde_json::Value| serde_yaml::to_string(value).expect("JSON has a form in YAML");
    Files {
        proxy: yaml(&build::proxy_yaml(fleet)),
        brokers: yaml(&build::brokers_yaml(fleet)),
        policy: step.text.clone(),
        sources: serde_yaml::to_string(&next_sources(observed, &judgement.merged))
            .expect("rules have a form in YAML"),
        ledger: ledger.to_yaml(),
    }
}

/// All objects, in an order in which nothing refers to what is not there yet.
async fn objects(
    context: &Context,
    applier: &Applier,
    observed: &Observed,
    fleet: &Fleet,
    files: &Files,
    has_bundle: bool,
) -> Result<(), Error> {
    let settings = &context.settings;
    // While no listener has an address there is nothing to start, but Services must be there to get one.
    let starts = fleet.reachable().next().is_some();
    if starts {
        let before = observed.ours.config.as_ref();
        applier.write_config(before, build::config_map(fleet, files)).await.map_err(Error::Apply)?;
    }
    let services = build::services(fleet);
    for service in &services {
        applier.apply(service).await.map_err(Error::Apply)?;
    }
    if let Certificate::Issuer(issuer) = &fleet.certificate {
        let certificate = build::cert_manager_certificate(fleet, issuer, &settings.cluster_domain);
        applier.apply_dynamic(&certificate, &build::cert_manager_resource()).await.map_err(Error::Apply)?;
    }
    let mut policies = Vec::new();
    if settings.network_policies {
        let policy = build::network_policy(fleet, settings);
        applier.apply(&policy).await.map_err(Error::Apply)?;
        policies.push(policy.name_any());
    }
    let mut budgets = Vec::new();
    if let Some(budget) = build::pod_disruption_budget(fleet).filter(|_| settings.pod_disruption_budgets) {
        applier.apply(&budget).await.map_err(Error::Apply)?;
        budgets.push(budget.name_any());
    }
    if starts {
        let deployment = build::deployment(fleet, settings, &names::sha256(&files.proxy));
        applier.apply(&deployment).await.map_err(Error::Apply)?;
    }

    // The ledger stays even where some tool has given it an owner.
    let mut maps = vec![fleet.names.config(), fleet.names.ledger()];
    maps.extend(has_bundle.then(|| fleet.names.authority_bundle()));
    let names: Vec<_> = services.iter().map(ResourceExt::name_any).collect();
    applier.delete_others::<Service>(&names).await.map_err(Error::Apply)?;
    applier.delete_others::<NetworkPolicy>(&policies).await.map_err(Error::Apply)?;
    applier.delete_others::<PodDisruptionBudget>(&budgets).await.map_err(Error::Apply)?;
    applier.delete_others::<ConfigMap>(&maps).await.map_err(Error::Apply)?;
    applier.delete_others::<ServiceAccount>(&[fleet.names.fleet()]).await.map_err(Error::Apply)?;
    Ok(())
}

/// A hash of everything that pods mount, and the Secrets among it that are not there.
async fn mounted(context: &Context, fleet: &Fleet, files: &Files) -> Result<(String, Vec<String>), Error> {
    let mut text = format!("{}\n{}\n{}\n", files.brokers, files.policy, files.proxy);
    let mut missing = Vec::new();
    for name in build::mounted_secrets(fleet) {
        let version = context.reader.secret_version(&fleet.key, &name).await.map_err(Error::Dereference)?;
        match version {
            Some(version) => {
                let _ = writeln!(text, "{name} {version}");
            }
            None => missing.push(name),
        }
    }
    Ok((names::sha256(&text), missing))
}

/// From now on.
fn until(time: Timestamp) -> Duration {
    Duration::try_from(time.duration_since(Timestamp::now())).unwrap_or_default()
}
