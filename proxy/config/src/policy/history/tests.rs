//! Ends of history: who knows what, in memory and on disk.

use proptest::prelude::*;

use super::*;

fn name(text: &str) -> TopicName {
    TopicName::new(text).unwrap()
}

fn id(number: u8) -> TopicId {
    TopicId([number; 16])
}

fn topic(text: &str, until: &[i64]) -> TopicHistory {
    TopicHistory::new(name(text), until.iter().map(|end| (*end >= 0).then_some(*end)).collect())
}

/// Few topics and small numbers, so that histories meet often. An id always has the same name.
fn histories() -> impl Strategy<Value = History> {
    let ends = prop::collection::vec(prop::option::of(0..4_i64), 0..5);
    prop::collection::btree_map(0..4_u8, ends, 0..4).prop_map(|topics| {
        let mut history = History::default();
        for (number, until) in topics {
            history.add(id(number), TopicHistory::new(name(["a", "b"][usize::from(number % 2)]), until));
        }
        history
    })
}

fn joined(one: &History, other: &History) -> History {
    let mut joined = one.clone();
    joined.merge(other);
    joined
}

/// How far up a clear record may stand to pass; none is further up than any.
fn height(boundary: Boundary) -> i64 {
    match boundary {
        Boundary::At(end) => end,
        Boundary::MadeAnew => 0,
        Boundary::Untaken | Boundary::Unknown => i64::MAX,
    }
}

proptest! {
    #[test]
    fn it_does_not_matter_who_learns_from_whom(a in histories(), b in histories(), c in histories()) {
        prop_assert_eq!(joined(&a, &b), joined(&b, &a));
        prop_assert_eq!(joined(&joined(&a, &b), &c), joined(&a, &joined(&b, &c)));
        prop_assert_eq!(joined(&a, &a), a);
    }

    #[test]
    fn an_end_never_moves_up_again(a in histories(), b in histories(), number in 0..4_u8, partition in -1..7) {
        let both = joined(&a, &b);
        let name = ["a", "b"][usize::from(number % 2)];
        for one in [&a, &b] {
            if one.topic(id(number)).is_some() {
                let now = height(both.boundary(name, id(number), partition));
                prop_assert!(now <= height(one.boundary(name, id(number), partition)));
            }
        }
    }

    #[test]
    fn merging_tells_whether_anything_is_new(a in histories(), b in histories()) {
        let mut changed = a.clone();
        prop_assert_eq!(changed.merge(&b), changed != a);
    }

    #[test]
    fn a_file_says_what_was_written(history in histories()) {
        prop_assert_eq!(History::parse(&history.to_yaml()).unwrap(), history);
    }
}

#[test]
fn the_end_of_a_partition_is_known_not_known_or_zero() {
    let mut history = History::default();
    history.add(id(1), topic("a", &[5, -1, 7]));
    assert_eq!(history.boundary("a", id(1), 0), Boundary::At(5));
    assert_eq!(history.boundary("a", id(1), 1), Boundary::Untaken);
    assert_eq!(history.boundary("a", id(1), 3), Boundary::At(0), "a partition that was added later");
    assert_eq!(history.boundary("a", id(1), -1), Boundary::At(0), "no partition");
    assert_eq!(history.boundary("a", id(2), 0), Boundary::MadeAnew, "another topic of the same name");
    assert_eq!(history.boundary("b", id(2), 0), Boundary::Unknown);
    assert_eq!(history.topic(id(1)).unwrap().untaken().collect::<Vec<_>>(), [1]);
}

#[test]
fn the_lower_end_counts_and_a_known_one_before_an_unknown_one() {
    let mut history = History::default();
    assert!(history.add(id(1), topic("a", &[5, -1, 7])));
    assert!(
        history.add(id(1), topic("a", &[6, 9])),
        "the third partition was not there when the other looked"
    );
    assert_eq!(history.topic(id(1)).unwrap(), &topic("a", &[5, 9]));
    assert!(!history.add(id(1), topic("a", &[6, 9, 3])));
    assert!(history.add(id(1), topic("a", &[])), "somebody knows that it was made anew");
    assert_eq!(history.boundary("a", id(1), 0), Boundary::At(0));
}

#[test]
fn an_id_under_another_name_raises_no_end() {
    let mut history = History::default();
    history.add(id(1), topic("a", &[5]));
    assert!(!history.add(id(1), topic("b", &[3])), "not taken over");
    assert_eq!(history.boundary("b", id(1), 0), Boundary::MadeAnew);
    assert_eq!(history.boundary("a", id(1), 0), Boundary::At(5));
}

#[test]
fn topics_that_are_clear_again_are_forgotten() {
    let mut history = History::default();
    history.add(id(1), topic("a", &[5]));
    history.add(id(2), topic("b", &[5]));
    history.retain(|topic| topic != "a");
    assert_eq!(history.boundary("a", id(3), 0), Boundary::Unknown);
    assert_eq!(history.boundary("b", id(2), 0), Boundary::At(5));
}

#[test]
fn mistakes_are_named_with_their_place() {
    let text = |entry: &str| format!("version: 1\nhistory: [{entry}]");
    let refusal = |entry: &str| History::parse(&text(entry)).unwrap_err().to_string();
    let good = "{topic: a, id: AAAAAAAAAAAAAAAAAAAAAA, until: [1]}";
    assert!(History::parse(&text(good)).is_ok());
    assert_eq!(refusal(&format!("{good}, {good}")), "history[1]: has the same id as an earlier entry");
    assert!(refusal("{topic: a, id: AAAA, until: []}").starts_with("history[0].id: must be a topic id"));
    assert!(
        refusal("{topic: a, id: AAAAAAAAAAAAAAAAAAAAAA, until: [-2]}")
            .contains("history[0].until[0]: must be")
    );
    assert_eq!(refusal("{topic: a, until: []}"), "history[0].id: is required");
}

#[test]
fn a_file_that_was_never_written_is_empty_and_a_damaged_one_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history");
    assert!(History::load(&path).unwrap().is_empty());
    let mut history = History::default();
    history.add(id(1), topic("a", &[5, -1]));
    history.save(&path).unwrap();
    assert_eq!(History::load(&path).unwrap(), history);
    std::fs::write(&path, "version: 1\n").unwrap();
    assert!(matches!(History::load(&path), Err(HistoryError::Corrupt { .. })));
    assert!(matches!(History::load(&folder.path().join("no/history")), Err(HistoryError::Read { .. })));
}
