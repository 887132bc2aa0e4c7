use std::collections::BTreeSet;

use operator_api::{OnPlaintext, OnUnreadable, RecordFormat, UnmatchedTopics};
use proptest::prelude::*;
use proxy_config::{
    History, KeyName, KeyRef, KroxyliciousKeys, Legacy, Pattern, ProviderName, SealedHeaders, TopicHistory,
    TopicId, TopicName, TopicPrefix,
};

use super::super::program::{Encrypt, MergedRule, Program, Treatment};
use super::{first_step, preparation};
use crate::policies::Ledger;

fn key(name: &str) -> KeyRef {
    KeyRef { provider: ProviderName::new("default").unwrap(), name: KeyName::new(name).unwrap() }
}

fn encrypt(name: &str) -> Treatment {
    Treatment::Encrypt(Encrypt {
        key: key(name),
        format: RecordFormat::Auto,
        on_plaintext: OnPlaintext::Pass,
        on_unreadable: OnUnreadable::Error,
        headers: SealedHeaders::default(),
        pseudonym_key: None,
        legacy: Legacy::default(),
    })
}

fn pending(name: &str) -> Treatment {
    Treatment::Pending { key: key(name), legacy: Legacy::default() }
}

fn pattern(text: &str) -> Pattern {
    match text.strip_suffix('*') {
        Some("") => Pattern::Any,
        Some(prefix) => Pattern::Prefix(TopicPrefix::new(prefix).unwrap()),
        None => Pattern::Name(TopicName::new(text).unwrap()),
    }
}

fn program(rules: &[(&str, Treatment)]) -> Program {
    Program::new(
        UnmatchedTopics::Passthrough,
        rules.iter().map(|(text, treatment)| MergedRule {
            pattern: pattern(text),
            treatment: treatment.clone(),
            source: None,
        }),
    )
}

fn step(current: &Program, target: &Program) -> Option<Vec<(String, Treatment)>> {
    let step = first_step(&[current], target)?;
    Some(step.rules().map(|rule| (rule.pattern.to_string(), rule.treatment.clone())).collect())
}

#[test]
fn nothing_runs_so_nothing_waits() {
    assert_eq!(first_step(&[], &program(&[("a*", encrypt("k"))])), None);
}

#[test]
fn history_alone_is_told_at_once_and_every_step_tells_it() {
    let Treatment::Encrypt(rule) = encrypt("k") else { panic!("it encrypts") };
    let until = Treatment::Encrypt(Encrypt { on_plaintext: OnPlaintext::PassUntil, ..rule });
    let mut history = History::default();
    let ends = TopicHistory::new(TopicName::new("a").unwrap(), vec![Some(7)]);
    history.add(TopicId([1; 16]), ends);
    let current = program(&[("a", until.clone())]);
    let target = current.clone().with_history(&history);
    assert_ne!(current, target);
    assert_eq!(first_step(&[&current], &target), None);
    let more = program(&[("a", until), ("b", encrypt("new"))]).with_history(&history);
    assert_eq!(first_step(&[&current], &more).unwrap().history(), &history);
    assert_eq!(Program::parse(&more.to_yaml()).unwrap().history(), &history);
    assert!(program(&[("a", encrypt("k"))]).with_history(&history).history().is_empty(), "it lets all pass");
}

#[test]
fn topics_that_are_clear_now_wait_before_they_are_encrypted() {
    let target = program(&[("a*", encrypt("k"))]);
    for current in [program(&[]), program(&[("a*", Treatment::Clear)]), program(&[("*", Treatment::Clear)])] {
        assert_eq!(step(&current, &target), Some(vec![("prefix a".to_owned(), pending("k"))]));
    }
    // Though every proxy knows the key.
    let current = program(&[("b*", encrypt("k"))]);
    assert_eq!(step(&current, &target), Some(vec![("prefix a".to_owned(), pending("k"))]));
}

