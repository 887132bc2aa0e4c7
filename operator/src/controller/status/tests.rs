//! What is told of a fleet in each situation. Whatever a test looks at, the rules of kstatus hold as well, and nothing
//! changes when only time passes.

mod argocd;
mod envelope_keys;
mod history;
mod kafka;
mod keys;
mod proxies;
mod refused_files;
mod refused_reads;
mod rotation;
mod steps;
mod stopped;
mod topics;

use std::collections::BTreeSet;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use operator_api::{EncryptionProxyStatus, TopicEncryptionPolicyStatus};
use serde_json::json;

use super::findings::Facts;
use super::{policy, proxy, stranger};
use crate::controller::dereference::Observed;
use crate::controller::fixtures::{judge, key, pod, told, with_proxy};
use crate::controller::reconcile::Programmed;
use crate::controller::rollout::{self, Told};
use crate::controller::validate::{Judgement, file};
use crate::policies::Program;

const NOW: &str = "2026-08-21T09:00:00Z";
const LATER: &str = "2026-08-21T10:00:00Z";

/// Three proxies that do all that they should.
fn healthy() -> Observed {
    healthy_with("{replicas: 3}", 3)
}

/// So many proxies by these settings that do all that they should.
fn healthy_with(settings: &str, replicas: usize) -> Observed {
    with_pods(told(with_proxy(settings)), replicas)
}

fn with_pods(mut observed: Observed, replicas: usize) -> Observed {
    let text = file(&observed, "policy.yaml").unwrap().to_owned();
    observed.fleet = (0..replicas).map(|index| pod(&format!("pod-{index}"), &text)).collect();
    let deployment = json!({
        "metadata": {"generation": 2},
        "spec": {"replicas": replicas, "selector": {}, "template": {}},
        "status": {"observedGeneration": 2, "replicas": replicas, "updatedReplicas": replicas},
    });
    observed.ours.deployment = Some(serde_json::from_value(deployment).unwrap());
    observed
}

/// What a pass would have written, before any test says otherwise.
fn programmed(observed: &Observed, judgement: &Judgement) -> Option<Programmed> {
    if judgement.fleet.is_err() || judgement.paused.is_some() {
        return None;
    }
    let mut told = Told::default();
    let current = file(observed, "policy.yaml").and_then(|text| Program::parse(text).ok());
    let step = rollout::step(&rollout::Situation {
        target: &judgement.merged.program,
        current: current.as_ref(),
        changed: None,
        ledger: &judgement.ledger,
        fleet: &observed.fleet,
        told: &told,
    });
    told.remember(&step.hash, &step.program);
    Some(Programmed {
        step,
        told,
        missing_secrets: Vec::new(),
        refused_keys: [].into(),
        unusable_keys: [].into(),
        look_again: None,
        unrouted: None,
    })
}

/// The status of the first policy.
fn policy_status(observed: &Observed) -> TopicEncryptionPolicyStatus {
    policy_status_with(observed, |_| {})
}

fn policy_status_with(observed: &Observed, edit: impl Fn(&mut Programmed)) -> TopicEncryptionPolicyStatus {
    with_facts(observed, edit, |facts| {
        let status = |before: &_, now: &str| policy::status(facts, &observed.policies[0], before, time(now));
        let first = status(&TopicEncryptionPolicyStatus::default(), NOW);
        assert_eq!(status(&first, LATER), first, "only time has passed");
        assert_conventions(&first.conditions);
        first
    })
}

/// The status of the first `EncryptionProxy`.
fn proxy_status(observed: &Observed) -> EncryptionProxyStatus {
    proxy_status_with(observed, |_| {})
}

fn proxy_status_with(observed: &Observed, edit: impl Fn(&mut Programmed)) -> EncryptionProxyStatus {
    with_facts(observed, edit, |facts| {
        let status = |before: &_, now: &str| proxy::status(facts, &observed.proxies[0], before, time(now));
        let first = status(&EncryptionProxyStatus::default(), NOW);
        assert_eq!(status(&first, LATER), first, "only time has passed");
        assert_conventions(&first.conditions);
        first
    })
}

