//! Data keys that are replaced because an annotation says so.

use super::{find, has, policy_status, proxy_status, with_pods};
use crate::controller::dereference::Observed;
use crate::controller::fixtures::{judge, policy, policy_of, told, with_proxy};
use crate::names::ROTATE_ANNOTATION;
use crate::policies::Program;

const OTHER: &str = "[{topics: [{name: refunds}], key: {name: other}}]";

/// Two policies with a key each.
fn observed() -> Observed {
    let mut observed = with_proxy("{replicas: 2}");
    observed.policies = vec![policy(crate::controller::fixtures::RULE), policy_of("kafka", "other", OTHER)];
    observed
}

fn ask(object: &mut impl kube::ResourceExt, word: &str) {
    object.annotations_mut().insert(ROTATE_ANNOTATION.to_owned(), word.to_owned());
}

/// The marks by key.
fn marks(observed: &Observed) -> Vec<(String, String)> {
    let program = judge(observed).merged.program;
    assert_eq!(Program::parse(&program.to_yaml()).unwrap().rotations(), program.rotations());
    program.rotations().marks().map(|(key, mark)| (key.name.to_string(), mark.to_owned())).collect()
}

fn keys(observed: &Observed) -> Vec<String> {
    marks(observed).into_iter().map(|(key, _)| key).collect()
}

#[test]
fn a_policy_asks_for_its_own_keys_and_an_encryption_proxy_for_all() {
    let mut observed = observed();
    assert!(marks(&observed).is_empty());
    ask(&mut observed.policies[0], "once");
    assert_eq!(keys(&observed), ["payments"]);
    let before = marks(&observed);
    ask(&mut observed.policies[0], "twice");
    assert_ne!(marks(&observed), before);
    ask(&mut observed.proxies[0], "all");
    assert_eq!(keys(&observed), ["other", "payments"]);
}

#[test]
fn what_is_paused_or_refused_asks_for_nothing() {
    let mut observed = observed();
    ask(&mut observed.policies[0], "once");
    let paused = crate::names::PAUSE_ANNOTATION.to_owned();
    observed.policies[0].metadata.annotations.as_mut().unwrap().insert(paused, "true".to_owned());
    assert!(marks(&observed).is_empty());
    let mut late = policy_of("kafka", "late", OTHER);
    late.metadata.creation_timestamp = serde_json::from_str("\"2026-08-20T12:00:00Z\"").unwrap();
    ask(&mut late, "once");
    observed.policies.push(late);
    assert!(marks(&observed).is_empty(), "the older policy has the pattern");
}

#[test]
fn the_status_says_when_every_proxy_was_told() {
    let mut asked = observed();
    ask(&mut asked.policies[0], "2027-01-01");
    let mut observed = with_pods(told(asked), 2);
    let (holds, _, message) = find(&policy_status(&observed).conditions, "DataKeysRotated");
    assert_eq!(holds, "True");
    assert!(message.contains("2 of 2 proxies") && message.contains("2027-01-01"), "{message}");
    assert!(!has(&proxy_status(&observed).conditions, "DataKeysRotated"), "nobody asked it");
    let before = judge(&self::observed()).merged.program.to_yaml();
    observed.fleet[1].report.as_mut().unwrap().policy = Some(crate::names::sha256(&before));
    let (holds, reason, message) = find(&policy_status(&observed).conditions, "DataKeysRotated");
    assert_eq!((holds.as_str(), reason.as_str()), ("False", "Reconciling"));
    assert!(message.contains("1 of 2 proxies"), "{message}");
}
