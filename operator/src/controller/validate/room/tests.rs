//! Who gets room, and who is turned away.

use serde_json::json;

use super::cost::Cost;
use crate::controller::dereference::Observed;
use crate::controller::fixtures::{RULE, judge, observed, policy_of, proxy, told};
use crate::controller::validate::id_of;
use crate::policies::{Admission, Reason, Submission};

/// A rule of so many names of 200 characters.
fn rules(prefix: &str, count: usize) -> String {
    let names = (0..count)
        .map(|index| json!({"name": format!("{prefix}{index:0>width$}", width = 200 - prefix.len())}));
    let rules: Vec<_> = names
        .collect::<Vec<_>>()
        .chunks(64)
        .map(|topics| json!({"topics": topics, "key": {"name": "k"}}))
        .collect();
    json!(rules).to_string()
}

fn shared(policies: Vec<operator_api::TopicEncryptionPolicy>) -> Observed {
    Observed {
        policies,
        proxies: vec![proxy("proxies", "{allowedPolicies: {namespaces: All}}")],
        ..observed()
    }
}

fn verdicts(observed: &Observed) -> Vec<(Reason, String)> {
    let judgement = judge(observed);
    let verdict = |policy| &judgement.merged.verdicts[&id_of(policy)];
    observed.policies.iter().map(verdict).map(|verdict| (verdict.reason, verdict.message())).collect()
}

#[test]
fn a_tenant_cannot_fill_what_others_need() {
    let mut late = policy_of("kafka", "payments", RULE);
    late.metadata.creation_timestamp = serde_json::from_value(json!("2026-08-20T11:00:00Z")).unwrap();
    let large = policy_of("shop", "large", &rules("a", 500));
    let found = verdicts(&shared(vec![large, late]));
    assert_eq!(found[0].0, Reason::Invalid);
    assert!(found[0].1.contains("namespace shop"), "{}", found[0].1);
    assert_eq!(found[1].0, Reason::Accepted);
}

#[test]
fn what_is_turned_away_is_told_to_nobody() {
    let observed = shared(vec![policy_of("shop", "large", &rules("a", 500))]);
    assert_eq!(judge(&observed).merged.program.rules().count(), 0);
}

#[test]
fn the_home_of_the_cluster_has_all_the_room_but_no_more() {
    let fits = shared(vec![policy_of("kafka", "large", &rules("a", 850))]);
    assert_eq!(verdicts(&fits)[0].0, Reason::Accepted);
    let found = verdicts(&shared(vec![policy_of("kafka", "large", &rules("a", 1000))]));
    assert_eq!(found[0].0, Reason::Invalid);
    assert!(found[0].1.contains("all policies"), "{}", found[0].1);
}

/// A rule for each of so many patterns, with a key of a long name for each if asked.
fn keyed(count: usize, keys: usize) -> String {
    let rule = |index: usize| {
        let key = format!("{:x>200}", index % keys);
        json!({"topics": [{"name": format!("t{index}")}], "key": {"name": key}})
    };
    json!((0..count).map(rule).collect::<Vec<_>>()).to_string()
}

#[test]
fn what_is_counted_is_no_less_than_what_is_written() {
    for rules in [keyed(300, 300), keyed(300, 1), rules("a", 800)] {
        let observed = shared(vec![policy_of("kafka", "large", &rules)]);
        let judgement = judge(&observed);
        let mut submissions = vec![Submission {
            id: id_of(&observed.policies[0]),
            created: None,
            generation: 1,
            rules: observed.policies[0].spec.rules.clone(),
            admission: Admission::Allowed,
        }];
        let counted = Cost::of(&judgement.ledger).beyond(&submissions.remove(0));
        let data = told(observed).ours.config.unwrap().data.unwrap();
        let written: usize =
            ["policy.yaml", "sources.yaml", "ledger.yaml"].map(|file| data[file].len()).iter().sum();
        assert!(written <= counted, "{written} are written, {counted} are counted");
        assert!(written > counted / 3, "{written} are written, {counted} are counted");
    }
}

#[test]
fn long_names_of_keys_take_room() {
    let found = verdicts(&shared(vec![policy_of("shop", "large", &keyed(60, 60))]));
    assert_eq!(found[0].0, Reason::Accepted);
    let found = verdicts(&shared(vec![policy_of("shop", "large", &keyed(300, 1))]));
    assert_eq!(found[0].0, Reason::Invalid);
    assert!(found[0].1.contains("shorter names of keys"), "{}", found[0].1);
}

#[test]
fn a_namespace_other_than_the_clusters_has_so_many_local_keys_and_no_more() {
    let short = |from: usize, to: usize| {
        let rule =
            |index| json!({"topics": [{"name": format!("t{index}")}], "key": {"name": format!("k{index}")}});
        json!((from..to).map(rule).collect::<Vec<_>>()).to_string()
    };
    let mut late = policy_of("shop", "late", &short(64, 65));
    late.metadata.creation_timestamp = serde_json::from_value(json!("2026-08-20T11:00:00Z")).unwrap();
    let both = shared(vec![policy_of("shop", "keys", &short(0, 64)), late.clone()]);
    let found = verdicts(&both);
    assert_eq!((found[0].0, found[1].0), (Reason::Accepted, Reason::Invalid));
    assert!(found[1].1.contains("rules: namespace shop would have 65 local keys"), "{}", found[1].1);
    // Keys that it had before count, too, and go on.
    let mut later = told(both);
    later.policies = vec![late, policy_of("shop", "keys", &short(0, 1))];
    let found = verdicts(&later);
    assert_eq!((found[0].0, found[1].0), (Reason::Invalid, Reason::Accepted));
    let home = verdicts(&shared(vec![policy_of("kafka", "keys", &short(0, 65))]));
    assert_eq!(home[0].0, Reason::Accepted);
}

#[test]
fn guests_together_leave_room_for_the_namespace_of_the_cluster() {
    let mut policies: Vec<_> = (0..4)
        .map(|index| policy_of(&format!("shop{index}"), "large", &rules(&format!("p{index}"), 250)))
        .collect();
    let mut home = policy_of("kafka", "large", &rules("h", 250));
    home.metadata.creation_timestamp = serde_json::from_value(json!("2026-08-20T11:00:00Z")).unwrap();
    policies.push(home);
    let found = verdicts(&shared(policies));
    assert_eq!((found[1].0, found[3].0, found[4].0), (Reason::Accepted, Reason::Invalid, Reason::Accepted));
    assert!(found[3].1.contains("all namespaces other than kafka"), "{}", found[3].1);
}

#[test]
fn a_pattern_of_somebody_else_takes_room_for_whoever_names_it_too() {
    let mut observed = told(shared(vec![policy_of("shop", "large", &rules("a", 250))]));
    let again = |index| policy_of("shop", &format!("other{index}"), &rules("a", 250));
    observed.policies.extend((0..3).map(again));
    assert!(verdicts(&observed).iter().any(|(reason, _)| *reason == Reason::Invalid));
}

#[test]
fn what_the_ledger_holds_counts_but_never_turns_its_own_policy_away() {
    let mut observed = told(shared(vec![policy_of("shop", "large", &rules("a", 250))]));
    assert_eq!(verdicts(&observed)[0].0, Reason::Accepted);
    // Former patterns take their room for good: changing them again and again does not make more of it.
    observed.policies = vec![policy_of("shop", "large", &rules("b", 250))];
    assert_eq!(verdicts(&observed)[0].0, Reason::Invalid);
    observed.policies = vec![policy_of("shop", "large", &rules("a", 250))];
    assert_eq!(verdicts(&observed)[0].0, Reason::Accepted);
}
