//! Edits that are told in steps.

use super::{brief, find, healthy, policy_status, proxy_status, serving};
use crate::controller::dereference::Observed;
use crate::controller::fixtures::{config_with, judge, pod, policy};
use crate::controller::rollout::{Situation, Told, step};
use crate::controller::validate::file;
use crate::policies::Program;

const EDITED: &str = "[{topics: [{prefix: payments.}, {prefix: orders.}], key: {name: payments}}]";

/// A fleet in the middle of an edit: the file holds the first step, which so many proxies have loaded.
fn edited(loaded: usize) -> Observed {
    let mut observed = healthy();
    observed.policies = vec![policy(EDITED)];
    let before = file(&observed, "policy.yaml").unwrap().to_owned();
    let judgement = judge(&observed);
    let first = step(&Situation {
        target: &judgement.merged.program,
        current: Program::parse(&before).ok().as_ref(),
        changed: None,
        ledger: &judgement.ledger,
        fleet: &observed.fleet,
        told: &Told::default(),
    });
    assert!(!first.last, "it takes several steps");
    config_with(&mut observed, "policy.yaml", &first.text);
    for index in 0..loaded {
        observed.fleet[index] = pod(&format!("pod-{index}"), &first.text);
    }
    observed
}

#[test]
fn one_proxy_that_lags_behind_in_the_first_step_is_one() {
    let observed = edited(2);
    let (policies, proxies) = (policy_status(&observed), proxy_status(&observed));
    for (conditions, count) in
        [(policies.conditions, policies.proxies), (proxies.conditions, proxies.proxies)]
    {
        assert_eq!(count.unwrap().summary, "2/3");
        let (status, reason, message) = find(&conditions, "Programmed");
        assert_eq!((status.as_str(), reason.as_str()), ("False", "Reconciling"));
        assert!(message.contains("2 of 3") && message.contains("a first step"), "{message}");
        assert!(message.contains("pod-2") && !message.contains("pod-1"), "{message}");
        assert_eq!(brief(&conditions, "Ready"), "False Reconciling");
    }
    assert_eq!(serving(&observed), (3, 2), "no alert that none serves");
}

#[test]
fn the_first_step_is_not_the_target_though_all_have_loaded_it() {
    let mut observed = edited(3);
    observed.fleet[1].report.as_mut().unwrap().keys.clear();
    for conditions in [policy_status(&observed).conditions, proxy_status(&observed).conditions] {
        let (status, _, message) = find(&conditions, "Programmed");
        assert_eq!(status, "False");
        assert!(message.contains("3 of 3") && message.contains("try the keys"), "{message}");
    }
    assert_eq!(policy_status(&observed).proxies.unwrap().summary, "3/3");
}
