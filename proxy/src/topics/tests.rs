use super::*;

const A: TopicId = [1; 16];
const B: TopicId = [2; 16];
const NOT_COMPACTED: Facts = Facts { compacted: Some(false), max_message_bytes: None };

#[test]
fn a_topic_made_again_has_a_new_id_and_no_facts() {
    let topics = Topics::default();
    topics.learn([("orders", A)].into_iter());
    topics.set_facts("orders", NOT_COMPACTED);
    topics.learn([("orders", A)].into_iter());
    assert!(topics.facts("orders").is_some());
    topics.learn([("orders", B)].into_iter());
    assert_eq!(topics.facts("orders"), None);
    assert_eq!(topics.id("orders"), Some(B));
    assert_eq!(topics.name(&A).as_deref(), Some("orders"));
}

#[test]
fn not_being_told_does_not_replace_what_was_told() {
    let topics = Topics::default();
    topics.keep_facts("orders");
    assert_eq!(topics.facts("orders"), Some(Facts::UNKNOWN));
    let told = Facts { compacted: Some(false), max_message_bytes: Some(1) };
    topics.set_facts("orders", told);
    topics.keep_facts("orders");
    assert_eq!(topics.facts("orders"), Some(told));
}

#[test]
fn what_was_told_before_an_alteration_is_neither_used_nor_kept() {
    let topics = Topics::default();
    topics.set_facts("orders", NOT_COMPACTED);
    topics.note_altered();
    assert_eq!(topics.facts("orders"), None);
    topics.keep_facts("orders");
    assert_eq!(topics.facts("orders"), Some(Facts::UNKNOWN));
    topics.set_facts("orders", NOT_COMPACTED);
    assert_eq!(topics.facts("orders"), Some(NOT_COMPACTED));
}

/// The operator compares it with what it is now.
#[test]
fn what_was_told_before_an_alteration_is_still_shown() {
    let topics = Topics::default();
    topics.set_facts("orders", NOT_COMPACTED);
    topics.note_altered();
    assert_eq!(topics.describe()["facts"]["orders"]["compacted"], false);
}

#[test]
fn what_is_told_just_after_an_alteration_is_asked_for_again_soon() {
    let past = |seconds| Instant::now().checked_sub(Duration::from_secs(seconds)).unwrap();
    let known = Known { altered: Some(past(20)), ..Known::default() };
    let is_fresh = |asked| known.is_fresh(&Dated { facts: NOT_COMPACTED, since: asked, told: asked });
    assert!(!is_fresh(past(21)), "told before");
    assert!(!is_fresh(past(16)), "by a broker that may not have known");
    assert!(is_fresh(past(14)), "by one that did");
}

/// Conformance: TE-B05.
#[test]
fn an_id_with_two_names_has_none() {
    let topics = Topics::default();
    topics.learn([("orders", A)].into_iter());
    topics.learn([("payments", A)].into_iter());
    topics.learn([("orders", A)].into_iter());
    assert_eq!(topics.name(&A), None);
    assert!(!topics.is_askable(&A), "no answer would be believed");
}

#[test]
fn an_id_without_a_name_is_not_asked_for_again_at_once() {
    let topics = Topics::default();
    assert!(topics.is_askable(&A));
    topics.note_asked(&[A]);
    assert!(!topics.is_askable(&A));
    topics.learn([("orders", A)].into_iter());
    assert!(!topics.is_askable(&A), "known now");
}

#[test]
fn the_zero_id_is_no_id() {
    let topics = Topics::default();
    topics.learn([("orders", [0; 16])].into_iter());
    assert_eq!(topics.id("orders"), None);
}
