//! Questions to audits that were made up.

use super::*;
use crate::tools::audit::providers::Providers;
use crate::tools::content::{Format, Protection, Run};
use crate::tools::tally::Tally;

fn asked(text: &str) -> (String, String, Option<String>) {
    let question: Question = text.parse().unwrap();
    (question.provider, question.key, question.version)
}

#[test]
fn keys_are_asked_for_with_and_without_version() {
    let own = |provider: &str, key: &str, version: Option<&str>| {
        (provider.to_owned(), key.to_owned(), version.map(str::to_owned))
    };
    assert_eq!(asked("default/payments"), own("default", "payments", None));
    assert_eq!(asked("default/payments:3"), own("default", "payments", Some("3")));
    assert_eq!(asked("hsm/payments:ab01"), own("hsm", "payments", Some("ab01")));
    let arn = "arn:aws:kms:eu-1:1:key/ab-c";
    assert_eq!(asked(&format!("aws/{arn}")), own("aws", arn, None));
    assert_eq!(asked("p/a:b:"), own("p", "a:b", None));
    for wrong in ["payments", "/payments", "default/", "default/:3"] {
        wrong.parse::<Question>().unwrap_err();
    }
}

/// One partition whose records need these keys, with the versions as providers tell them.
fn audit(found: &[(&str, &str, Option<&str>)], all_topics: bool) -> Audit {
    let mut tally = Tally::new(10);
    for (offset, (provider, key, version)) in (0_i64..).zip(found) {
        let protection = Protection {
            provider: Arc::from(*provider),
            key: Arc::from(*key),
            version: version.map(Arc::from),
            format: Format::Batch,
            data_key: None,
        };
        tally.add(Run { content: Content::Sealed(protection), records: 1, first: offset, last: offset });
    }
    let end = i64::try_from(found.len()).unwrap();
    let (topic, topic_id) = (Arc::from("t"), String::new());
    let partition =
        Audited { topic, topic_id, partition: 0, start: 0, next: end, end, end_taken_at: 0, lost: 0, tally };
    let partitions = vec![partition];
    let (doubts, rejections, held) = (Vec::new(), Vec::new(), Some(Vec::new()));
    Audit { partitions, every: 1, all_topics, versions_are_certain: true, doubts, rejections, held }
}

fn providers() -> Providers {
    Providers::fake(&[
        ("local", Kind::Local, "a"),
        ("vault", Kind::Vault, "b"),
        ("bao", Kind::Vault, "b"),
        ("elsewhere", Kind::Vault, "c"),
        ("hsm", Kind::Pkcs11, "d"),
        ("aws", Kind::Aws, "e"),
        ("gcp", Kind::Gcp, "f"),
        ("azure", Kind::Azure, "g"),
    ])
}

fn answer(question: &str, audit: &Audit) -> Answer {
    question.parse::<Question>().unwrap().ask(&providers()).unwrap().answer(audit).answer
}

#[test]
fn versions_are_found_however_they_are_written() {
    let audit = audit(
        &[
            ("local", "k", Some("1")),
            ("local", "k", Some("4")),
            ("hsm", "k", Some("ab01")),
            ("aws", "k", None),
        ],
        true,
    );
    for needed in
        ["local/k:1", "local/k:01", "local/k:V1", "local/k:v1", "hsm/k:AB01", "hsm/k:0xab01", "aws/k:1"]
    {
        assert_eq!(answer(needed, &audit), Answer::No, "{needed}");
    }
    assert_eq!(answer("local/k:2", &audit), Answer::Yes);
    for wrong in ["local/k:one", "local/k:0", "local/k:+1", "vault/k:v", "hsm/k:xyz", "hsm/k:abc"] {
        wrong.parse::<Question>().unwrap().ask(&providers()).unwrap_err();
    }
}

#[test]
fn what_was_never_seen_is_no_yes() {
    let all = audit(&[("local", "k", Some("1")), ("local", "k", Some("4")), ("hsm", "k", Some("ab"))], true);
    for unseen in ["local/typo", "local/typo:1", "local/k:5", "hsm/k:cd", "vault/k:1"] {
        assert_eq!(answer(unseen, &all), Answer::NotSeen, "{unseen}");
    }
    assert_eq!(answer("typo/k:2", &all), Answer::No, "a provider that is not configured");
    let some = audit(&[("local", "k", Some("4"))], false);
    assert_eq!(answer("local/k:2", &some), Answer::NotInTheseTopics);
    assert_eq!(answer("local/k:5", &some), Answer::NotSeen);
    let doubtful = Audit { doubts: vec!["a topic was created again".to_owned()], ..all };
    assert_eq!(answer("local/k:2", &doubtful), Answer::No);
    assert!(!doubtful.is_clean());
}

