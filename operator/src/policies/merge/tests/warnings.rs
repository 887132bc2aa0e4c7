//! What may not be meant so.

use serde_json::json;

use super::{cluster, rule};
use crate::policies::{Admission, WarningKind};

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
    assert!(cluster.merge().verdicts.values().all(super::super::Verdict::is_accepted));
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