#[test]
fn what_other_programs_encrypted_is_read_from_the_first_step_on() {
    let Treatment::Encrypt(rule) = encrypt("k") else { panic!("it encrypts") };
    let provider = ProviderName::new("vault").unwrap();
    let keys = KroxyliciousKeys { provider, keys: BTreeSet::new() };
    let legacy = Legacy { kroxylicious_v2: Some(keys), ..Legacy::default() };
    let target = program(&[("a*", Treatment::Encrypt(Encrypt { legacy: legacy.clone(), ..rule }))]);
    let waits = Treatment::Pending { key: key("k"), legacy };
    assert_eq!(step(&program(&[]), &target), Some(vec![("prefix a".to_owned(), waits)]));
    // Reading alone makes nothing unreadable.
    assert_eq!(first_step(&[&program(&[("a*", encrypt("k"))])], &target), None);
    assert_eq!(first_step(&[&target], &program(&[("a*", encrypt("k"))])), None);
}

#[test]
fn a_new_key_is_read_before_it_is_written() {
    let (current, target) = (program(&[("a*", encrypt("k1"))]), program(&[("a*", encrypt("k2"))]));
    let step = first_step(&[&current], &target).unwrap();
    assert_eq!(step.read_keys(), &BTreeSet::from([key("k2")]));
    assert_eq!(step.decide("a.b").unwrap().treatment, encrypt("k1"));
    assert_eq!(first_step(&[&step], &target), None);
}

#[test]
fn what_makes_nothing_readable_or_clear_for_some_proxies_takes_one_step() {
    let current = program(&[("a*", encrypt("k")), ("b*", Treatment::retired(Some(key("k"))))]);
    for target in [
        program(&[]),
        program(&[("a*", Treatment::Clear)]),
        program(&[("a*", Treatment::retired(Some(key("k"))))]),
        program(&[("a*", encrypt("k")), ("b*", encrypt("k"))]),
        program(&[("a.*", encrypt("k"))]),
    ] {
        assert_eq!(first_step(&[&current], &target), None, "{target:?}");
    }
}

#[test]
fn refused_topics_wait_for_a_new_key() {
    let current = program(&[("a*", Treatment::retired(None))]);
    let target = program(&[("a*", encrypt("k"))]);
    assert_eq!(step(&current, &target), Some(vec![("prefix a".to_owned(), pending("k"))]));
}

#[test]
fn a_hole_that_closes_waits_though_the_pattern_around_it_goes_on() {
    let current = program(&[("a*", encrypt("k")), ("a.public*", Treatment::Clear)]);
    let target = program(&[("a*", encrypt("k"))]);
    let step = first_step(&[&current], &target).unwrap();
    assert_eq!(step.decide("a.public.x").unwrap().treatment, pending("k"));
    assert_eq!(step.decide("a.private").unwrap().treatment, encrypt("k"));
}

#[test]
fn a_proxy_that_may_still_run_the_program_before_counts() {
    let (before, target) = (program(&[]), program(&[("a*", encrypt("k"))]));
    let step = first_step(&[&before], &target).unwrap();
    assert_eq!(first_step(&[&before, &step], &target), Some(step));
}

fn treatments() -> impl Strategy<Value = Treatment> {
    prop_oneof![
        Just(Treatment::Clear),
        "k[12]".prop_map(|name| encrypt(&name)),
        "k[12]".prop_map(|name| pending(&name)),
        "k[12]".prop_map(|name| Treatment::retired(Some(key(&name)))),
    ]
}

fn programs() -> impl Strategy<Value = Program> {
    let rules = prop::collection::vec(("[ab]{0,3}\\*|[ab]{1,3}", treatments()), 0..6);
    let unmatched = prop_oneof![Just(UnmatchedTopics::Passthrough), Just(UnmatchedTopics::Reject)];
    (rules, unmatched).prop_map(|(rules, unmatched)| {
        let rule = |(text, treatment): (String, Treatment)| MergedRule {
            pattern: pattern(&text),
            treatment,
            source: None,
        };
        Program::new(unmatched, rules.into_iter().map(rule))
    })
}

