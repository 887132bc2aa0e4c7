//! What holds for all policies and ledgers.

use std::collections::BTreeMap;

use operator_api::{
    Encryption, KeyRef as KeySpec, OnPlaintext, OnUnreadable, PolicyRule, RecordFormat, TopicPattern,
    UnmatchedTopics,
};
use proptest::prelude::*;
use proxy_config::{KeyName, KeyRef, Pattern, ProviderName, TopicName, TopicPrefix};

use super::{Merged, merge};
use crate::policies::{
    Admission, Inputs, Ledger, LedgerEntry, PolicyId, ProviderKind, Reason, Submission, Treatment, Warning,
    WarningKind,
};

const HOME: &str = "x";

fn pattern(text: &str) -> Pattern {
    match text.strip_suffix('*') {
        Some("") => Pattern::Any,
        Some(prefix) => Pattern::Prefix(TopicPrefix::new(prefix).unwrap()),
        None => Pattern::Name(TopicName::new(text).unwrap()),
    }
}

fn spec(pattern: &Pattern) -> TopicPattern {
    let (name, prefix, any) = match pattern {
        Pattern::Name(name) => (Some(name.to_string()), None, None),
        Pattern::Prefix(prefix) => (None, Some(prefix.to_string()), None),
        Pattern::Any => (None, None, Some(true)),
    };
    TopicPattern { name, prefix, any }
}

fn patterns() -> impl Strategy<Value = Pattern> {
    "[ab]{0,2}\\*|[ab]{1,2}".prop_map(|text| pattern(&text))
}

fn ids() -> impl Strategy<Value = PolicyId> {
    ("[xy]", "[12]").prop_map(|(namespace, name)| PolicyId::new(namespace, name))
}

fn rules() -> impl Strategy<Value = PolicyRule> {
    let provider = prop_oneof![9 => Just("default"), 1 => Just("unknown")];
    (patterns(), prop::option::weighted(0.6, provider)).prop_map(|(pattern, provider)| PolicyRule {
        topics: vec![spec(&pattern)],
        key: provider.map(|provider| KeySpec { name: "k".to_owned(), provider: provider.to_owned() }),
        format: RecordFormat::Auto,
        on_plaintext: OnPlaintext::Reject,
        on_unreadable: OnUnreadable::Error,
        headers: Vec::new(),
        record_keys: None,
        legacy: Vec::new(),
        encryption: if provider.is_none() { Some(Encryption::Disabled) } else { None },
    })
}

fn submissions() -> impl Strategy<Value = Vec<Submission>> {
    let admission = prop_oneof![
        8 => Just(Admission::Allowed),
        1 => Just(Admission::NamespaceNotAllowed),
        1 => Just(Admission::Invalid("no".to_owned())),
    ];
    let content = (prop::option::of(0..2_i64), prop::collection::vec(rules(), 1..4), admission);
    prop::collection::btree_map(ids(), content, 0..4).prop_map(|policies| {
        let submission = |(id, (created, rules, admission))| Submission {
            id,
            created: Option::map(created, |second| jiff::Timestamp::from_second(second).unwrap()),
            generation: 1,
            rules,
            admission,
        };
        policies.into_iter().map(submission).collect()
    })
}

fn ledgers() -> impl Strategy<Value = Ledger> {
    prop::collection::vec((patterns(), ids()), 0..3).prop_map(|entries| {
        let mut ledger = Ledger::default();
        for (pattern, policy) in entries {
            let (provider, name) = (ProviderName::new("default").unwrap(), KeyName::new("old").unwrap());
            ledger.insert(pattern, LedgerEntry { key: KeyRef { provider, name }, policy });
        }
        ledger
    })
}

fn merged(submissions: &[Submission], ledger: &Ledger) -> Merged {
    let providers = BTreeMap::from([(ProviderName::new("default").unwrap(), ProviderKind::Local)]);
    merge(&Inputs {
        kafka_namespace: HOME,
        submissions,
        ledger,
        unmatched: UnmatchedTopics::Passthrough,
        providers: &providers,
    })
}

/// Every topic of up to three letters: longer than any pattern.
fn topics() -> impl Iterator<Item = String> {
    let letters = ["", "a", "b"];
    let words = letters.into_iter().flat_map(move |x| {
        letters.into_iter().flat_map(move |y| letters.into_iter().map(move |z| format!("{x}{y}{z}")))
    });
    words.filter(|topic| !topic.is_empty())
}

