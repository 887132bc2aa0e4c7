//! Topics that had data before they were encrypted.

use super::{find, has, policy_status, with_pods};
use crate::controller::dereference::Observed;
use crate::controller::fixtures::{judge, policy, policy_of, told, with_proxy};

const PAYMENTS: &str = "AAAAAAAAAAAAAAAAAAAAAA";
const REFUNDS: &str = "BBBBBBBBBBBBBBBBBBBBBA";

fn adopting(rule: &str) -> Observed {
    let mut observed = with_proxy("{replicas: 2}");
    observed.policies = vec![
        policy(&format!("[{{topics: [{{prefix: payments.}}], key: {{name: payments}}{rule}}}]")),
        policy_of("kafka", "other", "[{topics: [{name: refunds}], key: {name: payments}}]"),
    ];
    with_pods(told(observed), 2)
}

/// What a pod tells of history.
fn tells(observed: &mut Observed, pod: usize, history: &str) {
    let report = observed.fleet[pod].report.as_mut().unwrap();
    report.history = serde_yaml::from_str(history).unwrap();
}

fn status(observed: &Observed) -> (String, String) {
    let (_, reason, message) = find(&policy_status(observed).conditions, "History");
    (reason, message)
}

#[test]
fn all_proxies_are_told_the_lower_ends_and_the_ledger_keeps_them() {
    let mut observed = adopting(", onPlaintext: PassUntil");
    tells(&mut observed, 0, &format!("[{{topic: payments.a, id: {PAYMENTS}, until: [7, -1]}}]"));
    tells(&mut observed, 1, &format!("[{{topic: payments.a, id: {PAYMENTS}, until: [9, 3, 5]}}]"));
    let judgement = judge(&observed);
    let text = judgement.merged.program.to_yaml();
    assert!(text.contains("topic: payments.a") && text.contains("- 7\n") && text.contains("- 3\n"), "{text}");
    assert!(!text.contains("- 9\n") && !text.contains("- 5\n"), "{text}");
    let kept = crate::policies::Ledger::parse(&judgement.ledger.to_yaml()).unwrap();
    assert_eq!(kept, judgement.ledger);
    assert_eq!(kept.history(), judgement.merged.program.history());
    assert!(kept.serial() > judgement.stored.unwrap().serial(), "a change");
}

#[test]
fn what_another_rule_decides_is_kept_and_not_told() {
    let mut observed = adopting(", onPlaintext: PassUntil");
    let history = format!(
        "[{{topic: payments.a, id: {PAYMENTS}, until: [7]}}, {{topic: refunds, id: {REFUNDS}, until: [7]}}]"
    );
    tells(&mut observed, 0, &history);
    let judgement = judge(&observed);
    assert_eq!(judgement.ledger.history().topics().count(), 2);
    assert_eq!(judgement.merged.program.history().topics().count(), 1);
    let settled = judgement.ledger.settled(&judgement.merged);
    assert_eq!(settled.history().topics().count(), 2, "both are encrypted");
}

#[test]
fn what_is_clear_again_is_forgotten() {
    let mut observed = adopting(", onPlaintext: PassUntil");
    tells(&mut observed, 0, &format!("[{{topic: payments.a, id: {PAYMENTS}, until: [7]}}]"));
    let ledger = judge(&observed).ledger;
    observed.policies[0] = policy("[{topics: [{prefix: payments.}], encryption: Disabled}]");
    let judgement = judge(&observed);
    assert!(ledger.settled(&judgement.merged).history().is_empty());
}

#[test]
fn the_status_tells_how_much_is_left_and_when_nothing_is() {
    let mut observed = adopting(", onPlaintext: PassUntil");
    assert_eq!(status(&observed).0, "NotKnown");
    let history = |until: i64, left: &str| {
        format!(
            "[{{topic: payments.a, id: {PAYMENTS}, until: [{until}], left: {left}, rejectIsSafe: false}}]"
        )
    };
    tells(&mut observed, 0, &history(1234, "null"));
    let (reason, message) = status(&observed);
    assert_eq!(reason, "NotKnown");
    assert!(message.contains("payments.a"), "{message}");
    tells(&mut observed, 1, &history(1234, "1100"));
    let (reason, message) = status(&observed);
    assert_eq!(reason, "RecordsLeft");
    assert!(message.starts_with("at most 2000 clear records"), "{message}");
    assert!(message.contains("`topic-encryption-proxy audit --topic payments.a` tells"), "{message}");
    tells(&mut observed, 1, &history(1234, "0"));
    let (reason, message) = status(&observed);
    assert_eq!(reason, "RejectIsSafe");
    assert!(message.contains("onPlaintext: Reject") && !message.contains("audit"), "{message}");
    observed.policies.swap(0, 1);
    assert!(!has(&policy_status(&observed).conditions, "History"), "another policy's");
}

#[test]
fn nothing_is_said_of_history_where_no_rule_lets_it_pass() {
    assert!(!has(&policy_status(&adopting("")).conditions, "History"));
}
