//! Keys that consumers are refused while new data goes on.

use super::{brief, find, has, policy_status, proxy_status, with_pods};
use crate::controller::dereference::Observed;
use crate::controller::fixtures::{policy, policy_of, told, tried, with_proxy};
use crate::pods::RefusedRead;

fn refused(topic: &str, version: &str) -> RefusedRead {
    let (topic, version) = (topic.to_owned(), Some(version.to_owned()));
    RefusedRead { topic, version, cause: "below min_decryption_version".to_owned() }
}

/// Two policies under the key `payments`, and a proxy that tells of reads of these topics in version 1.
fn observed(topics: &[&str]) -> Observed {
    let mut observed = with_proxy("{replicas: 2}");
    observed.policies = vec![
        policy("[{topics: [{prefix: payments.}], key: {name: payments}}]"),
        policy_of("kafka", "other", "[{topics: [{name: refunds}], key: {name: payments}}]"),
    ];
    let mut observed = with_pods(told(observed), 2);
    for proxy in &mut observed.fleet {
        proxy.report.as_mut().unwrap().keys = vec![tried("payments", "Ready")];
    }
    observed.fleet[1].report.as_mut().unwrap().keys[0].refused =
        topics.iter().map(|topic| refused(topic, "1")).collect();
    observed
}

#[test]
fn a_version_that_is_refused_to_readers_is_told_though_the_key_is_ready() {
    let observed = observed(&["payments.in", "payments.out"]);
    let status = policy_status(&observed);
    let (holds, reason, message) = find(&status.conditions, "ReadsRefused");
    assert_eq!((holds.as_str(), reason.as_str()), ("True", "KeyRefused"));
    let expected = "key payments, version 1, of provider default for topics payments.in, payments.out: below min_decryption_version";
    assert!(message.contains(expected), "{message}");
    assert_eq!(brief(&status.conditions, "KeysReady"), "True KeysReady");
    assert_eq!(
        brief(&status.conditions, "Ready"),
        "True Ready",
        "whoever writes to brokers can forge a version"
    );
    let (_, _, of_fleet) = find(&proxy_status(&observed).conditions, "ReadsRefused");
    assert_eq!(of_fleet, message);
}

#[test]
fn it_is_told_by_the_policy_whose_topics_are_concerned() {
    let mut observed = observed(&["refunds"]);
    assert!(!has(&policy_status(&observed).conditions, "ReadsRefused"));
    assert!(has(&proxy_status(&observed).conditions, "ReadsRefused"));
    observed.policies.swap(0, 1);
    assert!(has(&policy_status(&observed).conditions, "ReadsRefused"));
}

#[test]
fn a_former_key_of_a_rule_is_told_too() {
    let mut observed = observed(&[]);
    let keys = &mut observed.fleet[0].report.as_mut().unwrap().keys;
    keys.push(tried("former", "Unknown"));
    keys[1].refused = vec![refused("payments.in", "7")];
    let status = policy_status(&observed);
    assert!(find(&status.conditions, "ReadsRefused").2.contains("key former, version 7,"));
    assert_eq!(brief(&status.conditions, "Ready"), "True Ready");
}

#[test]
fn however_much_is_refused_the_message_is_short() {
    let topics: Vec<_> = (0..100).map(|index| format!("payments.{index}")).collect();
    let mut observed = observed(&topics.iter().map(String::as_str).collect::<Vec<_>>());
    let refused = (2..50).map(|version| refused("payments.in", &version.to_string()));
    observed.fleet[0].report.as_mut().unwrap().keys[0].refused = refused.collect();
    let (_, _, message) = find(&policy_status(&observed).conditions, "ReadsRefused");
    assert!(message.contains("97 more: below") && message.contains("; and 46 more;"), "{message}");
    assert!(message.len() < 1000, "{message}");
}

#[test]
fn nothing_is_told_where_nothing_is_refused() {
    let observed = observed(&[]);
    assert!(!has(&policy_status(&observed).conditions, "ReadsRefused"));
    assert!(!has(&proxy_status(&observed).conditions, "ReadsRefused"));
}
