use std::collections::BTreeMap;

use operator_api::{PolicyRule, UnmatchedTopics};
use proxy_config::ProviderName;
use serde_json::{Value, json};

use super::{Merged, merge};
use crate::policies::{
    Admission, Inputs, Ledger, PolicyId, ProviderKind, Reason, Submission, Treatment, WarningKind,
};

/// Policies of one Kafka cluster and what was encrypted before.
#[derive(Default)]
struct Cluster {
    submissions: Vec<Submission>,
    ledger: Ledger,
    unmatched: UnmatchedTopics,
}

fn providers() -> BTreeMap<ProviderName, ProviderKind> {
    let provider = |(name, kind)| (ProviderName::new(name).unwrap(), kind);
    [("default", ProviderKind::Local), ("vault", ProviderKind::Remote)].map(provider).into()
}

fn rules(rules: &Value) -> Vec<PolicyRule> {
    serde_json::from_value(rules.clone()).unwrap()
}

/// A rule for one pattern, `name` or `prefix*`, with a key or none.
fn rule(topic: &str, key: Option<&str>) -> Value {
    let topic = match topic.strip_suffix('*') {
        Some("") => json!({"any": true}),
        Some(prefix) => json!({"prefix": prefix}),
        None => json!({"name": topic}),
    };
    match key {
        Some(key) => json!({"topics": [topic], "key": {"name": key}, "onPlaintext": "Reject"}),
        None => json!({"topics": [topic], "encryption": "Disabled"}),
    }
}

impl Cluster {
    fn encrypted(mut self, text: &str) -> Self {
        self.ledger = Ledger::parse(&format!("version: 1\nencrypted: [{text}]\n")).unwrap();
        self
    }

    /// Adds a policy. They are younger in the order of their addition.
    fn policy(self, id: &str, rules: &[Value]) -> Self {
        self.admitted(id, Admission::Allowed, &json!(rules))
    }

    fn admitted(mut self, id: &str, admission: Admission, spec: &Value) -> Self {
        let created = jiff::Timestamp::from_second(i64::try_from(self.submissions.len()).unwrap()).unwrap();
        self.submissions.push(Submission {
            id: id.parse().unwrap(),
            created: Some(created),
            generation: 7,
            rules: rules(spec),
            admission,
        });
        self
    }

    fn merge(&self) -> Merged {
        merge(&Inputs {
            kafka_namespace: "kafka",
            submissions: &self.submissions,
            ledger: &self.ledger,
            unmatched: self.unmatched,
            providers: &providers(),
        })
    }

    /// What becomes of a policy: the reason and the message.
    fn verdict(&self, id: &str) -> (Reason, String) {
        let merged = self.merge();
        let verdict = &merged.verdicts[&id.parse::<PolicyId>().unwrap()];
        (verdict.reason, verdict.message())
    }

    /// What happens to a topic.
    fn topic(&self, topic: &str) -> String {
        match self.merge().program.decide(topic).map(|rule| rule.treatment.clone()) {
            None => "unmatched".to_owned(),
            Some(Treatment::Clear) => "clear".to_owned(),
            Some(Treatment::Retired { .. }) => "retired".to_owned(),
            Some(Treatment::Pending { .. }) => "pending".to_owned(),
            Some(Treatment::Encrypt(encrypt)) => encrypt.key.name.to_string(),
        }
    }

    /// The patterns that the ledger has in the end.
    fn settled(&self) -> String {
        let settled = self.ledger.settled(&self.merge());
        let entries =
            settled.entries().iter().map(|(pattern, entry)| format!("{pattern} of {}", entry.policy));
        entries.collect::<Vec<_>>().join(", ")
    }

    fn warnings(&self, id: &str) -> Vec<(WarningKind, String)> {
        let merged = self.merge();
        let verdict = &merged.verdicts[&id.parse::<PolicyId>().unwrap()];
        verdict.warnings.iter().map(|warning| (warning.kind, warning.field.clone())).collect()
    }
}

fn cluster() -> Cluster {
    Cluster::default()
}

const PAYMENTS: &str = "{topic: {prefix: payments.}, key: {name: old}, policy: a/payments}";

#[test]
fn policies_with_different_patterns_are_joined() {
    let cluster = cluster()
        .policy("kafka/a", &[rule("a*", Some("ka")), rule("a.public*", None)])
        .policy("kafka/b", &[rule("a.b", Some("kb")), rule("*", Some("rest"))]);
    for (topic, expected) in [
        ("a.x", "ka"),
        ("a.public.x", "clear"),
        ("a.b", "kb"),
        ("z", "rest"),
        ("__consumer_offsets", "unmatched"),
    ] {
        assert_eq!(cluster.topic(topic), expected, "{topic}");
    }
    let merged = cluster.merge();
    assert!(merged.verdicts.values().all(|verdict| verdict.is_accepted() && verdict.rules == 2));
    assert_eq!(cluster.verdict("kafka/a"), (Reason::Accepted, "2 rules in force".to_owned()));
    let keys = merged.program.keys_by_provider();
    assert_eq!(
        keys.values().next().unwrap().iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["ka", "kb", "rest"]
    );
}

