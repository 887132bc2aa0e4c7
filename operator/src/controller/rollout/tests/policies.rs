//! Edits of policies, lagging proxies, and an operator that begins anew.

use super::{Cluster, NOTHING, ONE, OTHER_KEY, TWO_RULES, encrypts, goes_on, is_pending, target, treatment};
use crate::controller::fixtures::{judge, observed, pod, policy, told as after_a_pass};
use crate::controller::rollout::{Told, has_loaded};
use crate::pods::Phase;
use crate::policies::{PolicyId, Treatment};

#[test]
fn a_removed_rule_is_retired_at_once() {
    let mut cluster = Cluster::settled(TWO_RULES);
    let mut observed = observed();
    observed.policies = vec![policy(TWO_RULES)];
    let mut observed = after_a_pass(observed);
    observed.policies = vec![policy(ONE)];
    let step = cluster.pass(&judge(&observed).merged.program);
    assert!(step.last && encrypts(&step, "a.x", "one"));
    assert!(matches!(treatment(&step, "b.x"), Treatment::Retired { .. }));
}

#[test]
fn a_new_key_is_tried_by_every_proxy_before_any_writes_with_it() {
    let mut cluster = Cluster::settled(ONE);
    cluster.all_try(&["one"]);
    let target = target(OTHER_KEY);
    let first = cluster.pass(&target);
    assert!(!first.last && encrypts(&first, "a.x", "one"));
    let keys: Vec<_> = first.program.read_keys().iter().map(|key| key.name.as_str()).collect();
    assert_eq!(keys, ["two"]);
    cluster.all_load();
    assert!(!cluster.pass(&target).last, "nobody has tried it");
    cluster.all_try(&["one", "two"]);
    let last = cluster.pass(&target);
    assert!(last.last && encrypts(&last, "a.x", "two"));
}

#[test]
fn an_edit_elsewhere_leaves_what_is_encrypted_alone() {
    let mut cluster = Cluster::settled(ONE);
    let step = cluster.pass(&target(TWO_RULES));
    assert!(encrypts(&step, "a.x", "one") && goes_on(&step, "b.x"));
}

#[test]
fn a_proxy_that_does_not_answer_holds_up_nothing_that_stays_as_it_is() {
    let mut cluster = Cluster::settled(ONE);
    cluster.fleet[1].report = Err("its admin port does not answer".to_owned());
    let before = cluster.text.clone();
    let step = cluster.pass(&target(ONE));
    assert!(step.last && step.text == before);
    let step = cluster.pass(&target(TWO_RULES));
    assert!(encrypts(&step, "a.x", "one") && goes_on(&step, "b.x"));
}

#[test]
fn a_hole_that_closes_waits_for_a_proxy_that_does_not_answer() {
    let hole =
        "[{topics: [{prefix: a.}], key: {name: one}}, {topics: [{prefix: a.open.}], encryption: Disabled}]";
    let mut cluster = Cluster::settled(hole);
    cluster.fleet[1].report = Err("its admin port does not answer".to_owned());
    let target = target(ONE);
    assert!(goes_on(&cluster.pass(&target), "a.open.x"));
    cluster.load(0);
    let second = cluster.pass(&target);
    assert!(goes_on(&second, "a.open.x") && encrypts(&second, "a.x", "one"));
}

#[test]
fn a_proxy_that_lags_behind_is_remembered_with_what_it_was_told() {
    let mut cluster = Cluster::waiting(NOTHING, &target(ONE));
    // pod-1 stays where it is, while the other follows.
    cluster.load(0);
    for number in 0..40 {
        let edited = format!(
            "{}, {{topics: [{{name: c{number}}}], encryption: Disabled}}]",
            ONE.trim_end_matches(']')
        );
        let step = cluster.pass(&target(&edited));
        assert!(is_pending(&step, "a.x"), "after {number} edits");
    }
    // Another rule comes meanwhile, and the pattern still waits.
    let step = cluster.pass(&target(TWO_RULES));
    assert!(is_pending(&step, "a.x") && goes_on(&step, "b.x"));
    for _ in 0..2 {
        cluster.all_load();
        assert!(!cluster.pass(&target(TWO_RULES)).last);
    }
    cluster.all_load();
    assert!(cluster.pass(&target(TWO_RULES)).last);
}

