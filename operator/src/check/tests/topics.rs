//! What becomes of topics.

use super::*;

#[test]
fn topics_in_clear_are_listed() {
    let rules = "{topics: [{prefix: a}], key: {name: k}}, {topics: [{name: a.public}], encryption: Disabled}";
    let text = policy("p", rules) + &topic("a.b", "") + &topic("a.public", "") + &topic("b", "");
    let report = one(&text);
    assert_eq!(found(&report), ["a.yaml:3 note TopicInClear a.public", "a.yaml:4 warning TopicInClear b"]);
    let states: Vec<_> = report.topics.iter().map(|row| (row.topic.as_str(), row.state)).collect();
    assert_eq!(
        states,
        [("a.b", TopicState::Encrypted), ("a.public", TopicState::Clear), ("b", TopicState::Unmatched)]
    );
    assert!(report.to_string().contains(
        "
KAFKA             TOPIC     STATE           BY                     KEY        FORMAT
kafka/my-cluster  a.b       encrypted       kafka/p prefix a       default/k  Batch
kafka/my-cluster  a.public  clear           kafka/p name a.public
kafka/my-cluster  b         clear, no rule

1 file: 0 errors, 1 warning, 2 notes
"
    ));
}

#[test]
fn topics_that_nobody_can_write_to_are_listed() {
    let text =
        policy("a", FINE) + &policy("b", &format!("{FINE}, {{topics: [{{prefix: b}}], key: {{name: k}}}}"));
    let report = one(&(text + &topic("b", "") + &topic("c", "") + &proxy("p", "unmatchedTopics: Reject")));
    assert_eq!(
        found(&report),
        [
            "a.yaml:2 error Conflicted b spec.rules[0].topics[0]",
            "a.yaml:3 warning TopicRefused b",
            "a.yaml:4 warning TopicRefused c",
        ]
    );
}

#[test]
fn batch_format_does_not_suit_compacted_topics() {
    let text = |format: &str, cleanup: &str| {
        policy("p", &format!("{{topics: [{{prefix: a}}], key: {{name: k}}, format: {format}}}"))
            + &topic("a", &format!("cleanup.policy: {cleanup}"))
    };
    assert_eq!(
        found(&one(&text("Batch", "'compact, delete'"))),
        ["a.yaml:2 error BatchOnCompactedTopic a spec.config.cleanup.policy"]
    );
    assert_eq!(found(&one(&text("Batch", "delete"))), [""; 0]);
    let auto = one(&text("Auto", "compact"));
    assert_eq!(found(&auto), [""; 0]);
    assert_eq!(auto.topics[0].format, Some(operator_api::RecordFormat::Record));
}

#[test]
fn little_room_for_what_encryption_adds_is_a_note() {
    let text = |bytes: &str| policy("p", FINE) + &topic("a", &format!("max.message.bytes: {bytes}"));
    let note = ["a.yaml:2 note SizeHeadroom a spec.config.max.message.bytes"];
    assert_eq!(found(&one(&text("1048588"))), note);
    assert_eq!(found(&one(&text("'1048588'"))), note);
    assert_eq!(found(&one(&text("2097152"))), [""; 0]);

    let brokers =
        kafka("my-cluster").replace("spec: {}", "spec: {kafka: {config: {message.max.bytes: 1000000}}}");
    let unset = brokers.clone() + &policy("p", FINE) + &topic("a", "");
    let found_unset = ["a.yaml:3 note SizeHeadroom a spec.config.max.message.bytes"];
    assert_eq!(found(&one(&unset)), found_unset);
    assert!(
        message(&one(&unset), Code::SizeHeadroom)
            .starts_with("1000000 (message.max.bytes of the Kafka resource)")
    );
    assert_eq!(found(&one(&(brokers + &text("2097152")))), [""; 0], "the topic's own counts");
}
