//! What was encrypted once, and how it becomes clear.

use super::{PAYMENTS, cluster, rule};
use crate::policies::WarningKind;

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
