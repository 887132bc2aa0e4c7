//! Keys that proxies can use, cannot, or have not tried; and who holds them.

use super::{
    brief, find, has, healthy, healthy_with, policy_status, policy_status_with, proxy_status,
    proxy_status_with, with_pods,
};
use crate::controller::dereference::Observed;
use crate::controller::fixtures::{ledger, policy, policy_of, told, tried, with_proxy};
use crate::pods::Phase;

fn with_key(state: &str) -> Observed {
    let mut observed = healthy();
    observed.fleet[1].report.as_mut().unwrap().keys = vec![tried("payments", state)];
    observed
}

#[test]
fn a_refused_key_is_named_with_the_providers_words_and_the_pod() {
    let status = policy_status(&with_key("Refused"));
    let (keys, reason, message) = find(&status.conditions, "KeysReady");
    assert_eq!((keys.as_str(), reason.as_str()), ("False", "KeyRefused"));
    // A trial makes a data key first: reads may go on where no more than that is refused.
    let comes_of_it =
        "no new data can be written under it, and what the provider refuses to open cannot be read";
    for part in ["key payments", "provider default", "permission denied", "pod-1", comes_of_it] {
        assert!(message.contains(part), "{message}");
    }
    assert_eq!(brief(&status.conditions, "Ready"), "False KeyRefused");
    assert_eq!(brief(&status.conditions, "Stalled"), "True KeyRefused", "nothing but a person changes that");
}

#[test]
fn the_status_tells_which_version_of_a_key_is_in_use() {
    let versions = |observed: &Observed| {
        let keys = policy_status(observed).keys;
        keys.into_iter().map(|key| (key.name, key.version)).collect::<Vec<_>>()
    };
    let expected = |version: Option<&str>| [("payments".to_owned(), version.map(str::to_owned))];
    let mut observed = healthy();
    assert_eq!(versions(&observed), expected(Some("1")));
    observed.fleet[1].report.as_mut().unwrap().keys[0].version = Some("2".to_owned());
    assert_eq!(versions(&observed), expected(Some("1, 2")), "proxies change over one after the other");
    observed.fleet.iter_mut().for_each(|proxy| proxy.report.as_mut().unwrap().keys[0].version = None);
    assert_eq!(versions(&observed), expected(None));
}

#[test]
fn a_provider_that_is_away_is_told_from_one_that_refuses() {
    let status = policy_status(&with_key("Unavailable"));
    let (_, reason, message) = find(&status.conditions, "KeysReady");
    assert_eq!(reason, "KeyProviderUnavailable");
    for part in ["clients get retriable errors", "see that the provider runs"] {
        assert!(message.contains(part), "{message}");
    }
    assert_eq!(brief(&status.conditions, "Ready"), "False KeyProviderUnavailable");
    assert_eq!(brief(&status.conditions, "Reconciling"), "True KeyProviderUnavailable");
}

#[test]
fn a_key_that_is_not_tried_yet_is_unknown() {
    for state in ["Unknown", "a word of a later version"] {
        assert_eq!(brief(&policy_status(&with_key(state)).conditions, "KeysReady"), "Unknown NotTriedYet");
    }
    let mut silent = healthy();
    silent.fleet.iter_mut().for_each(|proxy| proxy.report.as_mut().unwrap().keys.clear());
    assert_eq!(brief(&policy_status(&silent).conditions, "KeysReady"), "Unknown NotTriedYet");
}

#[test]
fn a_refusal_is_told_before_what_is_unknown() {
    let mut observed = with_key("Refused");
    observed.fleet[0].report.as_mut().unwrap().keys = vec![tried("payments", "Unknown")];
    observed.fleet[2].report.as_mut().unwrap().keys = vec![tried("payments", "Unknown")];
    assert_eq!(brief(&policy_status(&observed).conditions, "KeysReady"), "False KeyRefused");
}

