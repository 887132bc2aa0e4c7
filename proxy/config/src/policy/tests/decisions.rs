//! What a policy says of a topic.

use super::super::*;
use super::parse;

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