/// Every topic of up to four letters: longer than any pattern.
fn topics() -> Vec<String> {
    let mut topics = vec![String::new()];
    for _ in 0..4 {
        let longer: Vec<_> =
            topics.iter().flat_map(|start| [format!("{start}a"), format!("{start}b")]).collect();
        topics.extend(longer);
    }
    topics.sort();
    topics.dedup();
    topics.retain(|topic| !topic.is_empty());
    topics
}

fn is_clear(program: &Program, topic: &str) -> bool {
    match program.decide(topic).map(|rule| &rule.treatment) {
        None => program.unmatched() == UnmatchedTopics::Passthrough,
        Some(treatment) => *treatment == Treatment::Clear,
    }
}

fn treatment<'a>(program: &'a Program, topic: &str) -> Option<&'a Treatment> {
    program.decide(topic).map(|rule| &rule.treatment)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_proxy_writes_what_another_cannot_read_or_in_clear_what_another_encrypts(
        current in programs(),
        target in programs(),
    ) {
        let step = first_step(&[&current], &target);
        let told = step.as_ref().unwrap_or(&target);
        for topic in topics() {
            // Proxies run under the current program and what they are told next, and then under that and the target.
            for (one, other) in [(&current, told), (told, &target)] {
                for (one, other) in [(one, other), (other, one)] {
                    if let Some(Treatment::Encrypt(encrypt)) = treatment(one, &topic) {
                        let was_encrypted = matches!(treatment(&current, &topic), Some(Treatment::Encrypt(_)));
                        let stays = matches!(treatment(&target, &topic), Some(Treatment::Encrypt(_)));
                        // What the target clears is no secret any more.
                        prop_assert!(!is_clear(other, &topic) || (was_encrypted && !stays), "{topic}");
                        let is_new = treatment(&current, &topic) != Some(&Treatment::Encrypt(encrypt.clone()));
                        prop_assert!(!is_new || other.keys().contains(&encrypt.key), "{topic}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_first_step_keeps_what_is_encrypted_in_the_target_from_being_clear(
        current in programs(),
        target in programs(),
    ) {
        let Some(step) = first_step(&[&current], &target) else { return Ok(()) };
        for topic in topics() {
            match treatment(&target, &topic) {
                Some(Treatment::Encrypt(_)) => prop_assert!(!is_clear(&step, &topic), "{topic}"),
                goal => prop_assert_eq!(treatment(&step, &topic), goal, "{}", topic),
            }
        }
        prop_assert!(target.keys().is_subset(&step.keys()));
        prop_assert_eq!(first_step(&[&step], &target), None);
    }

    #[test]
    fn a_preparation_leaves_topics_as_they_are_told_now_or_are_told_next(
        current in programs(),
        target in programs(),
    ) {
        let Some(first) = first_step(&[&current], &target) else { return Ok(()) };
        let ledger = Ledger::default();
        let Some(step) = preparation(&current, &[&current], &first, &target, &ledger) else { return Ok(()) };
        for topic in topics() {
            let stays = is_clear(&step, &topic) == is_clear(&current, &topic);
            let goes = is_clear(&step, &topic) == is_clear(&first, &topic);
            prop_assert!(stays || goes, "{}", topic);
            let waits = |program| matches!(treatment(program, &topic), Some(Treatment::Pending { .. }));
            prop_assert!(!waits(&step) || waits(&current) || waits(&target), "{}", topic);
        }
        prop_assert!(target.keys().is_subset(&step.keys()));
        // Once it is told, it stays the same until every proxy follows.
        if let Some(first) = first_step(&[&current, &step], &target) {
            let again = preparation(&step, &[&current, &step], &first, &target, &ledger);
            prop_assert_eq!(again.map(|again| again.to_yaml()), Some(step.to_yaml()));
        }
    }
}