fn with_facts<T>(
    observed: &Observed,
    edit: impl Fn(&mut Programmed),
    then: impl FnOnce(&Facts<'_>) -> T,
) -> T {
    let judgement = judge(observed);
    let mut programmed = programmed(observed, &judgement);
    programmed.iter_mut().for_each(edit);
    let key = key();
    then(&Facts::new(&key, observed, &judgement, programmed.as_ref()))
}

/// Proxies that there should be and those that do what they were told, for metrics.
#[expect(clippy::redundant_closure_for_method_calls, reason = "the method itself is not general enough")]
fn serving(observed: &Observed) -> (i32, i32) {
    with_facts(observed, |_| {}, |facts| facts.serving())
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The schema of conditions, and kstatus: what is not ready either becomes so or stalls, and what is ready does neither.
fn assert_conventions(conditions: &[Condition]) {
    let types: BTreeSet<_> = conditions.iter().map(|each| each.type_.as_str()).collect();
    assert_eq!(types.len(), conditions.len(), "each type once: {types:?}");
    for each in conditions {
        assert!(each.reason.starts_with(|first: char| first.is_ascii_alphabetic()), "{each:?}");
        assert!(each.reason.chars().all(|char| char.is_ascii_alphanumeric()), "{each:?}");
    }
    let (ready, _, _) = find(conditions, "Ready");
    let under_way = [types.contains("Reconciling"), types.contains("Stalled")];
    match ready.as_str() {
        "False" => assert!(under_way[0] != under_way[1], "{conditions:#?}"),
        _ => assert_eq!(under_way, [false, false], "{conditions:#?}"),
    }
}

/// A condition's status, reason and message.
fn find(conditions: &[Condition], kind: &str) -> (String, String, String) {
    let found = conditions.iter().find(|each| each.type_ == kind);
    let found = found.unwrap_or_else(|| panic!("no {kind} in {conditions:#?}"));
    (found.status.clone(), found.reason.clone(), found.message.clone())
}

fn has(conditions: &[Condition], kind: &str) -> bool {
    conditions.iter().any(|each| each.type_ == kind)
}

/// A condition's status and reason.
fn brief(conditions: &[Condition], kind: &str) -> String {
    let (status, reason, _) = find(conditions, kind);
    format!("{status} {reason}")
}

#[test]
fn all_is_well() {
    let observed = healthy();
    let status = policy_status(&observed);
    for (kind, expected) in [
        ("Accepted", "True Accepted"),
        ("Programmed", "True Programmed"),
        ("KeysReady", "True KeysReady"),
        ("Ready", "True Ready"),
    ] {
        assert_eq!(brief(&status.conditions, kind), expected);
    }
    assert_eq!(status.observed_generation, Some(1));
    assert_eq!(status.proxies.unwrap().summary, "3/3");
    assert_eq!(status.bootstrap_servers.as_deref(), Some("my-cluster-encryption-bootstrap.kafka.svc:9092"));
    assert_eq!((status.rules, status.key_providers), (Some(1), vec!["default".to_owned()]));

    let status = proxy_status(&observed);
    assert_eq!(brief(&status.conditions, "Ready"), "True Ready");
    assert_eq!((status.observed_generation, status.replicas), (Some(4), Some(3)));
    assert_eq!((status.policies, status.retired, status.unmatched_topics), (Some(1), Some(0), Some(0)));
    assert!(status.label_selector.unwrap().contains("app.kubernetes.io/instance=my-cluster"));
}

#[test]
fn a_fleet_is_settled_when_nothing_is_under_way() {
    #[expect(clippy::redundant_closure_for_method_calls, reason = "the method itself is not general enough")]
    let settled = |observed: &Observed| with_facts(observed, |_| {}, |facts| facts.is_settled());
    let mut observed = healthy();
    assert!(settled(&observed));
    observed.fleet[0].report.as_mut().unwrap().policy = None;
    assert!(!settled(&observed));
    observed.fleet.remove(0);
    assert!(!settled(&observed));
}

#[test]
fn a_policy_of_another_namespace_or_in_conflict_stalls() {
    let status = stranger_status(&healthy());
    assert_eq!(brief(&status.conditions, "Accepted"), "False NamespaceNotAllowed");
    assert_eq!(brief(&status.conditions, "Programmed"), "False NotAccepted");
    assert_eq!(brief(&status.conditions, "Ready"), "False NamespaceNotAllowed");
    assert_eq!(brief(&status.conditions, "Stalled"), "True NamespaceNotAllowed");
}

/// What the policy is told if it is of another namespace, and was told where to connect before.
fn stranger_status(observed: &Observed) -> TopicEncryptionPolicyStatus {
    let mut policy = observed.policies[0].clone();
    policy.metadata.namespace = Some("shop".to_owned());
    let told = TopicEncryptionPolicyStatus {
        bootstrap_servers: Some("somewhere:9092".to_owned()),
        ..TopicEncryptionPolicyStatus::default()
    };
    with_facts(
        observed,
        |_| {},
        |facts| {
            assert!(facts.is_strange(&policy) && !facts.is_strange(&observed.policies[0]));
            stranger::status(facts.key, &policy, &told, time(NOW))
        },
    )
}

#[test]
fn a_policy_of_a_namespace_that_is_not_allowed_learns_nothing_of_the_cluster() {
    let mut nothing = crate::controller::fixtures::observed();
    nothing.strimzi = None;
    let mut paused = healthy();
    paused.proxies[0].metadata.annotations =
        Some([("encryption.strimzi.io/pause-reconciliation".to_owned(), "true".to_owned())].into());
    let mut deleted = healthy();
    deleted.policies[0].metadata.deletion_timestamp = Some(serde_json::from_value(json!(NOW)).unwrap());
    let mut lost = healthy();
    lost.ours.ledger = None;
    let status = stranger_status(&healthy());
    for other in [&nothing, &paused, &deleted, &lost] {
        assert_eq!(stranger_status(other), status);
    }
    let said = serde_json::to_value(&status).unwrap();
    let fields: Vec<_> = said.as_object().unwrap().keys().collect();
    assert_eq!(fields, ["conditions", "observedGeneration"]);
    assert_eq!(status.conditions.len(), 4);
}

#[test]
fn a_policy_that_is_being_deleted_is_told_so() {
    let mut observed = healthy();
    observed.policies[0].metadata.deletion_timestamp = Some(serde_json::from_value(json!(NOW)).unwrap());
    assert_eq!(brief(&policy_status(&observed).conditions, "Accepted"), "False Deleting");
}