/// Of what a rule has in a later version, a proxy of an earlier one refuses the whole file, and goes on with the one before.
#[test]
fn a_rule_that_an_older_proxy_refuses_holds_back_every_edit_until_that_is_gone() {
    for field in ["headers: [user-id]", "recordKeys: {pseudonymKey: AQID/w==}"] {
        let newer = format!("{{topics: [{{prefix: a.}}], key: {{name: one}}, format: Record, {field}}}");
        let edited = format!("[{newer}, {{topics: [{{prefix: b.}}], key: {{name: two}}}}]");
        let mut cluster = Cluster::settled(ONE);
        let follow = |cluster: &mut Cluster| {
            cluster.load(0);
            assert!(cluster.text.contains(field.split(':').next().unwrap()), "{}", cluster.text);
            cluster.fleet[1].report.as_mut().unwrap().policy_error = Some("no known field".to_owned());
        };
        assert!(cluster.pass(&target(&format!("[{newer}]"))).last);
        follow(&mut cluster);
        for pass in 0..4 {
            let step = cluster.pass(&target(&edited));
            assert!(goes_on(&step, "b.x") && encrypts(&step, "a.x", "one"), "{field}");
            assert!(step.behind.contains(&"pod pod-1 refuses its files: no known field".to_owned()));
            // The other follows.
            assert_eq!(step.behind.len(), if pass == 0 { 2 } else { 1 }, "{:?}", step.behind);
            follow(&mut cluster);
        }
        // A new one takes its place.
        cluster.fleet[1] = cluster.fleet[0].clone();
        assert!(is_pending(&cluster.pass(&target(&edited)), "b.x"), "{field}");
        cluster.all_load();
        let last = cluster.pass(&target(&edited));
        assert!(last.last && encrypts(&last, "b.x", "two"), "{field}");
    }
}

#[test]
fn what_is_told_again_is_not_the_next_to_be_forgotten() {
    let mut cluster = Cluster::settled(ONE);
    let edited = |number: u32| {
        target(&format!(
            "{}, {{topics: [{{name: c{number}}}], encryption: Disabled}}]",
            ONE.trim_end_matches(']')
        ))
    };
    for number in 0..15 {
        cluster.pass(&edited(number));
    }
    cluster.pass(&target(ONE));
    cluster.pass(&edited(99));
    let step = cluster.pass(&edited(99));
    assert!(
        step.last
            && has_loaded(
                &cluster.fleet[0],
                &cluster.told,
                &target(ONE),
                &PolicyId::new("kafka", "payments")
            )
    );
}

#[test]
fn an_operator_that_begins_anew_knows_what_the_file_says() {
    let mut cluster = Cluster::settled(ONE);
    let before = cluster.text.clone();
    cluster.told = Told::default();
    let step = cluster.pass(&target(ONE));
    assert!(step.last && step.text == before, "nothing is held up by a restart");
    assert!(has_loaded(&cluster.fleet[0], &cluster.told, &target(ONE), &PolicyId::new("kafka", "payments")));
}

#[test]
fn an_operator_that_begins_anew_in_the_middle_waits_as_the_one_before_it() {
    let target = target(ONE);
    let mut cluster = Cluster::waiting(NOTHING, &target);
    cluster.load(0);
    cluster.told = Told::default();
    assert!(is_pending(&cluster.pass(&target), "a.x"), "pod-1 may still write in clear");
    cluster.load(1);
    assert!(cluster.pass(&target).last);
}

#[test]
fn without_the_file_nothing_is_known_of_proxies_that_run() {
    let mut cluster = Cluster::settled(ONE);
    cluster.told = Told::default();
    cluster.text.clear();
    assert!(is_pending(&cluster.pass(&target(ONE)), "a.x"));
}

#[test]
fn a_proxy_has_loaded_a_policy_when_its_rules_are_in_force_there() {
    let mut cluster = Cluster::settled(NOTHING);
    let (target, id) = (target(ONE), PolicyId::new("kafka", "payments"));
    let loaded = |cluster: &Cluster| has_loaded(&cluster.fleet[0], &cluster.told, &target, &id);
    for _ in 0..2 {
        cluster.pass(&target);
        cluster.all_load();
        assert!(!loaded(&cluster), "a step on the way is not what it says");
    }
    cluster.pass(&target);
    cluster.all_load();
    assert!(loaded(&cluster));
    let stranger = pod("pod-9", "a file that nobody knows");
    assert!(!has_loaded(&stranger, &cluster.told, &target, &id));
}

#[test]
fn a_proxy_that_runs_without_any_policy_is_not_ready_for_encryption() {
    let mut cluster = Cluster::settled(NOTHING);
    let target = target(ONE);
    cluster.fleet[1].report.as_mut().unwrap().policy = None;
    cluster.fleet[1].phase = Phase::Running { ready: false };
    cluster.pass(&target);
    cluster.load(0);
    assert!(goes_on(&cluster.pass(&target), "a.x"));
}
