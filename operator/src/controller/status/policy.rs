//! The status of a policy. Pure.

use jiff::Timestamp;
use operator_api::{ProxyCount, TopicEncryptionPolicy, TopicEncryptionPolicyStatus};
use proxy_config::KeyRef;

use super::super::validate::{Obstacle, is_paused, told_generation};
use super::conditions::{Finding, Holds, conditions, finding};
use super::findings::Facts;
use super::keys::Readiness;
use super::{envelope_keys, history, kafka, keys, refused_reads, rotation, topics};
use crate::policies::{PolicyId, Verdict};

pub(super) fn status(
    facts: &Facts<'_>,
    policy: &TopicEncryptionPolicy,
    before: &TopicEncryptionPolicyStatus,
    now: Timestamp,
) -> TopicEncryptionPolicyStatus {
    let (id, verdict) = facts.verdict(policy);
    let generation = generation(facts, policy, &id);
    let loaded = facts.loaded(&id).min(facts.desired);
    let accepted = accepted(facts, verdict);
    let programmed = programmed(facts, &id, &accepted, loaded);
    let used = keys::used(facts, &id);
    let keys = keys::ready(facts, &used);
    let mut findings = vec![accepted.clone(), programmed.clone(), keys.finding()];
    findings.extend(summary(facts, policy, &accepted, &programmed, &keys));
    if used.iter().any(|(provider, _)| is_local(facts, provider)) {
        let message = "the keys of this policy are entries of a Secret: whoever administers the cluster holds them. Back \
                       the Secret up; for keys that only you hold, use a provider of the EncryptionProxy such as vault";
        findings.push(finding("LocalKeys", true, "LocalKeys", message));
    }
    if used.iter().any(|(provider, _)| keys::is_ours(facts, provider)) {
        findings.extend(keys::damaged(facts, |name| used.iter().any(|(_, key)| key == name)));
    }
    if let Some(verdict) = verdict.filter(|verdict| !verdict.warnings.is_empty()) {
        let texts: Vec<_> = verdict.warnings.iter().take(10).map(ToString::to_string).collect();
        let reason = verdict.warnings.first().map_or("Warning", |warning| warning.kind.as_str());
        findings.push(finding("Warning", true, reason, texts.join("; ")));
    }
    findings.extend(keys::unreadable(facts, &id));
    findings.extend(refused_reads::of(facts, Some(&id)));
    if facts.judgement.proxy.is_none() {
        findings.extend(envelope_keys::any(facts));
    }
    let is_used = |key: &KeyRef| {
        used.iter().any(|(provider, name)| *provider == key.provider.as_str() && *name == key.name.as_str())
    };
    findings.extend(rotation::of(facts, policy, is_used));
    findings.extend(history::finding_of(facts, &id));
    findings.extend(topics::findings(facts, &id, &before.conditions));
    findings.extend(kafka::findings(facts));
    let keys = keys::in_use(facts, &used);
    let mut providers: Vec<String> = used.into_iter().map(|(provider, _)| provider).collect();
    providers.dedup();
    let mut conditions = conditions(&findings, &before.conditions, generation, now);
    for each in conditions.iter_mut().filter(|each| each.type_ == "ReconciliationPaused") {
        // That it is paused is true of what it says now.
        each.observed_generation = policy.metadata.generation;
    }
    TopicEncryptionPolicyStatus {
        observed_generation: generation,
        conditions,
        proxies: Some(proxy_count(loaded, facts.desired)),
        bootstrap_servers: facts.bootstrap_servers().or_else(|| before.bootstrap_servers.clone()),
        retired: seen(facts, facts.retired()),
        unmatched_topics: facts.unmatched().and_then(|number| seen(facts, number)),
        rules: Some(verdict.map_or(0, |verdict| i32::try_from(verdict.rules).unwrap_or(i32::MAX))),
        key_providers: providers,
        keys,
    }
}

/// The generation that a status is about: while edits are not taken up, the last one that was, or none.
fn generation(facts: &Facts<'_>, policy: &TopicEncryptionPolicy, id: &PolicyId) -> Option<i64> {
    if is_paused(policy) || facts.judgement.paused.is_some() {
        return Some(told_generation(facts.observed, id).unwrap_or_default());
    }
    policy.metadata.generation
}

/// What the `EncryptionProxy` tells, for clusters that have none.
fn seen(facts: &Facts<'_>, number: usize) -> Option<i32> {
    i32::try_from(number).ok().filter(|_| facts.judgement.proxy.is_none())
}

