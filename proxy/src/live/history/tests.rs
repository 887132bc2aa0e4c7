//! What passes, when brokers are asked, and what survives.

use super::*;
use proxy_config::{History, Ledger, Policy, ProviderName, TopicName};

const ID: TopicId = TopicId([1; 16]);
const PAUSE: Duration = Duration::from_mins(1);

fn effective(rules: &str) -> EffectivePolicy {
    let policy = Policy::parse(rules, &[ProviderName::new("default").unwrap()].into()).unwrap();
    EffectivePolicy::new(policy, Ledger::default())
}

fn until() -> EffectivePolicy {
    effective("rules: [{topics: [{prefix: a}], key: {name: k}, onPlaintext: PassUntil}]")
}

fn topic(until: &[i64]) -> TopicHistory {
    let until = until.iter().map(|end| (*end >= 0).then_some(*end)).collect();
    TopicHistory::new(TopicName::new("a").unwrap(), until)
}

/// One that runs already, under a policy without rules.
fn running() -> Histories {
    let histories = Histories::new(None, PAUSE);
    histories.prepare(&effective("rules: []")).unwrap().take();
    histories
}

/// Under a rule that came in force so long ago.
fn aged(histories: &Histories, age: Duration) {
    let mut state = histories.state.write().unwrap();
    for since in state.since.values_mut() {
        *since = Some(Instant::now().checked_sub(age).unwrap());
    }
}

fn passing(histories: &Histories, id: TopicId, partition: i32) -> Passing {
    let effective = until();
    let pattern = &effective.policy().rules()[0].topics[0];
    histories.passing(pattern, "a", Some(id), partition)
}

#[test]
fn everything_passes_while_the_rule_is_young_and_nothing_until_the_end_is_known() {
    let histories = running();
    histories.prepare(&until()).unwrap().take();
    assert!(histories.is_active());
    assert_eq!(passing(&histories, ID, 0), Passing::All);
    assert!(!histories.wants(&until(), "a", Some(ID)), "what was sent before the rule is still on its way");
    aged(&histories, YOUTH);
    assert_eq!(passing(&histories, ID, 0), Passing::Unknown);
    assert!(histories.wants(&until(), "a", Some(ID)) && histories.wants(&until(), "a", None));
    assert!(!histories.wants(&until(), "b", Some(ID)), "no rule");
    histories.learn(ID, topic(&[7, -1])).unwrap();
    assert_eq!(passing(&histories, ID, 0), Passing::Below(7));
    assert_eq!(passing(&histories, ID, 1), Passing::Unknown);
    assert_eq!(passing(&histories, ID, 2), Passing::Below(0), "a partition that came later");
    assert_eq!(passing(&histories, TopicId([2; 16]), 0), Passing::Below(0), "a topic that was made anew");
    assert!(histories.wants(&until(), "a", Some(ID)), "one partition is unknown");
    histories.learn(ID, topic(&[9, 3])).unwrap();
    assert_eq!(passing(&histories, ID, 0), Passing::Below(7), "the lower end counts");
    assert!(!histories.wants(&until(), "a", Some(ID)));
}

#[test]
fn another_policy_with_the_same_rule_does_not_make_it_young_again() {
    let histories = running();
    histories.prepare(&until()).unwrap().take();
    aged(&histories, YOUTH);
    histories.prepare(&until()).unwrap().take();
    assert_eq!(passing(&histories, ID, 0), Passing::Unknown);
    histories.prepare(&effective("rules: [{topics: [{prefix: a}], key: {name: k}}]")).unwrap().take();
    assert!(!histories.is_active());
    histories.prepare(&until()).unwrap().take();
    assert_eq!(passing(&histories, ID, 0), Passing::All);
}

