//! The writing part of a pass. What must not be lost is written before what depends on it: that there is a ledger, keys,
//! what the ledger says, then the policy.

mod certificates;
mod former;
mod ledger;
mod local_keys;
mod objects;
mod routes;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ConfigMap;

use self::ledger::{ledger_object, ledger_to_write_to, witness, write_ledger};
use self::objects::objects;
use super::{Context, Error, Told};
use crate::controller::apply::Applier;
use crate::controller::build::{self, Files};
use crate::controller::dereference::Observed;
use crate::controller::rollout::{self, Situation, Step};
use crate::controller::status::ledger_copy_unreadable;
use crate::controller::validate::{Judgement, Obstacle, file, identities, next_sources};
use crate::fleet::Fleet;
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
    /// Why no Gateway leads to a listener that wants one.
    pub(crate) unrouted: Option<Obstacle>,
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
    // Told at the end, like certificates.
    let unrouted = routes::routes(context, &applier, fleet).await;
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
        unrouted: unrouted?,
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
