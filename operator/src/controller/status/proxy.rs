//! The status of an `EncryptionProxy`. Pure.

use jiff::Timestamp;
use kube::ResourceExt;
use operator_api::{EncryptionProxy, EncryptionProxyStatus};

use super::super::validate::Obstacle;
use super::conditions::{Finding, Holds, conditions, finding};
use super::findings::{Facts, count};
use super::policy::{not_ready, proxy_count};
use super::{envelope_keys, kafka, keys, refused_reads, rotation};

pub(super) fn status(
    facts: &Facts<'_>,
    proxy: &EncryptionProxy,
    before: &EncryptionProxyStatus,
    now: Timestamp,
) -> EncryptionProxyStatus {
    let mut generation = proxy.metadata.generation;
    let chosen = facts.judgement.proxy.as_ref();
    if chosen.is_none_or(|chosen| chosen.uid() != proxy.uid()) {
        let other = chosen.map(ResourceExt::name_any).unwrap_or_default();
        let message = format!(
            "EncryptionProxy {other} is older and counts for this Kafka cluster; delete one of the two"
        );
        let mut findings = vec![finding("Accepted", false, "Conflicted", message.clone())];
        findings.extend(not_ready(&finding("Ready", false, "Conflicted", message), "Stalled"));
        return EncryptionProxyStatus {
            observed_generation: generation,
            conditions: conditions(&findings, &before.conditions, generation, now),
            ..EncryptionProxyStatus::default()
        };
    }
    let loaded = facts.loaded_all().min(facts.desired);
    let mut findings = findings(facts, loaded);
    findings.extend(keys::damaged(facts, |_| true));
    findings.extend(refused_reads::of(facts, None));
    findings.extend(envelope_keys::any(facts));
    findings.extend(rotation::of(facts, proxy, |_| true));
    findings.extend(kafka::findings(facts));
    if facts.judgement.paused.is_some() {
        // Edits are not taken up.
        generation = Some(before.observed_generation.unwrap_or_default());
    }
    let mut conditions = conditions(&findings, &before.conditions, generation, now);
    for each in conditions.iter_mut().filter(|each| each.type_ == "ReconciliationPaused") {
        each.observed_generation = proxy.metadata.generation;
    }
    let accepted = facts.judgement.merged.verdicts.values().filter(|verdict| verdict.is_accepted()).count();
    EncryptionProxyStatus {
        observed_generation: generation,
        conditions,
        replicas: Some(count(facts.observed.fleet.iter().filter(|proxy| proxy.counts()))),
        label_selector: facts.fleet().map(|fleet| fleet.names.selector_text()),
        proxies: Some(proxy_count(loaded, facts.desired)),
        bootstrap_servers: facts.bootstrap_servers().or_else(|| before.bootstrap_servers.clone()),
        listeners: facts.listeners().unwrap_or_else(|| before.listeners.clone()),
        policies: i32::try_from(accepted).ok(),
        retired: i32::try_from(facts.retired()).ok(),
        unmatched_topics: facts.unmatched().and_then(|number| i32::try_from(number).ok()),
    }
}

fn findings(facts: &Facts<'_>, loaded: i32) -> Vec<Finding> {
    if let Some(paused) = &facts.judgement.paused {
        return vec![
            accepted(facts),
            finding("Ready", Holds::Unknown, "ReconciliationPaused", paused.clone()),
            finding("ReconciliationPaused", true, "ReconciliationPaused", paused.clone()),
        ];
    }
    if let Err(obstacle) = &facts.judgement.fleet {
        let mut findings =
            vec![accepted(facts), finding("Programmed", false, obstacle.reason(), obstacle.to_string())];
        let also = if obstacle.passes() { "Reconciling" } else { "Stalled" };
        findings.extend(not_ready(&finding("Ready", false, obstacle.reason(), obstacle.to_string()), also));
        return findings;
    }
    if let Some(failure) = facts.failure {
        let programmed = finding("Programmed", false, failure.reason, failure.message.clone());
        let ready = not_ready(&programmed, "Reconciling");
        return [vec![accepted(facts), programmed], ready].concat();
    }
    let programmed = programmed(facts, loaded);
    let ready = if let Some(pending) = facts.unreachable() {
        not_ready(&listeners(&pending), "Reconciling")
    } else if let Err(why) = facts.rollout() {
        not_ready(&finding("Ready", false, "ProxiesNotReady", why), "Reconciling")
    } else if programmed.holds != Holds::True {
        not_ready(&programmed, "Reconciling")
    } else if let Some(pending) = facts.pending() {
        not_ready(&listeners(&pending), "Reconciling")
    } else if let Some(unrouted) = facts.unrouted() {
        let also = if unrouted.passes() { "Reconciling" } else { "Stalled" };
        not_ready(&listeners(unrouted), also)
    } else if let Some(crowded) = facts.crowded() {
        not_ready(&listeners(&crowded), "Stalled")
    } else {
        vec![finding("Ready", true, "Ready", format!("{} proxies take clients", facts.desired))]
    };
    [vec![accepted(facts), programmed], ready].concat()
}

fn programmed(facts: &Facts<'_>, loaded: i32) -> Finding {
    let last = facts.programmed.is_some_and(|programmed| programmed.step.last);
    let what =
        if last { "all policies" } else { "a first step, in which keys are tried and writes may wait" };
    let told = format!("{loaded} of {} proxies have loaded {what}", facts.desired);
    if loaded < facts.desired {
        let behind = facts.behind(|proxy| !facts.is_current(proxy));
        return finding("Programmed", false, behind.reason, format!("{told}; {}", behind.text));
    }
    if !last {
        return finding("Programmed", false, "Reconciling", format!("{told}, and try the keys"));
    }
    finding("Programmed", true, "Programmed", told)
}

fn accepted(facts: &Facts<'_>) -> Finding {
    match &facts.judgement.fleet {
        Err(obstacle) if obstacle.is_of_settings() => {
            finding("Accepted", false, obstacle.reason(), obstacle.to_string())
        }
        _ => finding("Accepted", true, "Accepted", "its settings are in order"),
    }
}

fn listeners(obstacle: &Obstacle) -> Finding {
    finding("Ready", false, obstacle.reason(), obstacle.to_string())
}
