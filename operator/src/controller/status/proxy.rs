//! The status of an `EncryptionProxy`. Pure.

use jiff::Timestamp;
use kube::ResourceExt;
use operator_api::{EncryptionProxy, EncryptionProxyStatus};

use super::super::validate::Obstacle;
use super::conditions::{Finding, Holds, conditions, finding};
use super::findings::{Facts, count};
use super::policy::{not_ready, proxy_count};
use crate::policies::Treatment;

pub(super) fn status(
    facts: &Facts<'_>,
    proxy: &EncryptionProxy,
    before: &EncryptionProxyStatus,
    now: Timestamp,
) -> EncryptionProxyStatus {
    let generation = proxy.metadata.generation;
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
    findings.extend(facts.warnings());
    let rules = facts.judgement.merged.program.rules();
    let retired = rules.filter(|rule| matches!(rule.treatment, Treatment::Retired { .. })).count();
    let accepted = facts.judgement.merged.verdicts.values().filter(|verdict| verdict.is_accepted()).count();
    let unmatched = facts
        .observed
        .fleet
        .iter()
        .filter_map(|each| each.report.as_ref().ok())
        .map(|report| report.unmatched)
        .max();
    EncryptionProxyStatus {
        observed_generation: generation,
        conditions: conditions(&findings, &before.conditions, generation, now),
        replicas: Some(count(facts.observed.fleet.iter().filter(|proxy| proxy.counts()))),
        label_selector: facts.fleet().map(|fleet| fleet.names.selector_text()),
        proxies: Some(proxy_count(loaded, facts.desired)),
        bootstrap_servers: facts.bootstrap_servers().or_else(|| before.bootstrap_servers.clone()),
        policies: i32::try_from(accepted).ok(),
        retired: i32::try_from(retired).ok(),
        unmatched_topics: unmatched.and_then(|number| i32::try_from(number).ok()),
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
    let hash = facts.programmed.map(|programmed| programmed.step.hash.clone()).unwrap_or_default();
    let programmed = if loaded >= facts.desired {
        finding(
            "Programmed",
            true,
            "Programmed",
            format!("{loaded} of {} proxies have loaded all policies", facts.desired),
        )
    } else {
        let behind = facts.laggard(|proxy| proxy.loaded() != Some(&hash));
        let message = format!("{loaded} of {} proxies have loaded all policies; {behind}", facts.desired);
        finding("Programmed", false, "Reconciling", message)
    };
    let ready = if let Some(pending) = facts.unreachable() {
        not_ready(&listeners(&pending), "Reconciling")
    } else if let Err(why) = facts.rollout() {
        not_ready(&finding("Ready", false, "ProxiesNotReady", why), "Reconciling")
    } else if programmed.holds != Holds::True {
        not_ready(&programmed, "Reconciling")
    } else if let Some(pending) = facts.pending() {
        not_ready(&listeners(&pending), "Reconciling")
    } else if let Some(crowded) = facts.crowded() {
        not_ready(&listeners(&crowded), "Stalled")
    } else {
        vec![finding("Ready", true, "Ready", format!("{} proxies take clients", facts.desired))]
    };
    [vec![accepted(facts), programmed], ready].concat()
}

fn accepted(facts: &Facts<'_>) -> Finding {
    match &facts.judgement.fleet {
        Ok(_) => finding("Accepted", true, "Accepted", "its settings are in order"),
        Err(obstacle) => finding("Accepted", obstacle.passes(), obstacle.reason(), obstacle.to_string()),
    }
}

fn listeners(obstacle: &Obstacle) -> Finding {
    finding("Ready", false, obstacle.reason(), obstacle.to_string())
}
