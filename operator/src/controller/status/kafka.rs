//! What is to be known of the Kafka cluster behind the proxies: what they go on with while Strimzi does not tell, and ways
//! round them. Pure.

use std::collections::BTreeMap;

use super::conditions::{Finding, finding};
use super::findings::Facts;
use crate::fleet::{Fleet, Trust};
use crate::strimzi::{
    Bypass, Kafka, KafkaState, ListenerAccess, ListenerSpec, NodePool, anonymous_super_user, brokers,
    listener_access, peers_snippet, trust_is_reported,
};

/// As much of Strimzi's own words as helps.
const MAX_WORDS: usize = 500;

/// Everything that is found out of the Kafka cluster.
pub(super) fn findings(facts: &Facts<'_>) -> Vec<Finding> {
    let Some(kafka) = &facts.judgement.kafka else { return Vec::new() };
    let mut findings: Vec<_> = degraded(facts, kafka).into_iter().collect();
    let Some(fleet) = facts.fleet() else { return findings };
    let labels = fleet.names.labels();
    findings.extend(access(facts, kafka, fleet, &labels));
    if let Some(warning) = anonymous_super_user(kafka) {
        findings.push(finding("AnonymousSuperUser", true, "AnonymousSuperUser", warning.to_string()));
    }
    findings
}

/// Nothing that makes proxies stop: they go on with what they know.
fn degraded(facts: &Facts<'_>, kafka: &Kafka) -> Option<Finding> {
    let mut all: Vec<(&'static str, String)> = Vec::new();
    if let Some(fleet) = facts.fleet() {
        all.extend(brokers_unknown(facts, kafka, fleet).map(|text| ("BrokersUnknown", text)));
        if let Some(listener) = used(kafka, fleet) {
            all.extend(trust_unknown(kafka, fleet, listener).map(|text| ("TrustUnknown", text)));
            all.extend(listener_lost(kafka, fleet, listener).map(|text| ("ListenersLost", text)));
        }
    }
    all.extend(state(kafka));
    let reason = all.first()?.0;
    let texts: Vec<_> = all.into_iter().map(|(_, text)| text).collect();
    Some(finding("KafkaDegraded", true, reason, texts.join("; ")))
}

fn state(kafka: &Kafka) -> Option<(&'static str, String)> {
    match &kafka.state {
        KafkaState::Ready | KafkaState::Unknown => None,
        KafkaState::NotReady { reason, message } => {
            let said: String = format!("{reason}: {message}").chars().take(MAX_WORDS).collect();
            let said = said.trim_matches([':', ' ']);
            Some(("KafkaNotReady", format!("Strimzi says that the Kafka cluster is not ready: {said}")))
        }
        KafkaState::Paused => Some((
            "KafkaPaused",
            "Strimzi's reconciliation of the Kafka resource is paused, so that changes of brokers and listeners are not told; \
             remove its annotation strimzi.io/pause-reconciliation"
                .to_owned(),
        )),
        KafkaState::Creating => {
            Some(("KafkaCreating", "Strimzi is still creating the Kafka cluster; wait for it".to_owned()))
        }
    }
}

/// The listener that the proxies connect to.
fn used<'a>(kafka: &'a Kafka, fleet: &Fleet) -> Option<&'a ListenerSpec> {
    kafka.listeners.iter().find(|listener| listener.port == fleet.upstream.port)
}

fn brokers_unknown(facts: &Facts<'_>, kafka: &Kafka, fleet: &Fleet) -> Option<String> {
    let objects = facts.observed.strimzi.iter().flat_map(|strimzi| &strimzi.pools);
    let pools: Result<Vec<_>, _> = objects.map(NodePool::try_from).collect();
    let why = match pools.map(|pools| brokers(kafka, &pools)) {
        Err(error) => {
            format!("a KafkaNodePool is not what this version of the operator knows ({error}); correct it")
        }
        Ok(Err(problem)) => problem.to_string(),
        Ok(Ok(brokers)) if brokers.is_empty() => {
            "no KafkaNodePool with the role broker reports node ids; look at the pools".to_owned()
        }
        Ok(Ok(_)) => return None,
    };
    let known = fleet.upstream.brokers.len();
    Some(format!(
        "{why}. Meanwhile the {known} brokers that were known last are used, and new ones are not reached"
    ))
}

fn trust_unknown(kafka: &Kafka, fleet: &Fleet, listener: &ListenerSpec) -> Option<String> {
    let is_last_known = matches!(fleet.upstream.trust, Some(Trust::Certificates(_)))
        && !trust_is_reported(kafka, &listener.name);
    is_last_known.then(|| {
        format!(
            "the certificate of listener {} is not in the status of the Kafka resource. Meanwhile the one that was known last \
             is trusted; see that Strimzi reconciles the Kafka resource",
            listener.name
        )
    })
}

fn listener_lost(kafka: &Kafka, fleet: &Fleet, listener: &ListenerSpec) -> Option<String> {
    let told = kafka.listener_status.get(&listener.name).is_some_and(|status| !status.bootstrap.is_empty());
    let addresses: Vec<_> = fleet.upstream.bootstrap.iter().map(ToString::to_string).collect();
    (!told).then(|| {
        format!(
            "the status of the Kafka resource has no listener {}. Meanwhile the addresses that were known last are used: {}; \
             see that Strimzi reconciles the Kafka resource",
            listener.name,
            addresses.join(", ")
        )
    })
}

/// Who gets to the brokers: others than the proxies, or not even they.
fn access(
    facts: &Facts<'_>,
    kafka: &Kafka,
    fleet: &Fleet,
    labels: &BTreeMap<String, String>,
) -> Vec<Finding> {
    let namespace = &facts.key.namespace;
    let snippet = || peers_snippet(kafka, labels, namespace);
    let used = used(kafka, fleet).map(|listener| listener.name.as_str());
    let is_shut =
        |each: &&ListenerAccess| each.bypass == Bypass::NotAdmitted && used == Some(each.listener.as_str());
    let all = listener_access(kafka, labels, namespace);
    let mut findings = Vec::new();
    if let Some(shut) = all.iter().find(is_shut) {
        let message = format!(
            "networkPolicyPeers of listener {} do not admit the proxies, which therefore cannot reach the brokers where \
             policies of networks are enforced. Add to the list in the Kafka resource:\n{}",
            shut.listener,
            snippet()
        );
        findings.push(finding("ProxiesNotAdmitted", true, "NetworkPolicyPeers", message));
    }
    let advice: Vec<_> =
        all.iter().filter(|each| !is_shut(each)).filter_map(ListenerAccess::advice).collect();
    if !advice.is_empty() {
        let message = format!(
            "brokers can be reached round the proxies: {}. In the Kafka resource:\n{}",
            advice.join("; "),
            snippet()
        );
        findings.push(finding("BrokersReachableDirectly", true, "NetworkPolicyPeers", message));
    }
    findings
}
