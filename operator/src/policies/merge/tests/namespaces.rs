//! Policies of other namespaces than that of the Kafka cluster.

use operator_api::UnmatchedTopics;
use serde_json::json;

use super::{PAYMENTS, cluster, rule};
use crate::policies::{Admission, Reason, WarningKind};

#[test]
fn another_namespace_neither_clears_nor_takes_over_what_was_encrypted() {
    for topic in ["payments.*", "payments.public*", "payments.x"] {
        for (namespace, key) in [("kafka", None), ("kafka", Some("theirs")), ("b", Some("theirs"))] {
            let id = format!("{namespace}/theirs");
            let cluster = cluster().encrypted(PAYMENTS).policy(&id, &[rule(topic, key)]);
            let (reason, message) = cluster.verdict(&id);
            assert_eq!(reason, Reason::Conflicted, "{topic}");
            assert!(message.contains("only policies of namespace a say what becomes of it"), "{message}");
            for topic in ["payments.x", "payments.public.x"] {
                assert_eq!(cluster.topic(topic), "retired");
            }
            assert_eq!(cluster.settled(), "prefix payments. of a/payments");
        }
    }
}

#[test]
fn another_namespace_makes_no_holes_in_a_pattern() {
    let cluster = cluster()
        .policy("a/payments", &[rule("payments.*", Some("own"))])
        .policy("kafka/theirs", &[rule("payments.public*", None), rule("b*", Some("b"))]);
    let (reason, message) = cluster.verdict("kafka/theirs");
    assert_eq!(reason, Reason::Conflicted);
    assert!(
        message.contains(
            "prefix payments.public lies within prefix payments., which belongs to policy a/payments"
        ),
        "{message}"
    );
    assert_eq!(cluster.topic("payments.public.x"), "own");
    assert_eq!(cluster.topic("b"), "retired");
}

#[test]
fn a_younger_policy_of_another_namespace_may_put_a_wider_pattern_around() {
    let cluster = cluster()
        .policy("a/payments", &[rule("payments.*", Some("own"))])
        .policy("kafka/rest", &[rule("*", Some("rest"))]);
    assert_eq!(cluster.topic("payments.x"), "own");
    assert_eq!(cluster.topic("x"), "rest");
    // And nothing changes once the ledger knows both.
    let mut later = cluster;
    later.ledger = later.ledger.settled(&later.merge());
    later.submissions.reverse();
    assert!(later.merge().verdicts.values().all(super::super::Verdict::is_accepted));
}

#[test]
fn a_guest_does_not_claim_to_encrypt_what_an_older_policy_of_the_clusters_namespace_keeps_clear() {
    let cluster = cluster()
        .policy("kafka/public", &[rule("pu.blic.*", None)])
        .policy("a/rest", &[rule("pu*", Some("rest"))]);
    let (reason, message) = cluster.verdict("a/rest");
    assert_eq!(reason, Reason::Conflicted);
    assert!(
        message.contains("prefix pu contains prefix pu.blic., which the older policy kafka/public"),
        "{message}"
    );
    assert_eq!(cluster.topic("pu.blic.x"), "clear");
    assert_eq!(cluster.topic("pu.x"), "retired");
}

#[test]
fn a_guest_does_not_decide_about_all_topics_of_the_cluster() {
    let invalid = json!([{"topics": [{"any": true}], "key": {"name": "k", "provider": "valt"}}]);
    for spec in [json!([rule("*", Some("k")), rule("b*", Some("k"))]), invalid] {
        let cluster = cluster()
            .policy("a/all", spec.as_array().unwrap())
            .policy("kafka/rest", &[rule("c*", Some("c"))]);
        let (reason, message) = cluster.verdict("a/all");
        assert_eq!(reason, Reason::Invalid);
        assert!(message.contains("rules[0].topics[0]: any is for policies of namespace kafka"), "{message}");
        assert_eq!((cluster.topic("x"), cluster.topic("c")), ("unmatched".to_owned(), "c".to_owned()));
        assert!(!cluster.settled().contains("any"));
    }
}

#[test]
fn what_a_guest_once_encrypted_of_all_topics_it_can_release() {
    let entry = "{topic: {any: true}, key: {name: k}, policy: a/all}";
    let mut cluster = cluster().encrypted(entry).policy("a/all", &[rule("*", None), rule("b*", Some("b"))]);
    for expected in ["clear", "unmatched"] {
        assert_eq!((cluster.topic("x").as_str(), cluster.topic("b").as_str()), (expected, "b"));
        assert_eq!(cluster.verdict("a/all").0, Reason::Accepted);
        cluster.ledger = cluster.ledger.settled(&cluster.merge());
    }
    assert_eq!(cluster.settled(), "prefix b of a/all");
}