#[test]
fn one_owners_key_is_no_trouble_of_another_owner() {
    let mut observed = with_proxy("{replicas: 2}");
    observed.policies.push(policy_of(
        "kafka",
        "other",
        "[{topics: [{name: refunds}], key: {name: refunds}}]",
    ));
    let mut observed = with_pods(told(observed), 2);
    for proxy in &mut observed.fleet {
        proxy.report.as_mut().unwrap().keys = vec![tried("payments", "Ready"), tried("refunds", "Refused")];
    }
    assert_eq!(brief(&policy_status(&observed).conditions, "Ready"), "True Ready");
    assert_eq!(brief(&proxy_status(&observed).conditions, "Ready"), "True Ready");
    observed.policies.swap(0, 1);
    assert_eq!(brief(&policy_status(&observed).conditions, "Ready"), "False KeyRefused");
}

#[test]
fn a_local_key_that_cannot_be_made_is_refused_by_the_operator() {
    let status = policy_status_with(&healthy(), |programmed| {
        programmed.refused_keys = [("payments".to_owned(), "restore its entries".to_owned())].into();
    });
    let (_, reason, message) = find(&status.conditions, "KeysReady");
    assert_eq!((reason.as_str(), message.as_str()), ("KeyRefused", "key payments: restore its entries"));
}

#[test]
fn a_policy_without_keys_needs_none() {
    let mut observed = with_proxy("{replicas: 2}");
    observed.policies = vec![policy("[{topics: [{name: open}], encryption: Disabled}]")];
    let status = policy_status(&with_pods(told(observed), 2));
    assert_eq!(brief(&status.conditions, "KeysReady"), "True NoKeys");
    assert!(!has(&status.conditions, "LocalKeys") && status.key_providers.is_empty());
    assert_eq!(brief(&status.conditions, "Ready"), "True Ready");
}

#[test]
fn keys_in_a_secret_are_told_so_whoever_made_it() {
    let own = "{replicas: 2, keyProviders: [{name: default, local: {secretRef: {name: mine}}}]}";
    for observed in [healthy(), healthy_with(own, 2)] {
        let (status, _, message) = find(&policy_status(&observed).conditions, "LocalKeys");
        assert_eq!(status, "True");
        assert!(message.contains("Back the Secret up"), "{message}");
    }
}

#[test]
fn clear_records_that_pass_are_a_warning_with_the_place() {
    let (_, reason, message) = find(&policy_status(&healthy()).conditions, "Warning");
    assert_eq!(reason, "PlaintextPasses");
    assert!(message.starts_with("rules[0].onPlaintext: "), "{message}");
    let mut observed = with_proxy("{replicas: 2}");
    observed.policies =
        vec![policy("[{topics: [{prefix: payments.}], key: {name: payments}, onPlaintext: Reject}]")];
    assert!(!has(&policy_status(&with_pods(told(observed), 2)).conditions, "Warning"));
}

