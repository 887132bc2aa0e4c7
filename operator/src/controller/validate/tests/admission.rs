//! Whose policies count, and with which rules.

use serde_json::json;

use crate::controller::dereference::{Malformed, Observed};
use crate::controller::fixtures::{RULE, judge, observed, policy, policy_of, proxy, told, with_proxy};
use crate::controller::validate::{id_of, next_sources};
use crate::policies::{Reason, Treatment};

const OTHER: &str = "[{topics: [{name: refunds}], key: {name: refunds}}]";

fn foreign(allowed: &str) -> Observed {
    Observed {
        policies: vec![policy_of("shop", "foreign", OTHER)],
        proxies: vec![proxy("proxies", &format!("{{allowedPolicies: {allowed}}}"))],
        ..observed()
    }
}

fn reason(observed: &Observed) -> Reason {
    judge(observed).merged.verdicts[&id_of(&observed.policies[0])].reason
}

fn paused(observed: &mut Observed) {
    let pause = [("encryption.strimzi.io/pause-reconciliation".to_owned(), "true".to_owned())];
    observed.policies[0].metadata.annotations = Some(pause.into());
}

#[test]
fn only_policies_beside_the_fleet_count_unless_told() {
    assert_eq!(reason(&foreign("{}")), Reason::NamespaceNotAllowed);
    assert_eq!(reason(&foreign("{namespaces: Same}")), Reason::NamespaceNotAllowed);
    assert_eq!(reason(&foreign("{namespaces: All}")), Reason::Accepted);
    let mut without_proxy = foreign("{}");
    without_proxy.proxies.clear();
    assert_eq!(reason(&without_proxy), Reason::NamespaceNotAllowed);
    assert_eq!(reason(&with_proxy("{}")), Reason::Accepted);
}

#[test]
fn a_namespace_that_is_not_allowed_neither_gets_a_fleet_nor_is_written_down() {
    let mut stranger = foreign("{}");
    stranger.proxies.clear();
    assert!(!judge(&stranger).wanted);
    assert!(judge(&foreign("{}")).wanted, "the owner of the namespace asks for it by an EncryptionProxy");
    stranger.policies.push(policy(RULE));
    let judgement = judge(&stranger);
    assert!(judgement.wanted, "a policy beside the Kafka cluster asks for it");
    let sources = next_sources(&stranger, &judgement.merged);
    assert_eq!(sources.keys().collect::<Vec<_>>(), ["kafka/payments"]);
}

#[test]
fn a_selector_chooses_namespaces_by_their_labels() {
    let mut observed = foreign("{namespaces: Selector, selector: {matchLabels: {kafka: yes-please}}}");
    assert_eq!(reason(&observed), Reason::NamespaceNotAllowed, "nothing is known of the namespace");
    let labels = |value: &str| [("kafka".to_owned(), value.to_owned())].into();
    observed.namespaces.insert("shop".to_owned(), labels("no"));
    assert_eq!(reason(&observed), Reason::NamespaceNotAllowed);
    observed.namespaces.insert("shop".to_owned(), labels("yes-please"));
    assert_eq!(reason(&observed), Reason::Accepted);
}

#[test]
fn a_selector_that_says_nothing_readable_chooses_nothing() {
    for selector in ["", ", selector: {matchExpressions: [{key: a, operator: Wrong}]}"] {
        let mut observed = foreign(&format!("{{namespaces: Selector{selector}}}"));
        observed.namespaces.insert("shop".to_owned(), [("a".to_owned(), "b".to_owned())].into());
        assert_eq!(reason(&observed), Reason::NamespaceNotAllowed, "{selector}");
    }
}

#[test]
fn a_paused_policy_keeps_the_rules_that_proxies_were_told_last() {
    let mut observed = told(observed());
    observed.policies = vec![policy(OTHER)];
    observed.policies[0].metadata.generation = Some(2);
    paused(&mut observed);
    let before = judge(&observed).merged;
    let patterns: Vec<_> = before.program.rules().map(|rule| rule.pattern.to_string()).collect();
    assert_eq!(patterns, ["prefix payments."]);
    assert!(matches!(before.program.rules().next().unwrap().treatment, Treatment::Encrypt(_)));
    assert_eq!(before.verdicts[&id_of(&observed.policies[0])].generation, 1);
    // They are kept through passes of the operator.
    assert_eq!(judge(&told(observed)).merged.program, before.program);
}

#[test]
fn a_policy_that_was_paused_from_the_start_has_no_effect() {
    let mut observed = observed();
    paused(&mut observed);
    assert_eq!(judge(&observed).merged.program.rules().count(), 0);
}

