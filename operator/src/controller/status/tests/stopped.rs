//! Nothing is programmed: there is an obstacle, or somebody asked for a pause.

use serde_json::json;

use super::{NOW, brief, find, has, healthy, policy_status, proxy_status, serving};
use crate::controller::dereference::{Observed, Strimzi};
use crate::controller::fixtures::{kafka, proxy};

const PAUSE: &str = "encryption.strimzi.io/pause-reconciliation";

fn pause() -> std::collections::BTreeMap<String, String> {
    [(PAUSE.to_owned(), "true".to_owned())].into()
}

#[test]
fn a_target_that_is_not_there_is_waited_for() {
    let observed = Observed { strimzi: Some(Strimzi::default()), ..healthy() };
    let status = policy_status(&observed);
    for kind in ["Accepted", "Programmed", "Ready"] {
        assert_eq!(brief(&status.conditions, kind), "False TargetNotFound");
    }
    assert_eq!(brief(&status.conditions, "Reconciling"), "True TargetNotFound");
    assert_eq!(brief(&proxy_status(&observed).conditions, "Accepted"), "False TargetNotFound");
    let observed = Observed { strimzi: None, ..healthy() };
    for conditions in [policy_status(&observed).conditions, proxy_status(&observed).conditions] {
        assert_eq!(brief(&conditions, "Accepted"), "False StrimziNotInstalled");
        assert!(has(&conditions, "Reconciling"), "it is waited for");
    }
}

#[test]
fn a_lost_ledger_leaves_policies_accepted_and_stalls_them() {
    let mut observed = healthy();
    observed.ours.ledger = None;
    let status = policy_status(&observed);
    assert_eq!(brief(&status.conditions, "Accepted"), "True Accepted");
    assert_eq!(brief(&status.conditions, "Programmed"), "False LedgerMissing");
    assert_eq!(brief(&status.conditions, "Stalled"), "True LedgerMissing");
    let of_proxy = proxy_status(&observed).conditions;
    assert_eq!(brief(&of_proxy, "Accepted"), "True Accepted", "it says nothing wrong");
    assert_eq!(brief(&of_proxy, "Stalled"), "True LedgerMissing");
}

#[test]
fn what_passes_by_itself_reconciles() {
    let mut observed = healthy();
    observed.ours.config = None;
    observed.ours.deployment = None;
    observed.ours.ledger = None;
    kafka(&mut observed)["status"]["listeners"] = json!([]);
    for conditions in [policy_status(&observed).conditions, proxy_status(&observed).conditions] {
        assert_eq!(brief(&conditions, "Ready"), "False ListenerNotReady");
        assert!(has(&conditions, "Reconciling"));
    }
    assert_eq!(brief(&policy_status(&observed).conditions, "Accepted"), "True Accepted");
    assert_eq!(brief(&proxy_status(&observed).conditions, "Accepted"), "False ListenerNotReady");
}

#[test]
fn settings_that_make_no_proxy_are_not_accepted_of_their_owner() {
    let mut observed = healthy();
    observed.proxies = vec![proxy("proxies", "{listeners: [{name: one}, {name: two, port: 9100}]}")];
    let (accepted, reason, message) = find(&proxy_status(&observed).conditions, "Accepted");
    assert_eq!((accepted.as_str(), reason.as_str()), ("False", "InvalidSettings"));
    assert!(message.contains("listeners[1]"), "{message}");
    let status = policy_status(&observed);
    assert_eq!(brief(&status.conditions, "Accepted"), "True Accepted");
    assert_eq!(brief(&status.conditions, "Stalled"), "True InvalidSettings");
}

#[test]
fn the_last_bootstrap_address_stays_in_the_status() {
    let mut observed = healthy();
    observed.ours.ledger = None;
    let before = operator_api::TopicEncryptionPolicyStatus {
        bootstrap_servers: Some("known:9092".to_owned()),
        ..Default::default()
    };
    let status = super::with_facts(
        &observed,
        |_| {},
        |facts| super::policy::status(facts, &observed.policies[0], &before, super::time(NOW)),
    );
    assert_eq!(status.bootstrap_servers.as_deref(), Some("known:9092"));
}

#[test]
fn a_pause_of_the_fleet_is_told_to_everybody() {
    let mut observed = healthy();
    observed.proxies[0].metadata.annotations = Some(pause());
    for conditions in [policy_status(&observed).conditions, proxy_status(&observed).conditions] {
        assert_eq!(brief(&conditions, "Ready"), "Unknown ReconciliationPaused");
        let (status, _, message) = find(&conditions, "ReconciliationPaused");
        assert_eq!(status, "True");
        assert!(message.contains("proxies") && message.contains(PAUSE), "{message}");
    }
}

#[test]
fn a_pause_of_one_policy_is_its_own_affair() {
    let mut observed = healthy();
    observed.policies[0].metadata.annotations = Some(pause());
    let status = policy_status(&observed);
    assert_eq!(brief(&status.conditions, "ReconciliationPaused"), "True ReconciliationPaused");
    assert_eq!(brief(&status.conditions, "Programmed"), "True Programmed");
    assert_eq!(brief(&proxy_status(&observed).conditions, "Ready"), "True Ready");
}

