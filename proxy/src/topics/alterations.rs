//! When topics were altered last. What a broker told of a topic before that is not used any more.

use super::MAX_NAME;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// The least time between two questions about a topic that doubtful alterations cause. A client without any right can have a
/// doubtful answer, such as that there was no time for its request, and many of them: without a pause each batch of others
/// would wait for a question. Nobody was told that such an alteration was done, so nobody relies on it from the next record on.
pub(super) const DOUBTS_APART: Duration = Duration::from_secs(1);
/// Topics that are remembered one by one. One more counts as all.
const MAX_TOPICS: usize = 10_000;

/// What became of an alteration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Alteration {
    /// It was done, and counts at once.
    Done,
    /// It may have been done, or still be. It counts too, but no sooner than [`DOUBTS_APART`] after the last one.
    Doubtful,
}

#[derive(Debug, Default)]
pub(super) struct Alterations {
    /// Of whichever topics.
    all: Option<Mark>,
    topics: HashMap<Arc<str>, Mark>,
}

#[derive(Debug, Clone, Copy)]
struct Mark {
    at: Instant,
    /// There was a doubtful alteration since, which counts when the pause is over.
    again: bool,
}

impl Alterations {
    /// When the topic was altered last, as far as that counts by now.
    pub(super) fn last(&self, topic: &str) -> Option<Instant> {
        let own = self.topics.get(topic).copied().map(Mark::last);
        own.max(self.all.map(Mark::last))
    }

    pub(super) fn note(&mut self, topic: &str, alteration: Alteration) {
        if topic.len() > MAX_NAME {
            return;
        }
        let before = self.topics.get(topic).copied();
        if before.is_none() && self.topics.len() >= MAX_TOPICS {
            self.note_all(alteration);
        } else {
            self.topics.insert(topic.into(), Mark::next(before, alteration));
        }
    }

    pub(super) fn note_all(&mut self, alteration: Alteration) {
        self.all = Some(Mark::next(self.all, alteration));
        if alteration == Alteration::Done {
            // None of them is later.
            self.topics.clear();
        }
    }
}

impl Mark {
    fn next(before: Option<Self>, alteration: Alteration) -> Self {
        let now = Instant::now();
        match before.map(Self::last) {
            Some(at) if alteration == Alteration::Doubtful && now < at + DOUBTS_APART => {
                Self { at, again: true }
            }
            _ => Self { at: now, again: false },
        }
    }

    fn last(self) -> Instant {
        let pause_ends = self.at + DOUBTS_APART;
        if self.again && pause_ends <= Instant::now() { pause_ends } else { self.at }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use tokio::time::advance;

    const MOMENT: Duration = Duration::from_millis(1);

    #[tokio::test(start_paused = true)]
    async fn what_was_done_counts_at_once() {
        let mut alterations = Alterations::default();
        for before in [Alteration::Done, Alteration::Doubtful, Alteration::Doubtful] {
            alterations.note("orders", before);
            advance(MOMENT).await;
            alterations.note("orders", Alteration::Done);
            assert_eq!(alterations.last("orders"), Some(Instant::now()), "after {before:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_doubtful_alteration_within_the_pause_counts_when_that_is_over() {
        let (mut alterations, start) = (Alterations::default(), Instant::now());
        alterations.note("orders", Alteration::Done);
        advance(MOMENT).await;
        alterations.note("orders", Alteration::Doubtful);
        advance(DOUBTS_APART.saturating_sub(MOMENT * 2)).await;
        assert_eq!(alterations.last("orders"), Some(start), "not yet");
        advance(MOMENT).await;
        assert_eq!(alterations.last("orders"), Some(start + DOUBTS_APART));
    }

    /// When alterations of the topic count amid doubtful ones of these topics, ten each millisecond.
    async fn counted(flood: impl Fn(u32) -> String, topic: &str) -> BTreeSet<Duration> {
        let (mut alterations, start) = (Alterations::default(), Instant::now());
        let mut counted = BTreeSet::new();
        for each in 0..35_000 {
            alterations.note(&flood(each), Alteration::Doubtful);
            counted.extend(alterations.last(topic).map(|at| at - start));
            advance(MOMENT / 10).await;
        }
        assert!(alterations.topics.len() <= MAX_TOPICS);
        counted
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_of_doubtful_alterations_counts_once_a_pause() {
        let counted = counted(|_| "orders".to_owned(), "orders").await;
        assert_eq!(counted, BTreeSet::from([0, 1, 2, 3].map(|pauses| DOUBTS_APART * pauses)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_about_ever_other_topics_counts_for_all_once_a_pause() {
        let counted = counted(|each| each.to_string(), "orders").await;
        let full = DOUBTS_APART;
        assert_eq!(counted, BTreeSet::from([0, 1, 2].map(|pauses| full + DOUBTS_APART * pauses)));
    }

    #[tokio::test(start_paused = true)]
    async fn more_topics_than_are_remembered_count_as_all() {
        let mut alterations = Alterations::default();
        for topic in 0..MAX_TOPICS {
            alterations.note(&topic.to_string(), Alteration::Done);
        }
        assert_eq!(alterations.last("orders"), None);
        alterations.note("one more", Alteration::Done);
        assert_eq!(alterations.last("orders"), Some(Instant::now()));
    }

    #[test]
    fn a_name_that_no_topic_can_have_is_not_remembered() {
        let mut alterations = Alterations::default();
        alterations.note(&"x".repeat(MAX_NAME + 1), Alteration::Done);
        assert!(alterations.topics.is_empty());
    }
}