pub(super) fn proxy_count(loaded: i32, desired: i32) -> ProxyCount {
    ProxyCount { loaded, desired, summary: format!("{loaded}/{desired}") }
}

fn accepted(facts: &Facts<'_>, verdict: Option<&Verdict>) -> Finding {
    if let Err(obstacle) = &facts.judgement.fleet
        && obstacle.is_target()
    {
        return finding("Accepted", false, obstacle.reason(), obstacle.to_string());
    }
    match verdict {
        Some(verdict) => {
            finding("Accepted", verdict.is_accepted(), verdict.reason.as_str(), verdict.message())
        }
        None => finding("Accepted", false, "Deleting", "the policy is being deleted"),
    }
}

fn programmed(facts: &Facts<'_>, id: &PolicyId, accepted: &Finding, loaded: i32) -> Finding {
    if let Err(obstacle) = &facts.judgement.fleet {
        return finding("Programmed", false, obstacle.reason(), obstacle.to_string());
    }
    if let Some(paused) = &facts.judgement.paused {
        return finding("Programmed", false, "ReconciliationPaused", paused.clone());
    }
    if accepted.holds != true.into() {
        return finding(
            "Programmed",
            false,
            "NotAccepted",
            "proxies are told nothing of a policy that is not accepted",
        );
    }
    if let Some(failure) = facts.failure {
        return finding("Programmed", false, failure.reason, failure.message.clone());
    }
    if let Some(pending) = facts.unreachable() {
        return finding("Programmed", false, pending.reason(), pending.to_string());
    }
    let told = format!("{loaded} of {} proxies have loaded", facts.desired);
    if loaded < facts.desired {
        let what = if facts.is_told(id) {
            "it"
        } else {
            "a first step, in which keys are tried and writes may wait"
        };
        let behind = facts.behind(|proxy| !facts.is_current_of(proxy, id));
        return finding("Programmed", false, behind.reason, format!("{told} {what}; {}", behind.text));
    }
    if !facts.is_told(id) {
        let message =
            format!("{told} a first step, in which keys are tried and writes may wait, and try the keys");
        return finding("Programmed", false, "Reconciling", message);
    }
    finding("Programmed", true, "Programmed", format!("{told} it"))
}

fn is_local(facts: &Facts<'_>, provider: &str) -> bool {
    facts.judgement.spec.key_providers.iter().any(|each| each.name == provider && each.local.is_some())
}

/// `Ready`, and with it `Reconciling` or `Stalled` as kstatus has them.
fn summary(
    facts: &Facts<'_>,
    policy: &TopicEncryptionPolicy,
    accepted: &Finding,
    programmed: &Finding,
    keys: &Readiness,
) -> Vec<Finding> {
    if is_paused(policy) || facts.judgement.paused.is_some() {
        let message = facts.judgement.paused.clone().unwrap_or_else(|| {
            "edits are not taken up while the annotation encryption.strimzi.io/pause-reconciliation is there".to_owned()
        });
        return vec![
            finding("Ready", Holds::Unknown, "ReconciliationPaused", message.clone()),
            finding("ReconciliationPaused", true, "ReconciliationPaused", message),
        ];
    }
    let holds = |finding: &Finding| finding.holds == true.into();
    if !holds(accepted) {
        let passes = facts.judgement.fleet.as_ref().err().is_some_and(Obstacle::passes);
        return not_ready(accepted, if passes { "Reconciling" } else { "Stalled" });
    }
    if !holds(programmed) {
        let stalled = facts.judgement.fleet.as_ref().err().is_some_and(|obstacle| !obstacle.passes());
        return not_ready(programmed, if stalled { "Stalled" } else { "Reconciling" });
    }
    if let Err(why) = facts.rollout() {
        return not_ready(&finding("Ready", false, "ProxiesNotReady", why), "Reconciling");
    }
    let usable = keys.finding();
    if !holds(&usable) {
        return not_ready(&usable, if keys.reason.is_stalled() { "Stalled" } else { "Reconciling" });
    }
    let message = format!("{} proxies encrypt and decrypt", facts.desired);
    if facts.desired == 0 {
        return not_ready(&finding("Ready", false, "ScaledToZero", "the fleet has no proxies"), "Stalled");
    }
    vec![finding("Ready", true, "Ready", message)]
}

pub(super) fn not_ready(because: &Finding, also: &'static str) -> Vec<Finding> {
    vec![
        finding("Ready", false, because.reason, because.message.clone()),
        finding(also, true, because.reason, because.message.clone()),
    ]
}
