//! Who gets room, and who is turned away.

use serde_json::json;

use crate::controller::dereference::Observed;
use crate::controller::fixtures::{RULE, judge, observed, policy_of, proxy};
use crate::controller::validate::id_of;
use crate::policies::Reason;

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
    let fits = shared(vec![policy_of("kafka", "large", &rules("a", 900))]);
    assert_eq!(verdicts(&fits)[0].0, Reason::Accepted);
    let found = verdicts(&shared(vec![policy_of("kafka", "large", &rules("a", 1000))]));
    assert_eq!(found[0].0, Reason::Invalid);
    assert!(found[0].1.contains("all policies"), "{}", found[0].1);
}

#[test]
fn what_the_ledger_holds_counts_but_never_turns_its_own_policy_away() {
    let mut observed =
        crate::controller::fixtures::told(shared(vec![policy_of("shop", "large", &rules("a", 250))]));
    assert_eq!(verdicts(&observed)[0].0, Reason::Accepted);
    // Former patterns take their room for good: changing them again and again does not make more of it.
    observed.policies = vec![policy_of("shop", "large", &rules("b", 250))];
    assert_eq!(verdicts(&observed)[0].0, Reason::Invalid);
    observed.policies = vec![policy_of("shop", "large", &rules("a", 250))];
    assert_eq!(verdicts(&observed)[0].0, Reason::Accepted);
}