#[test]
fn of_two_policies_with_the_same_pattern_the_older_wins_and_the_other_is_refused_as_a_whole() {
    let cluster = cluster()
        .policy("kafka/z", &[rule("a*", Some("old"))])
        .policy("kafka/a", &[rule("a*", Some("young")), rule("b*", Some("young")), rule("c*", None)]);
    let (reason, message) = cluster.verdict("kafka/a");
    assert_eq!(reason, Reason::Conflicted);
    assert!(message.starts_with("rules[0].topics[0]: prefix a belongs to policy kafka/z"), "{message}");
    assert!(message.contains("remove the pattern here"), "{message}");
    for (topic, expected) in [("a", "old"), ("b", "retired"), ("c", "unmatched")] {
        assert_eq!(cluster.topic(topic), expected, "{topic}");
    }
    assert_eq!(cluster.settled(), "prefix a of kafka/z");
}

#[test]
fn of_policies_of_the_same_age_the_first_by_name_wins() {
    let mut cluster =
        cluster().policy("kafka/b", &[rule("a", Some("b"))]).policy("kafka/a", &[rule("a", Some("a"))]);
    for submission in &mut cluster.submissions {
        submission.created = None;
    }
    assert_eq!(cluster.topic("a"), "a");
    assert_eq!(cluster.verdict("kafka/b").0, Reason::Conflicted);
}

#[test]
fn the_ledger_remembers_the_winner_though_it_was_created_anew() {
    let cluster = cluster()
        .encrypted(PAYMENTS)
        .policy("a/other", &[rule("payments.*", Some("other"))])
        .policy("a/payments", &[rule("payments.*", Some("own"))]);
    assert_eq!(cluster.topic("payments.x"), "own");
    let (reason, message) = cluster.verdict("a/other");
    assert_eq!(reason, Reason::Conflicted);
    assert!(message.contains("belongs to policy a/payments, as the one that encrypted it last"), "{message}");
}

#[test]
fn a_remembered_owner_that_is_refused_keeps_its_pattern_from_others() {
    let cluster =
        cluster().encrypted(PAYMENTS).policy("a/other", &[rule("payments.*", Some("other"))]).admitted(
            "a/payments",
            Admission::Invalid("no".to_owned()),
            &json!([rule("payments.*", Some("own"))]),
        );
    assert_eq!(cluster.topic("payments.x"), "retired");
    assert_eq!(cluster.verdict("a/other").0, Reason::Conflicted);
}

#[test]
fn a_policy_of_the_same_namespace_takes_over_what_its_owner_left() {
    let cluster = cluster().encrypted(PAYMENTS).policy("a/new", &[rule("payments.*", Some("new"))]);
    assert_eq!(cluster.topic("payments.x"), "new");
    assert_eq!(cluster.settled(), "prefix payments. of a/new");
}

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
    assert!(later.merge().verdicts.values().all(super::Verdict::is_accepted));
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
    assert!(cluster.merge().verdicts.values().all(super::Verdict::is_accepted));
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
fn what_no_rule_encrypts_any_more_is_retired() {
    assert_eq!(cluster().encrypted(PAYMENTS).topic("payments.x"), "retired");
    let edited = cluster().encrypted(PAYMENTS).policy("a/payments", &[rule("payments.a*", Some("own"))]);
    assert_eq!(edited.topic("payments.a"), "own");
    assert_eq!(edited.topic("payments.x"), "retired");
    assert_eq!(edited.settled(), "prefix payments. of a/payments, prefix payments.a of a/payments");
}

#[test]
fn a_wider_rule_does_not_speak_for_what_a_narrower_one_encrypted() {
    let entry = "{topic: {prefix: payments.}, key: {name: old}, policy: kafka/payments}";
    let cluster = cluster().encrypted(entry).policy("kafka/all", &[rule("*", None)]);
    assert_eq!(cluster.topic("payments.x"), "retired");
    assert_eq!(cluster.topic("x"), "clear");
    let place = || "rules[0].topics[0]".to_owned();
    let expected = [(WarningKind::CatchAll, place()), (WarningKind::StillRetired, place())];
    assert_eq!(cluster.warnings("kafka/all"), expected);
}

