//! The status of resources whose cluster could not be read: what cannot be read cannot be judged, so what was found out
//! before stays, and says by its generation how old it is.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;

use super::conditions::{Holds, conditions, finding};
use super::ours::{HasConditions, Ours};
use super::policy::not_ready;
use super::{Error, malformed, put};
use crate::cluster::KafkaKey;
use crate::controller::reconcile::{Context, Failure};
use crate::controller::validate::is_paused;

/// Tells of a failure on every resource of a cluster that can be listed.
pub(crate) async fn write_unread(context: &Context, key: &KafkaKey, failure: &Failure) -> Result<(), Error> {
    let now = Timestamp::now();
    let concerned = context.reader.concerned(key, &context.settings).await;
    let fleet_paused = concerned.proxies.iter().any(is_paused);
    // Whoever asked for a pause expects no change; but everybody is told something at least.
    let skipped = |paused: bool, before: Option<&[Condition]>| {
        (paused || !failure.lasts) && before.is_some_and(|before| !before.is_empty())
    };
    let mut outcome = Ok(());
    for policy in &concerned.policies {
        // Nobody can say whether its namespace counts, so it learns nothing new of the cluster.
        let before = policy.status.as_ref().map(HasConditions::conditions);
        if policy.namespace().as_deref() != Some(&key.namespace) && !was_accepted(before) {
            continue;
        }
        if !skipped(fleet_paused || is_paused(policy), before) {
            outcome = tell(context, policy, failure, now).await.and(outcome);
        }
    }
    for proxy in concerned.proxies.iter().filter(|each| each.metadata.deletion_timestamp.is_none()) {
        if !skipped(is_paused(proxy), proxy.status.as_ref().map(HasConditions::conditions)) {
            outcome = tell(context, proxy, failure, now).await.and(outcome);
        }
    }
    for each in &concerned.malformed {
        outcome = malformed(context, each, now).await.and(outcome);
    }
    outcome
}

fn was_accepted(before: Option<&[Condition]>) -> bool {
    before.into_iter().flatten().any(|each| each.type_ == "Accepted" && each.status == "True")
}

async fn tell<K: Ours>(
    context: &Context,
    object: &K,
    failure: &Failure,
    now: Timestamp,
) -> Result<(), Error> {
    let before = object.status().cloned().unwrap_or_default();
    let generation = object.meta().generation;
    let conditions = with_failure(before.conditions(), failure, generation, now);
    put(context, object, before.with(generation, conditions)).await
}

fn with_failure(
    before: &[Condition],
    failure: &Failure,
    generation: Option<i64>,
    now: Timestamp,
) -> Vec<Condition> {
    let replaced = ["Programmed", "Ready", "Reconciling", "Stalled", "ReconciliationPaused"];
    let is_kept = |each: &&Condition| {
        !(replaced.contains(&each.type_.as_str()) || (each.type_ == "Accepted" && each.status == "Unknown"))
    };
    let mut all: Vec<_> = before.iter().filter(is_kept).cloned().collect();
    let mut findings = vec![finding("Programmed", false, failure.reason, failure.message.clone())];
    if !all.iter().any(|each| each.type_ == "Accepted") {
        findings.insert(0, finding("Accepted", Holds::Unknown, failure.reason, failure.message.clone()));
    }
    findings.extend(not_ready(&findings[findings.len() - 1].clone(), "Reconciling"));
    all.extend(conditions(&findings, before, generation, now));
    all
}