#[test]
fn a_paused_policy_whose_rules_are_lost_is_refused_rather_than_clear() {
    let mut observed = told(observed());
    observed.ours.config.as_mut().unwrap().data.as_mut().unwrap().remove("sources.yaml");
    paused(&mut observed);
    let program = judge(&observed).merged.program;
    assert!(matches!(program.decide("payments.orders").unwrap().treatment, Treatment::Retired { .. }));
}

#[test]
fn the_older_of_two_policies_wins_a_pattern() {
    let mut observed = observed();
    let mut younger = policy_of("kafka", "another", RULE);
    younger.metadata.creation_timestamp = serde_json::from_value(json!("2026-08-20T10:00:01Z")).unwrap();
    observed.policies.insert(0, younger);
    assert_eq!(reason(&observed), Reason::Conflicted);
    observed.policies.swap(0, 1);
    assert_eq!(reason(&observed), Reason::Accepted);
}

/// The policy of `observed()`, with rules that its type does not take.
fn malformed(rules: &serde_json::Value) -> Malformed {
    let mut object = serde_json::to_value(policy(RULE)).unwrap();
    object["spec"]["rules"] = rules.clone();
    let object = serde_json::from_value(object).unwrap();
    Malformed { kind: "TopicEncryptionPolicy", object, error: "unknown variant".to_owned() }
}

fn with_malformed(rules: &serde_json::Value) -> Observed {
    Observed { policies: Vec::new(), malformed: vec![malformed(rules)], ..observed() }
}

/// What becomes of topics.
fn treatment(observed: &Observed, topic: &str) -> Option<Treatment> {
    judge(observed).merged.program.decide(topic).map(|rule| rule.treatment.clone())
}

fn is_refused(observed: &Observed, topic: &str) -> bool {
    matches!(treatment(observed, topic), Some(Treatment::Retired { .. }))
}

#[test]
fn topics_that_can_be_read_of_a_malformed_policy_are_refused() {
    let observed = with_malformed(&json!([
        {"topics": [{"prefix": "a."}], "key": {"name": "k"}, "format": "Newer"},
        {"topics": [{"prefix": "b."}, {"name": 7}, {"name": "c", "prefix": 7}], "key": "k"},
        {"topics": [{"name": "d"}], "key": {"name": "k"}},
        {"topics": [{"name": "e"}], "encryption": "Newer"},
        {"topics": [{"name": "open"}], "encryption": "Disabled", "format": "Newer"},
        7,
    ]));
    for topic in ["a.b", "b.c", "c", "d", "e"] {
        assert!(is_refused(&observed, topic), "{topic}");
    }
    assert_eq!(treatment(&observed, "open"), None);
    let reason = judge(&observed).merged.verdicts.values().next().unwrap().reason;
    assert_eq!(reason, Reason::Invalid);
}

#[test]
fn a_malformed_policy_keeps_its_patterns_from_being_cleared_by_another() {
    let mut observed = told(observed());
    observed.policies =
        vec![policy_of("kafka", "other", "[{topics: [{prefix: payments.}], encryption: Disabled}]")];
    // Without the policy that encrypted it, whoever is in its namespace may clear the pattern.
    assert_eq!(treatment(&observed, "payments.a"), Some(Treatment::Clear));
    let rules =
        json!([{"topics": [{"prefix": "payments."}], "key": {"name": "payments"}, "format": "Newer"}]);
    observed.malformed = vec![malformed(&rules)];
    assert!(is_refused(&observed, "payments.a"));
}

#[test]
fn a_malformed_policy_of_a_namespace_that_does_not_count_has_no_effect() {
    let mut observed = with_malformed(&json!([{"topics": [{"prefix": "a."}], "format": "Newer"}]));
    observed.malformed[0].object.metadata.namespace = Some("shop".to_owned());
    assert_eq!(treatment(&observed, "a.b"), None);
}

#[test]
fn a_malformed_policy_that_is_paused_goes_on_as_before() {
    let mut observed = told(observed());
    observed.policies.clear();
    let mut paused = malformed(&json!([{"topics": [{"prefix": "a."}], "format": "Newer"}]));
    let pause = [("encryption.strimzi.io/pause-reconciliation".to_owned(), "true".to_owned())];
    paused.object.metadata.annotations = Some(pause.into());
    observed.malformed = vec![paused];
    assert!(matches!(treatment(&observed, "payments.a"), Some(Treatment::Encrypt(_))));
    assert_eq!(treatment(&observed, "a.b"), None);
    let sources = next_sources(&observed, &judge(&observed).merged);
    assert_eq!(sources["kafka/payments"].rules, policy(RULE).spec.rules);
}