#[test]
fn what_was_learned_or_told_survives_and_is_forgotten_with_the_encryption() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history");
    let histories = Histories::new(Some(path.clone()), PAUSE);
    histories.prepare(&until()).unwrap().take();
    assert!(!path.exists(), "nothing to remember");
    histories.learn(ID, topic(&[7])).unwrap();

    let again = Histories::new(Some(path.clone()), PAUSE);
    let mut told = History::default();
    told.add(ID, topic(&[5]));
    let policy = until().policy().clone().with_history(told);
    again.prepare(&EffectivePolicy::new(policy, Ledger::default())).unwrap().take();
    assert_eq!(passing(&again, ID, 0), Passing::Below(5), "at once, and lower than what was known");
    let retired = effective("rules: [{topics: [{name: a}], encryption: Retired}]");
    again.prepare(&retired).unwrap().take();
    assert_eq!(History::load(&path).unwrap().boundary("a", ID, 0), Boundary::At(5));
    again.prepare(&effective("rules: [{topics: [{name: a}], encryption: Disabled}]")).unwrap().take();
    assert!(History::load(&path).unwrap().is_empty(), "clear records are written there rightly");
}

#[test]
fn what_is_prepared_and_not_taken_changes_nothing() {
    let histories = running();
    histories.prepare(&until()).unwrap().take();
    aged(&histories, YOUTH);
    histories.learn(ID, topic(&[7, -1])).unwrap();
    drop(histories.prepare(&effective("rules: [{topics: [{name: a}], encryption: Disabled}]")).unwrap());
    assert_eq!(passing(&histories, ID, 0), Passing::Below(7));
    assert!(histories.wants(&until(), "a", Some(ID)), "the rule is there still");
}

#[test]
fn a_start_opens_nothing_though_no_end_is_known() {
    let again = Histories::new(None, PAUSE);
    again.prepare(&until()).unwrap().take();
    assert_eq!(passing(&again, ID, 0), Passing::Unknown);
    assert!(again.wants(&until(), "a", Some(ID)), "at once");
}

#[test]
fn what_a_broker_told_once_passes_for_now_and_counts_once_it_is_told_again() {
    let histories = Histories::new(None, PAUSE);
    histories.prepare(&until()).unwrap().take();
    let (start, unknown) = (Instant::now(), topic(&[-1, -1, -1]));
    let hear = |after, ends: &[(i32, i64)]| {
        let ends = ends.iter().copied().collect();
        histories.hear(ID, &unknown, &ends, start + after).unwrap();
    };
    let due = |after| histories.due(ID, histories.known("a", ID).as_ref().unwrap(), start + after);
    hear(Duration::ZERO, &[(0, 7), (1, 0)]);
    assert_eq!(passing(&histories, ID, 0), Passing::BelowForNow(7));
    assert_eq!(passing(&histories, ID, 1), Passing::BelowForNow(0));
    assert_eq!(passing(&histories, ID, 2), Passing::Unknown, "of another leader");
    assert_eq!(passing(&histories, ID, 3), Passing::Below(0), "it came later");
    assert_eq!(histories.reports()[0].history, unknown, "nothing that others should take over");
    assert_eq!((due(PAUSE / 2), due(PAUSE)), (vec![2], vec![0, 1, 2]));
    hear(PAUSE, &[(0, 7), (1, 2), (2, 5)]);
    assert_eq!(passing(&histories, ID, 0), Passing::Below(7));
    assert_eq!(passing(&histories, ID, 1), Passing::BelowForNow(2), "something was still on its way");
    hear(PAUSE * 2, &[(0, 99), (1, 2), (2, 5), (9, 1)]);
    assert_eq!(histories.reports()[0].history, topic(&[7, 2, 5]));
}

#[test]
fn a_start_opens_nothing_where_ends_are_known() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history");
    let histories = Histories::new(Some(path.clone()), PAUSE);
    histories.prepare(&until()).unwrap().take();
    histories.learn(ID, topic(&[7, -1])).unwrap();

    let again = Histories::new(Some(path), PAUSE);
    again.prepare(&until()).unwrap().take();
    assert_eq!(passing(&again, ID, 1), Passing::Unknown);
    let effective = until();
    let pattern = &effective.policy().rules()[0].topics[0];
    assert_eq!(again.passing(pattern, "ab", Some(TopicId([2; 16])), 0), Passing::Unknown);
    assert_eq!(again.passing(pattern, "a", None, 0), Passing::Unknown);
    assert!(again.is_unheard(&effective, "ab", TopicId([2; 16])) && !again.is_unheard(&effective, "a", ID));
}