#[test]
fn disabled_clears_within_its_pattern_and_removes_the_very_same_from_the_ledger_in_the_end() {
    let narrow = cluster().encrypted(PAYMENTS).policy("a/p", &[rule("payments.public*", None)]);
    assert_eq!(narrow.topic("payments.public.x"), "clear");
    assert_eq!(narrow.topic("payments.x"), "retired");
    assert_eq!(narrow.settled(), "prefix payments. of a/payments");
    let same = cluster().encrypted(PAYMENTS).policy("a/p", &[rule("payments.*", None)]);
    assert_eq!(same.topic("payments.x"), "clear");
    let merged = same.merge();
    assert_eq!(same.ledger.next(&merged, &merged.program), same.ledger);
    assert_eq!(same.settled(), "");
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
        assert!(cluster.merge().verdicts.values().all(super::Verdict::is_accepted));
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

#[test]
fn a_policy_that_cannot_be_carried_out_is_refused_with_its_topics() {
    let key = |key: Value| json!([{"topics": [{"name": "a"}], "key": key}, rule("b", Some("k"))]);
    let twice = json!([rule("a", None), rule("a", Some("k")), rule("b", Some("k"))]);
    let none = json!([{"topics": [{"name": "a"}]}, rule("b", Some("k"))]);
    for (spec, said) in [
        (
            key(json!({"name": "k", "provider": "valt"})),
            "rules[0].key.provider: no key provider is named valt: the EncryptionProxy has default, vault",
        ),
        (key(json!({"name": "a/../b", "provider": "vault"})), "rules[0].key.name: must not have an empty"),
        (key(json!({"name": "a/b"})), "rules[0].key.name: must not have a '/'"),
        (twice, "rules[1].topics[0]: is the same pattern as rules[0].topics[0], name a"),
        (none, "rules[0].key: is required"),
    ] {
        let cluster = cluster().policy("kafka/a", spec.as_array().unwrap());
        let (reason, message) = cluster.verdict("kafka/a");
        assert_eq!(reason, Reason::Invalid);
        assert!(message.contains(said), "{message}");
        assert_eq!((cluster.topic("a"), cluster.topic("b")), ("retired".to_owned(), "retired".to_owned()));
        assert_eq!(cluster.settled(), "");
    }
    let remote =
        cluster().policy("kafka/a", key(json!({"name": "a/b", "provider": "vault"})).as_array().unwrap());
    assert_eq!(remote.topic("a"), "a/b");
}

#[test]
fn warns_of_what_may_not_be_meant_so() {
    let long = "x".repeat(249);
    let cluster = cluster().policy(
        "kafka/a",
        &[
            json!({"topics": [{"name": "__consumer_offsets"}, {"prefix": "__share"}, {"name": "a"}], "key": {"name": "k"}}),
            rule(&format!("{long}*"), Some("k")),
            rule(&long, Some("k")),
        ],
    );
    let warnings = cluster.warnings("kafka/a");
    assert_eq!(
        warnings,
        [
            (WarningKind::PlaintextPasses, "rules[0].onPlaintext".to_owned()),
            (WarningKind::InternalTopic, "rules[0].topics[0].name".to_owned()),
            (WarningKind::InternalTopic, "rules[0].topics[1].prefix".to_owned()),
            (WarningKind::ShadowedRule, "rules[1]".to_owned()),
        ]
    );
    assert!(cluster.merge().verdicts.values().all(super::Verdict::is_accepted));
}

#[test]
fn warns_of_a_rule_for_everything() {
    for key in [Some("k"), None] {
        let cluster = cluster().policy("kafka/a", &[rule("b", Some("k")), rule("*", key)]);
        assert_eq!(cluster.warnings("kafka/a"), [(WarningKind::CatchAll, "rules[1].topics[0]".to_owned())]);
    }
}

#[test]
fn warns_of_a_pattern_within_one_of_another_policy_of_the_namespace() {
    let overlap = |place: &str| vec![(WarningKind::OverlappingPolicies, place.to_owned())];
    let wide = [rule("a*", Some("k")), rule("a.own*", Some("k")), rule("a.own.x", Some("k"))];
    // Whichever is older.
    let narrow = [rule("a.b", Some("other")), rule("b", Some("k"))];
    for cluster in [
        cluster().policy("kafka/wide", &wide).policy("kafka/narrow", &narrow),
        cluster().policy("kafka/narrow", &narrow).policy("kafka/wide", &wide),
    ] {
        assert_eq!(cluster.warnings("kafka/narrow"), overlap("rules[0].topics[0]"));
        assert_eq!(cluster.warnings("kafka/wide"), []);
        let verdicts = cluster.merge().verdicts;
        let message = &verdicts[&"kafka/narrow".parse().unwrap()].warnings[0].message;
        assert!(message.contains("lies within prefix a of policy kafka/wide"), "{message}");
    }
}

#[test]
fn does_not_warn_of_overlaps_that_are_told_otherwise() {
    let any =
        cluster().policy("kafka/any", &[rule("*", Some("k"))]).policy("kafka/a", &[rule("a", Some("k"))]);
    assert_eq!(any.warnings("kafka/a"), [], "the rule for everything is warned of itself");
    let invalid = json!([{"topics": [{"prefix": "a"}], "key": {"name": "k", "provider": "none"}}]);
    let refused = cluster()
        .admitted("kafka/wide", Admission::Allowed, &invalid)
        .policy("kafka/a", &[rule("a.b", Some("k"))]);
    assert_eq!(refused.warnings("kafka/a"), [], "a refused policy has no effect but to refuse");
}
