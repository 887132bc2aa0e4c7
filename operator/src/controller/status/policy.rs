//! The status of a policy. Pure.

use jiff::Timestamp;
use operator_api::{ProxyCount, TopicEncryptionPolicy, TopicEncryptionPolicyStatus};

use super::super::rollout::has_loaded;
use super::super::validate::Obstacle;
use super::super::validate::is_paused;
use super::conditions::{Finding, conditions, finding};
use super::findings::Facts;
use super::topics;
use crate::policies::{PolicyId, Treatment, Verdict};

pub(super) fn status(
    facts: &Facts<'_>,
    policy: &TopicEncryptionPolicy,
    before: &TopicEncryptionPolicyStatus,
    now: Timestamp,
) -> TopicEncryptionPolicyStatus {
    let (id, verdict) = facts.verdict(policy);
    let generation = policy.metadata.generation;
    let loaded = facts.loaded(&id).min(facts.desired);
    let accepted = accepted(facts, verdict);
    let programmed = programmed(facts, &id, &accepted, loaded);
    let keys = keys(facts, &id);
    let keyed: Vec<_> = rules(facts, &id).collect();
    let local = keyed.iter().any(|(provider, _)| is_local(facts, provider));
    let mut findings = vec![accepted.clone(), programmed.clone(), keys.clone()];
    findings.extend(summary(facts, policy, &accepted, &programmed, &keys));
    if local {
        let message = "the keys of this policy are entries of a Secret: whoever administers the cluster holds them. Back \
                       the Secret up; for keys of your own use a key management service";
        findings.push(finding("LocalKeys", true, "LocalKeys", message));
    }
    if let Some(verdict) = verdict.filter(|verdict| !verdict.warnings.is_empty()) {
        let texts: Vec<_> = verdict.warnings.iter().take(10).map(ToString::to_string).collect();
        let reason = verdict.warnings.first().map_or("Warning", |warning| warning.kind.as_str());
        findings.push(finding("Warning", true, reason, texts.join("; ")));
    }
    findings.extend(topics::findings(facts, &id));
    findings.extend(facts.warnings());
    let mut providers: Vec<String> = keyed.into_iter().map(|(provider, _)| provider).collect();
    providers.sort();
    providers.dedup();
    TopicEncryptionPolicyStatus {
        observed_generation: generation,
        conditions: conditions(&findings, &before.conditions, generation, now),
        proxies: Some(proxy_count(loaded, facts.desired)),
        bootstrap_servers: facts.bootstrap_servers().or_else(|| before.bootstrap_servers.clone()),
        rules: Some(verdict.map_or(0, |verdict| i32::try_from(verdict.rules).unwrap_or(i32::MAX))),
        key_providers: providers,
    }
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
    if let Some(pending) = facts.unreachable() {
        return finding("Programmed", false, pending.reason(), pending.to_string());
    }
    if loaded >= facts.desired {
        let message = format!("{loaded} of {} proxies have loaded it", facts.desired);
        return finding("Programmed", true, "Programmed", message);
    }
    let told = facts.programmed.map(|programmed| &programmed.told);
    let target = &facts.judgement.merged.program;
    let behind = facts.laggard(|proxy| told.is_none_or(|told| !has_loaded(proxy, told, target, id)));
    let message = format!("{loaded} of {} proxies have loaded it; {behind}", facts.desired);
    finding("Programmed", false, "Reconciling", message)
}

/// Providers and keys of the rules of a policy.
fn rules<'a>(facts: &'a Facts<'_>, id: &PolicyId) -> impl Iterator<Item = (String, String)> + use<'a> {
    let id = id.clone();
    facts.judgement.merged.program.rules().filter_map(move |rule| match &rule.treatment {
        Treatment::Encrypt(encrypt) if rule.source.as_ref() == Some(&id) => {
            Some((encrypt.key.provider.to_string(), encrypt.key.name.to_string()))
        }
        _ => None,
    })
}

fn keys(facts: &Facts<'_>, id: &PolicyId) -> Finding {
    let used: Vec<_> = rules(facts, id).collect();
    if used.is_empty() {
        return finding("KeysReady", true, "NoKeys", "no rule in force needs a key");
    }
    let refused = facts.programmed.and_then(|programmed| {
        used.iter().find_map(|(_, key)| Some((key, programmed.refused_keys.get(key)?)))
    });
    if let Some((key, why)) = refused {
        return finding("KeysReady", false, "KeyRefused", format!("key {key}: {why}"));
    }
    facts.keys(|provider, key| used.iter().any(|(one, other)| one == provider && other == key))
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
    keys: &Finding,
) -> Vec<Finding> {
    if is_paused(policy) || facts.judgement.paused.is_some() {
        let message = facts.judgement.paused.clone().unwrap_or_else(|| {
            "edits are not taken up while the annotation encryption.strimzi.io/pause-reconciliation is there".to_owned()
        });
        return vec![
            finding("Ready", super::conditions::Holds::Unknown, "ReconciliationPaused", message.clone()),
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
    if !holds(keys) {
        return not_ready(keys, "Reconciling");
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