#[test]
fn what_brokers_make_up_is_not_remembered() {
    let histories = Histories::new(None, PAUSE);
    histories.prepare(&until()).unwrap().take();
    histories.learn(ID, topic(&[7])).unwrap();
    aged(&histories, YOUTH);
    let anew = TopicId([2; 16]);
    assert!(!histories.wants(&until(), "a", Some(anew)));
    histories.learn(anew, topic(&[9])).unwrap();
    assert_eq!(histories.reports().len(), 1);
    assert_eq!(passing(&histories, anew, 0), Passing::Below(0));
    assert_eq!(histories.known_end("ab", ID, 0), Some(0), "another name under the same id");
    assert_eq!(histories.known_end("a", ID, 0), Some(7));
    assert_eq!(histories.known_end("ab", anew, 0), None);
}

#[test]
fn a_pattern_that_is_not_in_force_lets_nothing_pass() {
    assert_eq!(passing(&Histories::new(None, PAUSE), ID, 0), Passing::Unknown);
}

#[test]
fn what_cannot_be_kept_is_not_used() {
    let folder = tempfile::tempdir().unwrap();
    let gone = folder.path().join("gone");
    std::fs::create_dir(&gone).unwrap();
    let histories = Histories::new(Some(gone.join("history")), PAUSE);
    histories.prepare(&until()).unwrap().take();
    aged(&histories, YOUTH);
    std::fs::remove_dir(&gone).unwrap();
    assert!(histories.learn(ID, topic(&[7])).is_err());
    assert_eq!(passing(&histories, ID, 0), Passing::Unknown);
    assert!(Histories::new(Some(gone.join("history")), PAUSE).prepare(&until()).is_err());
}

#[test]
fn what_is_left_is_known_once_every_partition_has_told_its_beginning() {
    let histories = Histories::new(None, PAUSE);
    histories.learn(ID, topic(&[10, 0, 30])).unwrap();
    let left = || histories.reports()[0].left;
    assert_eq!(left(), None);
    histories.note_start(ID, 0, 4);
    histories.note_start(ID, 2, 30);
    assert_eq!((left(), histories.left()), (Some(6), 6));
    histories.note_start(ID, 0, 2);
    assert_eq!(left(), Some(6), "a follower lags behind");
    histories.note_start(ID, 0, 12);
    assert_eq!(left(), Some(0));
    histories.note_start(TopicId([2; 16]), 0, 12);
    histories.learn(ID, topic(&[10, -1, 30])).unwrap();
    assert_eq!(histories.reports().len(), 1);
}

#[test]
fn share_groups_wait_for_what_settles_and_no_longer() {
    let told_once = || {
        let histories = Histories::new(None, PAUSE);
        histories.prepare(&until()).unwrap().take();
        assert!(histories.is_unheard(&until(), "a", ID), "nobody told anything");
        histories.hear(ID, &topic(&[-1, -1]), &[(0, 7)].into(), Instant::now()).unwrap();
        assert!(histories.is_unheard(&until(), "a", ID), "told once");
        histories
    };
    let settled = told_once();
    let known = settled.known("a", ID).unwrap();
    settled.hear(ID, &known, &[(0, 7)].into(), Instant::now() + PAUSE).unwrap();
    assert!(!settled.is_unheard(&until(), "a", ID), "the other partition has another leader");

    let from_elsewhere = told_once();
    let mut told = History::default();
    told.add(ID, topic(&[5, -1]));
    let policy = until().policy().clone().with_history(told);
    from_elsewhere.prepare(&EffectivePolicy::new(policy, Ledger::default())).unwrap().take();
    assert!(!from_elsewhere.is_unheard(&until(), "a", ID), "whoever writes the policy knows the end");

    let pass = effective("rules: [{topics: [{prefix: a}], key: {name: k}, onPlaintext: Pass}]");
    assert!(!told_once().is_unheard(&pass, "a", ID), "nothing is waited for under another rule");
}
