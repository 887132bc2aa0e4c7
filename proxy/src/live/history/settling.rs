//! Ends of history that a broker told once. One counts only once the broker says the same again a while later: until then batches
//! that were sent in clear before may still be on their way, or wait for followers that lag behind.

use proxy_config::TopicId;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Where records are written all the time no two answers are the same; the last of so many counts.
const MOST_ANSWERS: u8 = 3;
/// Partitions that are remembered.
const MAX_PARTITIONS: usize = 1_000_000;

/// What was told of partitions whose end is not settled.
#[derive(Debug)]
pub(super) struct Settling {
    pause: Duration,
    told: HashMap<(TopicId, i32), Told>,
    /// Partitions of each topic among them.
    topics: HashMap<TopicId, usize>,
}

#[derive(Debug, Clone, Copy)]
struct Told {
    end: i64,
    at: Instant,
    answers: u8,
    /// Nothing that is told later changes it.
    settled: bool,
}

impl Settling {
    /// With so much time between two answers.
    pub(super) fn new(pause: Duration) -> Self {
        Self { pause, told: HashMap::new(), topics: HashMap::new() }
    }

    /// What was told last.
    pub(super) fn end(&self, id: TopicId, partition: i32) -> Option<i64> {
        self.told.get(&(id, partition)).map(|told| told.end)
    }

    /// Whether it is time to ask, for the first time or again.
    pub(super) fn is_due(&self, id: TopicId, partition: i32, now: Instant) -> bool {
        let told = self.told.get(&(id, partition));
        told.is_none_or(|told| now.saturating_duration_since(told.at) >= self.pause)
    }

    /// Whether an end of a topic was told and does not count yet.
    pub(super) fn has(&self, id: TopicId) -> bool {
        self.topics.contains_key(&id)
    }

    /// Takes note of an answer. Gives the end once it is settled, until it is [forgotten](Self::forget).
    pub(super) fn tell(&mut self, id: TopicId, partition: i32, end: i64, now: Instant) -> Option<i64> {
        let place = (id, partition);
        if !self.is_due(id, partition, now) {
            return None;
        }
        let before = self.told.get(&place).copied();
        let answers = before.map_or(1, |told| told.answers.saturating_add(1));
        let (settled, end) = match before {
            Some(Told { settled: true, end, .. }) => (true, end),
            _ => (before.is_some_and(|told| told.end == end) || answers >= MOST_ANSWERS, end),
        };
        if before.is_none() {
            if self.told.len() >= MAX_PARTITIONS {
                return None;
            }
            *self.topics.entry(id).or_default() += 1;
        }
        self.told.insert(place, Told { end, at: now, answers, settled });
        settled.then_some(end)
    }

    /// An end that is kept elsewhere from now on.
    pub(super) fn forget(&mut self, id: TopicId, partition: i32) {
        if self.told.remove(&(id, partition)).is_none() {
            return;
        }
        if let Some(left) = self.topics.get_mut(&id) {
            *left = left.saturating_sub(1);
            if *left == 0 {
                self.topics.remove(&id);
            }
        }
    }

    /// Forgets topics that are not meant.
    pub(super) fn retain(&mut self, is_meant: impl Fn(TopicId) -> bool) {
        self.told.retain(|(id, _), _| is_meant(*id));
        self.topics.retain(|id, _| is_meant(*id));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: TopicId = TopicId([1; 16]);
    const PAUSE: Duration = Duration::from_mins(1);

    /// What each of these answers, so many seconds after the beginning, settles.
    fn settled(answers: &[(u64, i64)]) -> Vec<Option<i64>> {
        let (mut settling, start) = (Settling::new(PAUSE), Instant::now());
        let tell =
            |(after, end): &(u64, i64)| settling.tell(ID, 0, *end, start + Duration::from_secs(*after));
        answers.iter().map(tell).collect()
    }

    #[test]
    fn an_end_settles_by_two_equal_answers_some_time_apart() {
        assert_eq!(settled(&[(0, 7), (60, 7)]), [None, Some(7)]);
        assert_eq!(settled(&[(0, 7), (59, 7), (61, 7)]), [None, None, Some(7)], "too soon");
        assert_eq!(settled(&[(0, 7), (60, 9), (120, 9)]), [None, None, Some(9)], "something was on its way");
        assert_eq!(settled(&[(0, 7), (60, 9), (119, 9)]), [None, None, None]);
    }

    #[test]
    fn where_records_never_cease_to_come_the_third_answer_counts() {
        assert_eq!(settled(&[(0, 7), (60, 70), (120, 700)]), [None, None, Some(700)]);
    }

    #[test]
    fn nobody_is_asked_again_before_it_is_time() {
        let (mut settling, start) = (Settling::new(PAUSE), Instant::now());
        assert!(settling.is_due(ID, 0, start));
        settling.tell(ID, 0, 7, start);
        assert_eq!(settling.end(ID, 0), Some(7));
        assert!(!settling.is_due(ID, 0, start + PAUSE / 2) && settling.is_due(ID, 1, start));
        assert!(settling.is_due(ID, 0, start + PAUSE));
        settling.retain(|id| id != ID);
        assert_eq!(settling.end(ID, 0), None);
        assert!(!settling.has(ID));
    }

    #[test]
    fn a_settled_end_stays_what_it_is_until_it_is_kept_elsewhere() {
        let (mut settling, start) = (Settling::new(PAUSE), Instant::now());
        settling.tell(ID, 0, 7, start);
        assert_eq!(settling.tell(ID, 0, 7, start + PAUSE), Some(7));
        assert_eq!(settling.tell(ID, 0, 9, start + PAUSE * 2), Some(7));
        assert!(settling.has(ID));
        settling.forget(ID, 0);
        assert!(!settling.has(ID) && settling.end(ID, 0).is_none());
    }
}
