//! What the policies and proxies of a Kafka cluster say together.

use super::*;

#[test]
fn policies_with_the_same_pattern_are_in_conflict() {
    let report = one(&(policy("b", FINE) + &policy("a", FINE)));
    assert_eq!(found(&report), ["a.yaml:1 error Conflicted b spec.rules[0].topics[0]"]);
    assert!(message(&report, Code::Conflicted).contains("belongs to policy kafka/a"));
    assert!(message(&report, Code::Conflicted).contains("in the order of namespace and name"));
}

#[test]
fn a_rule_that_never_applies_is_a_warning() {
    let long = "x".repeat(249);
    let rules = format!(
        "{{topics: [{{prefix: {long}}}], key: {{name: k}}}}, {{topics: [{{name: {long}}}], key: {{name: k}}}}"
    );
    assert_eq!(found(&one(&policy("a", &rules))), ["a.yaml:1 warning ShadowedRule a spec.rules[0]"]);
    assert_eq!(
        found(&one(&policy("a", "{topics: [{name: __consumer_offsets}, {name: a}], key: {name: k}}"))),
        ["a.yaml:1 warning InternalTopic a spec.rules[0].topics[0].name"]
    );
}

#[test]
fn a_kafka_cluster_has_one_proxy() {
    let report = one(&(proxy("p", "replicas: 3") + &proxy("q", "replicas: 1")));
    assert_eq!(found(&report), ["a.yaml:2 error SecondProxy q spec.kafkaRef"]);
}

#[test]
fn a_provider_must_be_there() {
    let rule = "{topics: [{prefix: a}], key: {name: k, provider: vault}}";
    let report = one(&(policy("a", rule) + &proxy("p", "replicas: 1")));
    assert_eq!(found(&report), ["a.yaml:1 error Invalid a spec.rules[0].key.provider"]);
    assert!(message(&report, Code::Invalid).ends_with("the EncryptionProxy has default"));
    // Whoever has only the policies cannot know.
    assert_eq!(found(&one(&policy("a", rule))), ["a.yaml:1 note NotDecidable a spec.rules[0].key.provider"]);
}

#[test]
fn policies_of_other_namespaces_must_be_allowed() {
    let other = policy("a", FINE)
        .replace("{name: a}", "{name: a, namespace: team}")
        .replace("{name: my-cluster}", "{name: my-cluster, namespace: kafka}");
    let refused = ["a.yaml:1 error NamespaceNotAllowed a spec.kafkaRef.namespace"];
    assert_eq!(found(&one(&(other.clone() + &proxy("p", "replicas: 1")))), refused);
    assert_eq!(found(&one(&(other.clone() + &kafka("my-cluster")))), refused);
    assert_eq!(found(&one(&(other.clone() + &proxy("p", "allowedPolicies: {namespaces: All}")))), [""; 0]);
    let selector = "allowedPolicies: {namespaces: Selector, selector: {matchLabels: {team: a}}}";
    let namespace = |team: &str| {
        format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: team, labels: {{team: {team}}}}}\n---\n")
    };
    assert_eq!(found(&one(&(other.clone() + &proxy("p", selector) + &namespace("a")))), [""; 0]);
    assert_eq!(found(&one(&(other.clone() + &proxy("p", selector) + &namespace("b")))), refused);
    let unknown = ["a.yaml:1 note NotDecidable a spec.kafkaRef.namespace"];
    assert_eq!(found(&one(&(other.clone() + &proxy("p", selector)))), unknown);
    assert_eq!(found(&one(&other)), unknown);
}

#[test]
fn a_kafka_must_be_there_if_any_is() {
    let report = one(&(policy("a", FINE) + &proxy("p", "replicas: 1") + &kafka("other")));
    assert_eq!(
        found(&report),
        ["a.yaml:1 warning UnknownKafka a spec.kafkaRef", "a.yaml:2 warning UnknownKafka p spec.kafkaRef"]
    );
}

#[test]
fn a_rule_for_everything_is_a_note_and_an_overlap_a_warning() {
    let text =
        policy("wide", FINE) + &policy("narrow", "{topics: [{name: a.b}, {any: true}], key: {name: k}}");
    let report = one(&text);
    let expected = [
        "a.yaml:2 note CatchAll narrow spec.rules[0].topics[1]",
        "a.yaml:2 warning OverlappingPolicies narrow spec.rules[0].topics[0]",
    ];
    assert_eq!(found(&report), expected);
}