#[test]
fn what_consumers_went_past_is_told_by_the_policy_whose_rule_says_so() {
    let mut observed = with_proxy("{replicas: 2}");
    observed.policies = vec![
        policy("[{topics: [{prefix: payments.}], key: {name: payments}, onUnreadable: Skip}]"),
        policy_of("kafka", "other", "[{topics: [{name: refunds}], key: {name: payments}}]"),
    ];
    let mut observed = with_pods(told(observed), 2);
    assert!(!has(&policy_status(&observed).conditions, "RecordsUnreadable"));
    for proxy in &mut observed.fleet {
        let mut key = tried("payments", "Ready");
        key.topics = serde_json::from_str(r#"[{"prefix": "payments."}]"#).unwrap();
        key.unreadable = 1234;
        proxy.report.as_mut().unwrap().keys = vec![key];
    }
    let status = policy_status(&observed);
    let (_, reason, message) = find(&status.conditions, "RecordsUnreadable");
    assert_eq!(reason, "KeyGone");
    assert!(message.starts_with("at least 2000 times "), "{message}");
    let (_, _, warning) = find(&status.conditions, "Warning");
    assert!(warning.contains("rules[0].onUnreadable: Skip"), "{warning}");
    assert_eq!(brief(&status.conditions, "Ready"), "True Ready");
    observed.policies.swap(0, 1);
    assert!(!has(&policy_status(&observed).conditions, "RecordsUnreadable"), "another policy's");
}

#[test]
fn a_key_is_ready_only_when_every_proxy_says_so() {
    let mut observed = healthy();
    observed.fleet[1].report.as_mut().unwrap().keys.clear();
    let (keys, reason, message) = find(&policy_status(&observed).conditions, "KeysReady");
    assert_eq!((keys.as_str(), reason.as_str()), ("Unknown", "NotTriedYet"));
    assert!(message.contains("pod-1") && message.contains("key payments"), "{message}");

    observed.fleet[1].report = Err("its admin port does not answer".to_owned());
    let (keys, reason, message) = find(&policy_status(&observed).conditions, "KeysReady");
    assert_eq!((keys.as_str(), reason.as_str()), ("Unknown", "ProxySilent"));
    assert!(message.contains("pod-1") && message.contains("admin port"), "{message}");

    observed.fleet[1].phase = Phase::Starting(None);
    assert_eq!(
        brief(&policy_status(&observed).conditions, "KeysReady"),
        "True KeysReady",
        "it has no clients"
    );
}

#[test]
fn one_of_several_keys_that_is_not_told_of_is_unknown() {
    let mut observed = with_proxy("{replicas: 2}");
    observed.policies = vec![policy(
        "[{topics: [{name: a}], key: {name: payments}}, {topics: [{name: b}], key: {name: refunds}}]",
    )];
    let mut observed = with_pods(told(observed), 2);
    let (keys, _, message) = find(&policy_status(&observed).conditions, "KeysReady");
    assert!(keys == "Unknown" && message.contains("key refunds"), "{keys} {message}");
    for proxy in &mut observed.fleet {
        proxy.report.as_mut().unwrap().keys.push(tried("refunds", "Ready"));
    }
    assert_eq!(brief(&policy_status(&observed).conditions, "KeysReady"), "True KeysReady");
}

#[test]
fn damaged_entries_of_the_secret_of_keys_are_named() {
    let damage = |programmed: &mut crate::controller::reconcile::Programmed| {
        programmed.unusable_keys = [("old.v1".to_owned(), "it does not hold 32 bytes".to_owned())].into();
    };
    let (policies, proxies) = (policy_status_with(&healthy(), damage), proxy_status_with(&healthy(), damage));
    for conditions in [policies.conditions, proxies.conditions] {
        let (status, reason, message) = find(&conditions, "LocalKeysDamaged");
        assert_eq!((status.as_str(), reason.as_str()), ("True", "UnusableEntries"));
        assert!(
            message.contains("my-cluster-encryption-keys") && message.contains("old.v1: it does"),
            "{message}"
        );
        assert_eq!(brief(&conditions, "Ready"), "True Ready");
    }
    assert!(!has(&policy_status(&healthy()).conditions, "LocalKeysDamaged"));
}

#[test]
fn damage_of_another_owners_key_is_told_to_the_platform_alone() {
    let mut observed = healthy();
    let known = "localKeys: {other.v1: 0123456789abcdef}";
    let text = observed.ours.ledger.as_ref().unwrap().data.as_ref().unwrap()["ledger.yaml"].clone();
    observed.ours.ledger = Some(ledger(&format!("{text}{known}\n")));
    assert!(!has(&policy_status(&observed).conditions, "LocalKeysDamaged"));
    assert_eq!(brief(&policy_status(&observed).conditions, "KeysReady"), "True KeysReady");
    let (_, reason, message) = find(&proxy_status(&observed).conditions, "LocalKeysDamaged");
    assert_eq!(reason, "LostEntries");
    assert!(message.contains("my-cluster-encryption-keys, entry other.v1 is gone"), "{message}");
}
