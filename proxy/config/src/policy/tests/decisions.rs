//! What a policy says of a topic.

use super::super::*;
use super::parse;
use crate::name::ProviderName;

#[test]
fn decisions_explain_themselves() {
    let policy = parse(
        "rules:
  - {topics: [{prefix: p.}], key: {name: k}}
  - {topics: [{prefix: p.public.}, {name: x}], encryption: Disabled}",
    )
    .unwrap();
    let earlier = parse("rules: [{topics: [{name: gone}], key: {provider: vault, name: old}}]").unwrap();
    let ledger = Ledger::default().updated(&earlier).updated(&policy);
    let effective = EffectivePolicy::new(policy, ledger);
    let explain = |topic| effective.explain(topic).to_string();
    assert_eq!(
        explain("p.a"),
        "encrypted with key k of provider default (format Auto, onPlaintext Pass), by rules[0] (prefix p.)"
    );
    assert_eq!(explain("p.public.a"), "clear, encryption disabled, by rules[1] (prefix p.public.)");
    assert_eq!(
        explain("gone"),
        "retired: writes refused, reads decrypted, since it was once encrypted (name gone, last with key old of provider vault)"
    );
    assert_eq!(explain("other"), "clear, unmatched");
    assert_eq!(explain("__consumer_offsets"), "clear, an internal topic of Kafka");
}

/// Conformance: TE-06.
#[test]
fn internal_topics_match_nothing() {
    let policy =
        parse("{unmatchedTopics: Reject, rules: [{topics: [{any: true}, {prefix: __}], key: {name: k}}]}")
            .unwrap();
    let ledger = Ledger::default().updated(&policy);
    let effective = EffectivePolicy::new(policy, ledger);
    for topic in [
        "__consumer_offsets",
        "__transaction_state",
        "__share_group_state",
        "__cluster_metadata",
        "__remote_log_metadata",
    ] {
        assert_eq!(effective.decide(topic), Decision::Internal);
        assert!(is_internal_topic(topic));
        assert!(!Pattern::Any.matches(topic));
    }
    assert!(matches!(effective.decide("__consumer_offsets2"), Decision::Encrypt(_)));
}

/// TE-B07: names that differ by case are names of different topics, for rules and for what was once encrypted.
#[test]
fn topics_that_differ_by_case_are_different_topics() {
    let policy = parse(
        "rules:
  - {topics: [{name: Orders}, {prefix: Shop.}], key: {name: a}}
  - {topics: [{name: orders}, {prefix: shop.}], key: {name: b}}",
    )
    .unwrap();
    let earlier = parse("rules: [{topics: [{name: Gone}, {prefix: Former.}], key: {name: c}}]").unwrap();
    let ledger = Ledger::default().updated(&earlier).updated(&policy);
    let effective = EffectivePolicy::new(policy, ledger);
    let key = |topic| match effective.decide(topic) {
        Decision::Encrypt(rule) => rule.key.to_string(),
        decision => panic!("{topic}: {decision}"),
    };
    assert_eq!(["Orders", "orders", "Shop.in", "shop.in"].map(key), ["a", "b", "a", "b"]);
    for topic in ["ORDERS", "oRders", "SHOP.in", "gone", "GONE", "former.in"] {
        assert_eq!(effective.decide(topic), Decision::Unmatched(UnmatchedTopics::Passthrough), "{topic}");
    }
    for topic in ["Gone", "Former.in"] {
        assert_eq!(effective.decide(topic), Decision::Retired(OnPlaintext::Pass), "{topic}");
    }
}

/// TE-05: a provider is unused where nothing needs it any more, be it to write or to read.
#[test]
fn providers_that_nothing_names_are_unused() {
    let all: BTreeSet<_> = ["default", "of-rule", "of-ledger", "of-legacy", "of-readers", "of-nobody"]
        .map(|name| ProviderName::new(name).unwrap())
        .into();
    let parse = |text| Policy::parse(text, &all).unwrap();
    let earlier = parse("rules: [{topics: [{name: gone}], key: {provider: of-ledger, name: k}}]");
    let policy = parse(
        "readKeys: [{provider: of-readers, name: k}]
rules:
  - topics: [{name: a}]
    key: {provider: of-rule, name: k}
    legacy: [{format: KroxyliciousV2, provider: of-legacy}]",
    );
    let ledger = Ledger::default().updated(&earlier).updated(&policy);
    let unused = |effective: EffectivePolicy| -> Vec<String> {
        effective.unused_providers(&all).into_iter().map(ToString::to_string).collect()
    };
    assert_eq!(unused(EffectivePolicy::new(policy, ledger)), ["default", "of-nobody"]);
}