#[test]
fn versions_of_transit_need_all_lower_ones_to_be_free_under_every_name_of_the_provider() {
    let found = audit(&[("vault", "k", Some("2")), ("vault", "k", Some("9"))], true);
    assert_eq!(answer("vault/k:1", &found), Answer::Yes);
    for needed in ["vault/k:2", "vault/k:5", "bao/k:5", "bao/k"] {
        assert_eq!(answer(needed, &found), Answer::No, "{needed}");
    }
    assert_eq!(answer("elsewhere/k:5", &found), Answer::NotSeen);
}

#[test]
fn keys_are_found_under_each_of_their_spellings() {
    let found =
        audit(&[("gcp", "projects/p/cryptoKeys/k", Some("1")), ("azure", "Orders", Some("AB"))], true);
    let found_in_aws = audit(&[("aws", "arn:aws:kms:eu-1:1:key/ab-c", None)], true);
    for needed in ["gcp/k:1", "gcp/k", "azure/orders", "azure/orders:ab"] {
        assert_eq!(answer(needed, &found), Answer::No, "{needed}");
    }
    assert_eq!(answer("aws/ab-c", &found_in_aws), Answer::No);
    assert_eq!(answer("gcp/other", &found), Answer::NotSeen);
}

#[test]
fn an_answer_that_is_not_no_comes_with_its_conditions() {
    let verdict = "local/k:2".parse::<Question>().unwrap().ask(&providers()).unwrap();
    let conditions = |all_topics| verdict.answer(&audit(&[("local", "k", Some("4"))], all_topics)).conditions;
    let all = conditions(true);
    for what in ["keys.maxAge", "Describe on topic *", "backups"] {
        assert!(all.iter().any(|condition| condition.contains(what)), "{what}: {all:?}");
    }
    let some = conditions(false);
    assert!(!some.iter().any(|condition| condition.contains("Describe on topic *")), "{some:?}");
}

/// An audit of records under version 9 alone, with a policy whose rule has a pseudonym key that this wraps.
fn holding(provider: &str, version: Option<&str>) -> Audit {
    let protection = Protection {
        provider: Arc::from(provider),
        key: Arc::from("k"),
        version: version.map(Arc::from),
        format: Format::Record,
        data_key: None,
    };
    let held = Held { rule: "rules[0] of the policy (prefix customers.)".to_owned(), protection };
    let found = ["local", "vault", "hsm"].map(|provider| (provider, "k", Some("9")));
    Audit { held: Some(vec![held]), ..audit(&found, true) }
}

#[test]
fn what_wraps_a_rules_pseudonym_key_cannot_be_destroyed() {
    assert_eq!(answer("local/k:2", &holding("local", Some("3"))), Answer::Yes);
    for (needed, provider, version) in [
        ("local/k:2", "local", Some("2")),
        ("vault/k:5", "vault", Some("2")),
        // Another name of the same provider.
        ("bao/k:5", "vault", Some("2")),
        // Who tells that it is another?
        ("local/k:2", "local", None),
    ] {
        let question = needed.parse::<Question>().unwrap().ask(&providers()).unwrap();
        let verdict = question.answer(&holding(provider, version));
        assert_eq!(verdict.answer, Answer::No, "{needed}");
        assert!(
            verdict.reasons[0].starts_with("rules[0] of the policy (prefix customers.) needs it"),
            "{verdict:?}"
        );
    }
}

#[test]
fn without_a_policy_the_answer_has_a_condition_on_it() {
    let told = |held| {
        let found = Audit { held, ..audit(&[("local", "k", Some("4"))], true) };
        let verdict = "local/k:2".parse::<Question>().unwrap().ask(&providers()).unwrap().answer(&found);
        assert_eq!(verdict.answer, Answer::Yes);
        verdict.conditions.iter().any(|condition| condition.contains("recordKeys.pseudonymKey"))
    };
    assert!(told(None) && !told(Some(Vec::new())));
}