#[test]
fn a_clear_rule_of_a_guest_neither_vetoes_nor_survives_a_rule_of_the_clusters_namespace() {
    for topic in ["*", "public.*", "p*"] {
        let cluster = cluster()
            .policy("a/public", &[rule("public.*", None), rule("x*", None), rule("own*", Some("own"))])
            .policy("kafka/rest", &[rule(topic, Some("rest"))]);
        assert_eq!(cluster.verdict("kafka/rest").0, Reason::Accepted, "{topic}");
        assert_eq!(cluster.topic("public.x"), "rest");
        assert_eq!(cluster.topic("own"), "own");
        let voided = [0, 1].map(|rule| (WarningKind::NoEffect, format!("rules[{rule}].topics[0]")));
        let warnings = cluster.warnings("a/public");
        assert!(voided.iter().all(|warning| warnings.contains(warning)), "{warnings:?}");
    }
}

#[test]
fn a_guest_leaves_clear_what_lies_within_its_own_pattern() {
    let cluster = cluster()
        .policy("a/own", &[rule("own.*", Some("own"))])
        .policy("a/public", &[rule("own.public.*", None)])
        .policy("kafka/rest", &[rule("*", Some("rest"))]);
    assert!(cluster.merge().verdicts.values().all(super::super::Verdict::is_accepted));
    for (topic, expected) in [("own.public.x", "clear"), ("own.x", "own"), ("x", "rest")] {
        assert_eq!(cluster.topic(topic), expected);
    }
}

#[test]
fn who_was_first_refines_its_own_pattern_within_a_wider_one_of_another_namespace() {
    let ledger = "{topic: {prefix: own.}, key: {name: own}, policy: a/own}, \
                  {topic: {any: true}, key: {name: rest}, policy: kafka/rest}";
    let cluster = cluster()
        .encrypted(ledger)
        .policy("kafka/rest", &[rule("*", Some("rest"))])
        .policy("a/own", &[rule("own.*", Some("own")), rule("own.b*", Some("b")), rule("own.c*", None)]);
    assert_eq!(cluster.verdict("a/own").0, Reason::Accepted);
    assert_eq!((cluster.topic("own.b"), cluster.topic("own.c")), ("b".to_owned(), "clear".to_owned()));
}

#[test]
fn a_refused_pattern_of_a_guest_makes_no_room_for_a_clear_one() {
    let cluster = cluster()
        .policy("kafka/taken", &[rule("taken", Some("k"))])
        .policy("a/refused", &[rule("own.*", Some("own")), rule("taken", Some("own"))])
        .policy("a/public", &[rule("own.public.*", None)])
        .policy("kafka/rest", &[rule("*", Some("rest"))]);
    assert_eq!(cluster.verdict("a/refused").0, Reason::Conflicted);
    assert_eq!(cluster.topic("own.public.x"), "rest");
    // And nothing changes once the ledger knows the others.
    let mut later = cluster;
    for _ in 0..2 {
        assert_eq!(later.verdict("a/public").0, Reason::Accepted);
        assert_eq!(later.warnings("a/public").first().map(|(kind, _)| *kind), Some(WarningKind::NoEffect));
        later.ledger = later.ledger.settled(&later.merge());
    }
}

#[test]
fn where_unmatched_topics_are_refused_the_ledger_keeps_what_a_guest_leaves_clear() {
    let mut cluster = cluster().encrypted(PAYMENTS).policy("a/payments", &[rule("payments.*", None)]);
    cluster.unmatched = UnmatchedTopics::Reject;
    assert_eq!(cluster.settled(), "prefix payments. of a/payments");
    assert_eq!(cluster.topic("payments.x"), "clear");
}

#[test]
fn who_was_first_within_a_pattern_of_another_namespace_stays_so_after_disabling() {
    let both = format!("{PAYMENTS}, {{topic: {{any: true}}, key: {{name: rest}}, policy: kafka/rest}}");
    let mut cluster = cluster()
        .encrypted(&both)
        .policy("kafka/rest", &[rule("*", Some("rest"))])
        .policy("a/payments", &[rule("payments.*", None)]);
    for _ in 0..2 {
        assert_eq!(cluster.topic("payments.x"), "clear");
        assert!(cluster.merge().verdicts.values().all(super::super::Verdict::is_accepted));
        cluster.ledger = cluster.ledger.settled(&cluster.merge());
    }
}

#[test]
fn namespaces_that_are_not_allowed_have_no_effect_but_what_they_encrypted_stays_refused() {
    let spec = json!([rule("payments.*", Some("own")), rule("new*", Some("own"))]);
    let cluster = cluster().encrypted(PAYMENTS).admitted("a/payments", Admission::NamespaceNotAllowed, &spec);
    assert_eq!(cluster.topic("payments.x"), "retired");
    assert_eq!(cluster.topic("new"), "unmatched");
    let (reason, message) = cluster.verdict("a/payments");
    assert_eq!(reason, Reason::NamespaceNotAllowed);
    assert!(message.contains("the EncryptionProxy in namespace kafka must allow it"), "{message}");
}
