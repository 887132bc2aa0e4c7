mod namespaces;
mod retired;
mod warnings;

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

/// Conformance: P17-37.
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
fn sealed_headers_that_cannot_be_had_refuse_their_policy_and_leave_nothing_clear() {
    let with = |format: &str, headers: Value| {
        let mut rule = rule("a*", Some("k"));
        (rule["format"], rule["headers"]) = (json!(format), headers);
        cluster().policy("kafka/a", &[rule])
    };
    let merged = with("Record", json!(["user-id"])).merge();
    let Treatment::Encrypt(encrypt) = &merged.program.decide("a").unwrap().treatment else {
        panic!("not encrypted")
    };
    assert!(encrypt.headers.has(b"user-id"));
    for (format, names, said) in [
        ("Auto", json!(["a"]), "must only be given together with format: Record"),
        ("Batch", json!(["a"]), "must only be given together with format: Record"),
        ("Record", json!(["a\tb"]), "must not have control characters"),
        ("Record", json!(["encryption.strimzi.io"]), "must not be encryption.strimzi.io"),
    ] {
        let cluster = with(format, names);
        let (reason, message) = cluster.verdict("kafka/a");
        assert_eq!(reason, Reason::Invalid);
        assert!(message.starts_with(&format!("rules[0].headers: {said}")), "{message}");
        assert_eq!(cluster.topic("a"), "retired");
    }
}

#[test]
fn a_pseudonym_key_that_cannot_be_had_refuses_its_policy_and_leaves_nothing_clear() {
    let with = |format: &str, key: &str| {
        let mut rule = rule("a*", Some("k"));
        (rule["format"], rule["recordKeys"]) = (json!(format), json!({"pseudonymKey": key}));
        cluster().policy("kafka/a", &[rule])
    };
    let merged = with("Record", "AQID/w==").merge();
    let Treatment::Encrypt(encrypt) = &merged.program.decide("a").unwrap().treatment else {
        panic!("not encrypted")
    };
    assert_eq!(encrypt.pseudonym_key.as_ref().map(ToString::to_string).as_deref(), Some("AQID/w=="));
    for (format, key, said) in [
        ("Auto", "AQID", "rules[0].recordKeys: must only be given together with format: Record"),
        ("Batch", "AQID", "rules[0].recordKeys: must only be given together with format: Record"),
        ("Record", "AQID/w", "rules[0].recordKeys.pseudonymKey: must be base64 of 1 to 4096 bytes"),
        ("Record", "", "rules[0].recordKeys.pseudonymKey: must be base64 of 1 to 4096 bytes"),
    ] {
        let cluster = with(format, key);
        let (reason, message) = cluster.verdict("kafka/a");
        assert_eq!(reason, Reason::Invalid);
        assert!(message.starts_with(said), "{message}");
        assert_eq!(cluster.topic("a"), "retired");
    }
}

#[test]
fn a_hole_says_nothing_of_how_to_encrypt() {
    for (field, value) in [
        ("headers", json!(["a"])),
        ("recordKeys", json!({"pseudonymKey": "AQID"})),
        ("legacy", json!([{"format": "KroxyliciousV2"}])),
    ] {
        let mut rule = rule("a*", None);
        rule[field] = value;
        let cluster = cluster().policy("kafka/a", &[rule]);
        let (reason, message) = cluster.verdict("kafka/a");
        assert_eq!(reason, Reason::Invalid);
        assert!(message.starts_with(&format!("rules[0].{field}: must not be given")), "{message}");
        assert_eq!(cluster.topic("a"), "retired");
    }
}

#[test]
fn a_legacy_entry_that_cannot_be_read_refuses_its_policy_and_leaves_nothing_clear() {
    let with = |legacy: Value| {
        let mut rule = rule("a*", Some("k"));
        rule["legacy"] = json!([legacy]);
        cluster().policy("kafka/a", &[rule])
    };
    let former = |provider: &str, name: &str| json!({"format": "TopicEncryptionV1", "key": {"name": name, "provider": provider}});
    for good in [former("default", "former"), json!({"format": "KroxyliciousV2", "provider": "vault"})] {
        let merged = with(good.clone()).merge();
        let Treatment::Encrypt(encrypt) = &merged.program.decide("a").unwrap().treatment else {
            panic!("{good}");
        };
        assert!(!encrypt.legacy.is_empty());
        assert_eq!(merged.program.keys().len(), 1, "keys that only read are not made");
    }
    for (wrong, said) in [
        (former("vault", "former"), "rules[0].legacy[0].key.provider: must be a local provider"),
        (former("default", "k"), "rules[0].legacy[0].key: must not be the key that the rule encrypts with"),
        (
            json!({"format": "KroxyliciousV2", "provider": "valt"}),
            "rules[0].legacy[0].provider: no key provider of the EncryptionProxy is named valt",
        ),
        (json!({"format": "TopicEncryptionV1"}), "rules[0].legacy[0].key: is required"),
    ] {
        let cluster = with(wrong);
        let (reason, message) = cluster.verdict("kafka/a");
        assert_eq!(reason, Reason::Invalid);
        assert!(message.starts_with(said), "{message}");
        assert_eq!(cluster.topic("a"), "retired");
    }
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
        (key(json!({"name": "k".repeat(241)})), "rules[0].key.name: must have at most 240 characters"),
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