/// The patterns of a policy that say so, and whether they encrypt.
fn claims(submission: &Submission) -> impl Iterator<Item = (Pattern, bool)> {
    submission.rules.iter().flat_map(|rule| {
        let encrypts = rule.key.is_some();
        let pattern = |topic: &TopicPattern| match (&topic.name, &topic.prefix) {
            (Some(name), _) => pattern(name),
            (_, Some(prefix)) => pattern(&format!("{prefix}*")),
            _ => Pattern::Any,
        };
        rule.topics.iter().map(move |topic| (pattern(topic), encrypts))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn what_was_encrypted_is_clear_only_where_its_namespace_says_so(
        submissions in submissions(),
        ledger in ledgers(),
    ) {
        let merged = merged(&submissions, &ledger);
        for topic in topics() {
            let Some(entry) = ledger.entries().best(&topic) else { continue };
            let rule = merged.program.decide(&topic);
            prop_assert!(rule.is_some(), "{topic} is unmatched");
            let rule = rule.unwrap();
            if rule.treatment == Treatment::Clear {
                let source = rule.source.clone().unwrap();
                let says_so = submissions.iter().filter(|submission| submission.id == source);
                let says_so = says_so.flat_map(claims).any(|claim| claim == (rule.pattern.clone(), false));
                prop_assert!(says_so && source.namespace == entry.policy.namespace, "{topic}");
            }
        }
    }

    #[test]
    fn what_a_policy_that_counts_wants_encrypted_is_clear_only_by_a_rule_of_another(
        submissions in submissions(),
        ledger in ledgers(),
    ) {
        let merged = merged(&submissions, &ledger);
        for submission in &submissions {
            if merged.verdicts[&submission.id].reason == Reason::NamespaceNotAllowed {
                continue;
            }
            let is_home = submission.id.namespace == HOME;
            let wanted = claims(submission).filter(|(pattern, encrypts)| {
                *encrypts && (is_home || *pattern != Pattern::Any)
            });
            for (pattern, _) in wanted {
                for topic in topics().filter(|topic| pattern.matches(topic)) {
                    let rule = merged.program.decide(&topic);
                    prop_assert!(rule.is_some(), "{topic} is unmatched");
                }
            }
        }
    }

    #[test]
    fn every_rule_of_an_accepted_policy_is_in_force_as_it_stands(
        submissions in submissions(),
        ledger in ledgers(),
    ) {
        let merged = merged(&submissions, &ledger);
        for submission in submissions.iter().filter(|submission| merged.verdicts[&submission.id].is_accepted()) {
            let warnings = &merged.verdicts[&submission.id].warnings;
            for (index, (pattern, encrypts)) in claims(submission).enumerate() {
                let field = format!("rules[{index}].topics[0]");
                let is_void = |warning: &Warning| warning.kind == WarningKind::NoEffect && warning.field == field;
                if warnings.iter().any(is_void) {
                    prop_assert!(!encrypts && submission.id.namespace != HOME);
                    continue;
                }
                let rule = merged.program.rules().find(|rule| rule.pattern == pattern).unwrap();
                prop_assert_eq!(rule.source.as_ref(), Some(&submission.id));
                prop_assert_eq!(matches!(rule.treatment, Treatment::Encrypt(_)), encrypts);
            }
        }
    }

    #[test]
    fn what_a_guest_leaves_clear_is_its_own(submissions in submissions(), ledger in ledgers()) {
        let merged = merged(&submissions, &ledger);
        for rule in merged.program.rules().filter(|rule| rule.treatment == Treatment::Clear) {
            let source = rule.source.as_ref().unwrap();
            let ruled = merged.program.patterns().wider(&rule.pattern);
            let ruled = ruled.filter(|(_, wider)| wider.treatment != Treatment::Clear);
            let ruled = ruled.filter_map(|(wider, rule)| Some((wider, rule.source.clone()?)));
            let remembered = ledger.entries().iter().filter(|(entry, _)| {
                *entry == rule.pattern || ledger.entries().wider(&rule.pattern).any(|(wider, _)| wider == *entry)
            });
            let remembered = remembered.map(|(wider, entry)| (wider, entry.policy.clone()));
            let owner = ruled.chain(remembered).max_by_key(|(wider, _)| wider.specificity());
            let owner = owner.map(|(_, owner)| owner);
            prop_assert!(
                source.namespace == HOME || owner.is_some_and(|owner| owner.namespace == source.namespace),
                "{} of {source}", rule.pattern
            );
        }
    }

    #[test]
    fn the_order_of_submissions_does_not_matter(
        (submissions, shuffled) in submissions().prop_flat_map(|submissions| {
            (Just(submissions.clone()), Just(submissions).prop_shuffle())
        }),
        ledger in ledgers(),
    ) {
        prop_assert_eq!(merged(&submissions, &ledger), merged(&shuffled, &ledger));
    }

    #[test]
    fn a_second_merge_with_the_ledger_of_the_first_changes_nothing(
        submissions in submissions(),
        ledger in ledgers(),
    ) {
        let first = merged(&submissions, &ledger);
        // What the ledger forgets is free for others, so a policy that is refused now may decide about it next.
        let refused = |reason| matches!(reason, Reason::Conflicted | Reason::Invalid);
        let refused = first.verdicts.values().any(|verdict| refused(verdict.reason));
        let settled = (!refused || first.cleared.is_empty()).then(|| ledger.settled(&first));
        for ledger in settled.into_iter().chain([ledger.next(&first, &first.program)]) {
            let second = merged(&submissions, &ledger);
            // What a guest's clear rule leaves clear is clear without it, too, once the ledger has forgotten it.
            let treated = |merged: &Merged| topics().map(|topic| {
                let rule = merged.program.decide(&topic);
                rule.map_or(Treatment::Clear, |rule| rule.treatment.clone())
            }).collect::<Vec<_>>();
            let reasons = |merged: &Merged| merged.verdicts.iter().map(|(id, verdict)| {
                (id.clone(), verdict.reason)
            }).collect::<BTreeMap<_, _>>();
            prop_assert_eq!(reasons(&first), reasons(&second));
            prop_assert_eq!(treated(&first), treated(&second));
            prop_assert_eq!(ledger.settled(&second), ledger.settled(&first));
        }
    }
}
