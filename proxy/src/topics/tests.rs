use super::alterations::DOUBTS_APART;
use super::*;
use tokio::time::advance;

const MOMENT: Duration = Duration::from_millis(1);
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
    topics.note_altered("orders", Alteration::Done);
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
    topics.note_altered("orders", Alteration::Done);
    assert_eq!(topics.describe()["facts"]["orders"]["compacted"], false);
}

/// How long a broker is believed that told so long after the topic was altered.
async fn believed_after(wait: Duration) -> Duration {
    let topics = Topics::default();
    topics.note_altered("orders", Alteration::Done);
    advance(wait).await;
    topics.set_facts("orders", NOT_COMPACTED);
    let told = Instant::now();
    while topics.facts("orders").is_some() {
        advance(MOMENT).await;
    }
    told.elapsed()
}

#[tokio::test(start_paused = true)]
async fn what_is_told_just_after_an_alteration_is_asked_for_again_soon() {
    assert_eq!(
        believed_after(ALTERATION_SETTLES.saturating_sub(MOMENT)).await,
        UNKNOWN_FRESH,
        "the broker may not have known"
    );
    assert_eq!(believed_after(ALTERATION_SETTLES).await, FACTS_FRESH, "it did");
}

#[test]
fn an_alteration_of_one_topic_leaves_what_was_told_of_others() {
    let topics = Topics::default();
    topics.set_facts("orders", NOT_COMPACTED);
    topics.note_altered("payments", Alteration::Done);
    assert_eq!(topics.facts("orders"), Some(NOT_COMPACTED));
}

#[test]
fn what_may_have_altered_any_topic_outdates_what_was_told_of_each() {
    let topics = Topics::default();
    topics.set_facts("orders", NOT_COMPACTED);
    topics.note_all_altered(Alteration::Done);
    assert_eq!(topics.facts("orders"), None);
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_doubtful_alterations_has_a_topic_asked_for_once_a_pause() {
    let (topics, start, mut asked) = (Topics::default(), Instant::now(), 0);
    while start.elapsed() < DOUBTS_APART * 10 {
        topics.note_altered("orders", Alteration::Doubtful);
        if topics.facts("orders").is_none() {
            asked += 1;
            // The answer takes a moment.
            advance(MOMENT).await;
            topics.set_facts("orders", NOT_COMPACTED);
        }
        advance(MOMENT).await;
    }
    assert_eq!(asked, 10);
}

#[tokio::test(start_paused = true)]
async fn topics_that_nobody_tells_of_do_not_displace_what_was_told_of_others() {
    let topics = Topics::default();
    topics.set_facts("orders", NOT_COMPACTED);
    for number in 0..=MAX_FACTS {
        topics.keep_facts(&format!("made-up-{number}"));
    }
    assert_eq!(topics.facts("orders"), Some(NOT_COMPACTED));
    assert_eq!(topics.read(|known| known.facts.len()), MAX_FACTS);
    advance(UNKNOWN_FRESH).await;
    topics.set_facts("payments", NOT_COMPACTED);
    assert_eq!(topics.facts("payments"), Some(NOT_COMPACTED), "there is room again");
    assert_eq!(topics.facts("orders"), Some(NOT_COMPACTED));
}

#[tokio::test(start_paused = true)]
async fn amid_doubtful_alterations_one_that_was_done_counts_at_once() {
    let topics = Topics::default();
    topics.note_altered("orders", Alteration::Doubtful);
    advance(MOMENT).await;
    topics.set_facts("orders", NOT_COMPACTED);
    topics.note_altered("orders", Alteration::Doubtful);
    assert_eq!(topics.facts("orders"), Some(NOT_COMPACTED));
    topics.note_altered("orders", Alteration::Done);
    assert_eq!(topics.facts("orders"), None);
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
