use super::*;
use std::sync::Arc;

fn producer() -> Producer {
    Producer { topic: TopicKey::Name("t".into()), partition: 0, id: 7, epoch: 0 }
}

#[test]
fn behind_a_refusal_everything_is_refused_until_the_sequence_comes_again() {
    let sequences = Sequences::default();
    sequences.refused(&producer(), 0, Code::NotEnoughReplicas);
    assert_eq!(sequences.admit(&producer(), 5), Admission::Refuse(Code::NotEnoughReplicas));
    assert_eq!(sequences.admit(&producer(), 9), Admission::Refuse(Code::NotEnoughReplicas));
    assert_eq!(sequences.admit(&producer(), 0), Admission::Send);
}

#[test]
fn a_second_refusal_keeps_the_first_sequence() {
    let sequences = Sequences::default();
    sequences.refused(&producer(), 0, Code::NotEnoughReplicas);
    sequences.refused(&producer(), 5, Code::NotEnoughReplicas);
    assert_eq!(sequences.admit(&producer(), 5), Admission::Refuse(Code::NotEnoughReplicas));
    assert_eq!(sequences.admit(&producer(), 0), Admission::Send);
}

#[test]
fn behind_a_final_refusal_batches_are_out_of_order() {
    let sequences = Sequences::default();
    sequences.refused(&producer(), 0, Code::MessageTooLarge);
    assert_eq!(sequences.admit(&producer(), 5), Admission::Refuse(Code::OutOfOrderSequenceNumber));
}

#[test]
fn the_first_batch_goes_alone() {
    let sequences = Sequences::default();
    assert_eq!(sequences.admit(&producer(), 0), Admission::Send);
    assert_eq!(sequences.admit(&producer(), 5), Admission::Wait);
    sequences.answered(&producer(), true);
    assert_eq!(sequences.admit(&producer(), 5), Admission::Send);
    assert_eq!(sequences.admit(&producer(), 9), Admission::Send);
}

#[test]
fn behind_a_first_batch_that_the_broker_failed_nothing_goes() {
    let sequences = Sequences::default();
    assert_eq!(sequences.admit(&producer(), 0), Admission::Send);
    sequences.failed(&producer(), 0);
    assert_eq!(sequences.admit(&producer(), 5), Admission::Refuse(Code::OutOfOrderSequenceNumber));
    assert_eq!(sequences.admit(&producer(), 0), Admission::Send);
}

#[test]
fn a_failed_first_batch_comes_before_what_was_refused_behind_it() {
    let sequences = Sequences::default();
    assert_eq!(sequences.admit(&producer(), 0), Admission::Send);
    sequences.refused(&producer(), 5, Code::NotEnoughReplicas);
    sequences.failed(&producer(), 0);
    assert_eq!(sequences.admit(&producer(), 5), Admission::Refuse(Code::OutOfOrderSequenceNumber));
    assert_eq!(sequences.admit(&producer(), 0), Admission::Send);
}

#[test]
fn a_refusal_counts_on_when_the_name_behind_the_id_becomes_known() {
    let sequences = Sequences::default();
    let nameless = Producer { topic: TopicKey::Id([1; 16]), ..producer() };
    sequences.refused(&nameless, 0, Code::UnknownTopicId);
    sequences.named([1; 16], &producer());
    assert_eq!(sequences.admit(&producer(), 5), Admission::Refuse(Code::OutOfOrderSequenceNumber));
    assert_eq!(sequences.admit(&producer(), 0), Admission::Send);
}

#[test]
fn another_epoch_is_another_producer() {
    let sequences = Sequences::default();
    sequences.refused(&producer(), 0, Code::NotEnoughReplicas);
    let bumped = Producer { epoch: 1, ..producer() };
    assert_eq!(sequences.admit(&bumped, 0), Admission::Send);
}

fn producers(ids: std::ops::Range<i64>) -> impl Iterator<Item = Producer> {
    ids.map(|id| Producer { id, ..producer() })
}

/// How many are remembered.
fn remembered(sequences: &Sequences) -> usize {
    sequences.lock().len()
}

const MOST: i64 = 10_000;

#[test]
fn no_more_producers_are_remembered_than_allowed_within_one_request_either() {
    let sequences = Sequences::default();
    for producer in producers(0..MOST) {
        assert_eq!(sequences.admit(&producer, 0), Admission::Send);
    }
    assert!(!sequences.has_overflown());
    // Those that are remembered go on as ever.
    assert_eq!(sequences.admit(&producer(), 5), Admission::Wait);
    assert!(!sequences.has_overflown());
    for producer in producers(MOST..2 * MOST) {
        assert_eq!(sequences.admit(&producer, 0), Admission::Refuse(Code::NotEnoughReplicas));
    }
    assert_eq!((remembered(&sequences), sequences.has_overflown()), (MAX_PRODUCERS, true));
}

#[test]
fn producers_that_are_refused_count() {
    let sequences = Sequences::default();
    producers(0..MOST).for_each(|producer| sequences.refused(&producer, 0, Code::InvalidRecord));
    assert!(!sequences.has_overflown());
    producers(MOST..2 * MOST).for_each(|producer| sequences.refused(&producer, 0, Code::InvalidRecord));
    assert_eq!((remembered(&sequences), sequences.has_overflown()), (MAX_PRODUCERS, true));
}

#[test]
fn producers_without_open_business_are_forgotten_first() {
    let sequences = Sequences::default();
    for producer in producers(0..3 * MOST) {
        assert_eq!(sequences.admit(&producer, 0), Admission::Send);
        sequences.answered(&producer, true);
    }
    assert!(!sequences.has_overflown() && remembered(&sequences) <= MAX_PRODUCERS);
}

#[tokio::test]
async fn a_waiting_batch_goes_on_when_the_first_is_answered() {
    let sequences = Arc::new(Sequences::default());
    assert_eq!(sequences.admit(&producer(), 0), Admission::Send);
    let waiting = tokio::spawn({
        let sequences = Arc::clone(&sequences);
        async move { sequences.admitted(&producer(), 5).await }
    });
    tokio::task::yield_now().await;
    sequences.answered(&producer(), true);
    assert_eq!(waiting.await.unwrap(), Admission::Send);
}
