//! What is judged of a cluster, and why there may be no fleet.

mod admission;
mod obstacles;
mod providers;
mod upstream;

use k8s_openapi::api::apps::v1::Deployment;
use serde_json::json;

use crate::controller::fixtures::{judge, ledger, observed, obstacle, policy, proxy, told, with_proxy};
use crate::policies::Treatment;

#[test]
fn a_policy_alone_is_enough_for_a_fleet() {
    let judgement = judge(&observed());
    let fleet = judgement.fleet.unwrap();
    assert_eq!((fleet.replicas, fleet.image.as_str()), (2, "proxy:1"));
    assert_eq!(fleet.upstream.port, 9093);
    assert!(judgement.proxy.is_none() && judgement.paused.is_none());
    assert_eq!(judgement.merged.program.rules().count(), 1);
}

#[test]
fn a_ledger_that_is_gone_while_its_fleet_is_there_stops_everything() {
    let mut observed = told(observed());
    observed.ours.ledger = None;
    let (reason, message) = obstacle(&observed);
    assert_eq!(reason, "LedgerMissing");
    assert!(message.contains("my-cluster-encryption-ledger") && message.contains("Restore"), "{message}");
}

#[test]
fn the_deployment_alone_shows_that_there_was_a_ledger() {
    let mut observed = observed();
    observed.ours.deployment = Some(Deployment::default());
    assert_eq!(obstacle(&observed).0, "LedgerMissing");
}

#[test]
fn a_ledger_that_cannot_be_read_stops_everything() {
    let newer = "version: 2\nencrypted: []\n";
    for text in ["", "version: 1\n", "encrypted: {}\n", newer] {
        let mut observed = told(observed());
        observed.ours.ledger = Some(ledger(text));
        let (reason, message) = obstacle(&observed);
        assert_eq!(reason, "LedgerUnreadable", "{text:?}");
        assert!(message.contains("my-cluster-encryption-ledger"), "{message}");
    }
}

#[test]
fn what_the_message_says_of_a_lost_ledger_works() {
    let mut observed = told(observed());
    observed.ours.ledger = Some(ledger("version: 1\nencrypted: []"));
    assert!(judge(&observed).fleet.is_ok());
}

#[test]
fn the_older_of_two_encryption_proxies_counts() {
    let mut observed = with_proxy("{replicas: 3}");
    let mut younger = proxy("another", "{replicas: 7}");
    younger.metadata.creation_timestamp = serde_json::from_value(json!("2026-08-20T09:00:01Z")).unwrap();
    observed.proxies.insert(0, younger.clone());
    assert_eq!(judge(&observed).fleet.unwrap().replicas, 3);
    // Without any difference in age, the alphabet decides.
    younger.metadata.creation_timestamp = observed.proxies[1].metadata.creation_timestamp.clone();
    observed.proxies[0] = younger;
    assert_eq!(judge(&observed).fleet.unwrap().replicas, 7);
}

#[test]
fn an_encryption_proxy_that_is_being_deleted_counts_no_more() {
    let mut observed = with_proxy("{replicas: 3}");
    observed.proxies[0].metadata.deletion_timestamp =
        serde_json::from_value(json!("2026-08-21T09:00:00Z")).unwrap();
    let fleet = judge(&observed).fleet.unwrap();
    assert_eq!((fleet.replicas, fleet.owner.kind.as_str()), (2, "Kafka"));
}

#[test]
fn a_pause_of_the_encryption_proxy_is_noted() {
    let mut observed = with_proxy("{}");
    let pause = |value: &str| {
        Some([("encryption.strimzi.io/pause-reconciliation".to_owned(), value.to_owned())].into())
    };
    observed.proxies[0].metadata.annotations = pause("true");
    assert!(judge(&observed).paused.is_some_and(|paused| paused.contains("proxies")));
    observed.proxies[0].metadata.annotations = pause("false");
    assert!(judge(&observed).paused.is_none());
}

#[test]
fn what_was_encrypted_stays_in_the_program_without_its_policy() {
    let mut observed = told(observed());
    observed.policies.clear();
    let judgement = judge(&observed);
    let treatments: Vec<_> = judgement.merged.program.rules().map(|rule| &rule.treatment).collect();
    assert!(matches!(treatments[..], [Treatment::Retired { key: Some(_), .. }]), "{treatments:?}");
    assert!(judgement.fleet.is_ok());
}

#[test]
fn a_deleted_policy_counts_no_more_though_it_is_still_there() {
    let mut observed = told(observed());
    let mut gone = policy(crate::controller::fixtures::RULE);
    gone.metadata.deletion_timestamp = serde_json::from_value(json!("2026-08-21T09:00:00Z")).unwrap();
    observed.policies = vec![gone];
    let judgement = judge(&observed);
    assert!(judgement.merged.verdicts.is_empty());
    assert!(matches!(judgement.merged.program.rules().next().unwrap().treatment, Treatment::Retired { .. }));
}
