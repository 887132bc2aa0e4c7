//! Topics whose configuration matters to encryption.

use serde_json::json;

use super::{NOW, find, has, healthy, policy, policy_status, time, with_facts};
use crate::controller::dereference::Observed;
use crate::controller::fixtures::kafka;

/// Of the proxy `pod-0`: what it was told of topics.
fn with_facts_of_proxies(facts: &[(&str, Option<bool>)]) -> Observed {
    let mut observed = healthy();
    let report = observed.fleet[0].report.as_mut().unwrap();
    report.compacted = facts.iter().map(|(name, compacted)| ((*name).to_owned(), *compacted)).collect();
    observed
}

fn topic(observed: &mut Observed, name: &str, config: &serde_json::Value) {
    let topic = json!({
        "apiVersion": "kafka.strimzi.io/v1", "kind": "KafkaTopic",
        "metadata": {"name": name, "namespace": "kafka", "labels": {"strimzi.io/cluster": "my-cluster"}},
        "spec": {"config": config},
    });
    observed.strimzi.as_mut().unwrap().topics.push(serde_json::from_value(topic).unwrap());
}

#[test]
fn topics_of_unknown_configuration_are_named_with_the_remedy() {
    let observed =
        with_facts_of_proxies(&[("payments.a", None), ("payments.b", Some(false)), ("other", None)]);
    let (_, reason, message) = find(&policy_status(&observed).conditions, "RecordFormat");
    assert_eq!(reason, "ConfigurationUnknown");
    assert!(message.contains("payments.a") && message.contains("DescribeConfigs"), "{message}");
    assert!(!message.contains("payments.b") && !message.contains("other"), "{message}");
}

#[test]
fn many_topics_are_counted() {
    let names: Vec<_> = (0..25).map(|number| format!("payments.{number:02}")).collect();
    let facts: Vec<_> = names.iter().map(|name| (name.as_str(), None)).collect();
    let message = find(&policy_status(&with_facts_of_proxies(&facts)).conditions, "RecordFormat").2;
    assert!(message.contains("payments.09 and 15 more"), "{message}");
}

#[test]
fn a_topic_that_became_compacted_is_told_until_the_rule_says_record() {
    let mut observed = with_facts_of_proxies(&[("payments.a", Some(false))]);
    topic(&mut observed, "payments.a", &json!({"cleanup.policy": "compact"}));
    let first = policy_status(&observed);
    let (_, reason, message) = find(&first.conditions, "CompactionUnsafe");
    assert_eq!(reason, "BecameCompacted");
    assert!(message.ends_with(": payments.a"), "{message}");

    observed.fleet[0].report.as_mut().unwrap().compacted = [("payments.a".to_owned(), Some(true))].into();
    let later = |observed: &Observed| {
        with_facts(observed, |_| {}, |facts| policy::status(facts, &observed.policies[0], &first, time(NOW)))
    };
    assert_eq!(
        find(&later(&observed).conditions, "CompactionUnsafe"),
        find(&first.conditions, "CompactionUnsafe")
    );
    assert!(!has(&policy_status(&observed).conditions, "CompactionUnsafe"), "it was always compacted");

    let said = "[{topics: [{prefix: payments.}], key: {name: payments}, format: Record}]";
    observed.policies = vec![crate::controller::fixtures::policy(said)];
    assert!(!has(&later(&observed).conditions, "CompactionUnsafe"));
}

#[test]
fn a_topic_too_small_for_what_encryption_adds_is_named() {
    let mut observed = healthy();
    topic(&mut observed, "payments.small", &json!({"max.message.bytes": 1_048_588}));
    topic(&mut observed, "payments.large", &json!({"max.message.bytes": 2_000_000}));
    topic(&mut observed, "clear", &json!({"max.message.bytes": 1000}));
    let (_, reason, message) = find(&policy_status(&observed).conditions, "SizeHeadroom");
    assert_eq!(reason, "MaxMessageBytes");
    assert!(message.contains("payments.small") && message.contains("1153434"), "{message}");
    assert!(!message.contains("payments.large") && !message.contains("clear"), "{message}");
}

#[test]
fn the_size_that_brokers_take_counts_for_topics_that_say_none() {
    let mut observed = healthy();
    topic(&mut observed, "payments.unset", &json!({}));
    topic(&mut observed, "payments.large", &json!({"max.message.bytes": 2_000_000}));
    assert!(!has(&policy_status(&observed).conditions, "SizeHeadroom"));
    kafka(&mut observed)["spec"]["kafka"]["config"] = json!({"message.max.bytes": 1_000_000});
    let message = find(&policy_status(&observed).conditions, "SizeHeadroom").2;
    assert!(message.contains("payments.unset") && !message.contains("payments.large"), "{message}");
}