#[test]
fn a_paused_fleet_that_could_not_be_made_does_not_say_that_its_settings_are_in_order() {
    let mut observed = healthy();
    observed.proxies = vec![proxy("proxies", "{listeners: [{name: one}, {name: two, port: 9100}]}")];
    observed.proxies[0].metadata.annotations = Some(pause());
    assert_eq!(brief(&proxy_status(&observed).conditions, "Accepted"), "False InvalidSettings");
}

#[test]
fn the_younger_of_two_encryption_proxies_stalls() {
    let mut observed = healthy();
    let mut younger = proxy("another", "{}");
    younger.metadata.creation_timestamp = Some(serde_json::from_value(json!(NOW)).unwrap());
    observed.proxies.insert(0, younger);
    let status = proxy_status(&observed);
    assert_eq!(brief(&status.conditions, "Accepted"), "False Conflicted");
    let (_, _, message) = find(&status.conditions, "Stalled");
    assert!(message.contains("EncryptionProxy proxies is older"), "{message}");
    assert_eq!((status.replicas, status.label_selector), (None, None));
}

#[test]
fn a_user_that_is_not_there_is_waited_for() {
    let mut observed = super::healthy_with(
        "{authentication: {kafkaUserRef: {name: proxies}}, listenerName: mtls, \
          listeners: [{name: tls, authentication: {type: tls}}]}",
        0,
    );
    observed.strimzi.as_mut().unwrap().users.clear();
    assert_eq!(brief(&proxy_status(&observed).conditions, "Accepted"), "False KafkaUserUnusable");
    for conditions in [policy_status(&observed).conditions, proxy_status(&observed).conditions] {
        let (_, reason, message) = find(&conditions, "Reconciling");
        assert_eq!(reason, "KafkaUserUnusable");
        assert!(message.contains("KafkaUser proxies yet, and it is waited for"), "{message}");
    }
}

#[test]
fn proxies_are_counted_by_what_is_in_force_while_nothing_is_told() {
    let mut paused = healthy();
    paused.proxies[0].metadata.annotations = Some(pause());
    let mut stopped = healthy();
    stopped.ours.ledger = None;
    for mut observed in [paused, stopped] {
        assert_eq!(policy_status(&observed).proxies.unwrap().summary, "3/3");
        assert_eq!(proxy_status(&observed).proxies.unwrap().summary, "3/3");
        observed.fleet[1].report.as_mut().unwrap().policy = None;
        assert_eq!(policy_status(&observed).proxies.unwrap().summary, "2/3");
        assert_eq!(proxy_status(&observed).proxies.unwrap().summary, "2/3");
        assert_eq!(serving(&observed), (3, 2), "nor is it an alert");
    }
}

#[test]
fn a_fleet_that_is_not_made_yet_lacks_no_proxy() {
    let mut observed = crate::controller::fixtures::observed();
    observed.strimzi = Some(Strimzi::default());
    assert_eq!(serving(&observed), (0, 0));
    assert_eq!(policy_status(&observed).proxies.unwrap().summary, "0/2");
}

#[test]
fn a_policy_that_proxies_were_never_told_is_loaded_by_none() {
    let mut observed = healthy();
    observed.proxies[0].metadata.annotations = Some(pause());
    observed.policies[0].metadata.name = Some("new".to_owned());
    let status = policy_status(&observed);
    assert_eq!(status.proxies.unwrap().summary, "0/3");
    assert_eq!(status.observed_generation, Some(0));
}

#[test]
fn a_paused_policy_keeps_the_generation_that_is_in_force() {
    let mut by_itself = healthy();
    by_itself.policies[0].metadata.annotations = Some(pause());
    let mut by_the_fleet = healthy();
    by_the_fleet.proxies[0].metadata.annotations = Some(pause());
    for mut observed in [by_itself, by_the_fleet] {
        observed.policies[0].metadata.generation = Some(5);
        let status = policy_status(&observed);
        assert_eq!(status.observed_generation, Some(1));
        let generation = |kind: &str| {
            status.conditions.iter().find(|each| each.type_ == kind).unwrap().observed_generation
        };
        assert_eq!(generation("Ready"), Some(1));
        assert_eq!(generation("ReconciliationPaused"), Some(5), "that it is paused is true of the newest");
    }
}

#[test]
fn a_paused_proxy_keeps_the_generation_that_is_in_force() {
    let mut observed = healthy();
    let before = proxy_status(&observed);
    observed.proxies[0].metadata.annotations = Some(pause());
    observed.proxies[0].metadata.generation = Some(9);
    let status = super::with_facts(
        &observed,
        |_| {},
        |facts| super::proxy::status(facts, &observed.proxies[0], &before, super::time(NOW)),
    );
    assert_eq!(status.observed_generation, Some(4));
}
