//! What a proxy knows of ends of history now.

use super::YOUTH;
use super::settling::Settling;
use proxy_config::{History, Pattern, TopicHistory, TopicId};
use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

#[derive(Debug)]
pub(super) struct State {
    pub(super) history: History,
    /// Since when rules of these patterns let history pass; none where that was so before this program started.
    pub(super) since: BTreeMap<Pattern, Option<Instant>>,
    /// Ends that are not settled yet. Not on disk: after a restart brokers are asked anew.
    pub(super) settling: Settling,
    /// The first offset that is left, as brokers say.
    pub(super) starts: HashMap<(TopicId, i32), i64>,
}

impl State {
    /// Nothing yet. Ends count once they were told twice, so much time apart.
    pub(super) fn new(settles: Duration) -> Self {
        Self {
            history: History::default(),
            since: BTreeMap::new(),
            settling: Settling::new(settles),
            starts: HashMap::new(),
        }
    }

    pub(super) fn is_grown(&self, pattern: &Pattern) -> bool {
        self.since.get(pattern).is_some_and(|since| since.is_none_or(|since| since.elapsed() >= YOUTH))
    }

    /// A pattern that nothing is known of is not young: a policy that is about to be replaced may still name it.
    pub(super) fn is_young(&self, pattern: &Pattern) -> bool {
        self.since.contains_key(pattern) && !self.is_grown(pattern)
    }

    /// Offsets below the ends of a topic that retention has left. Each is a clear record at most: compaction leaves gaps.
    pub(super) fn left(&self, id: TopicId, topic: &TopicHistory) -> Option<u64> {
        let left = topic.until().iter().zip(0..).map(|(end, partition)| match end {
            Some(0) => Some(0),
            Some(end) => {
                let start = self.starts.get(&(id, partition))?;
                Some(u64::try_from(end.saturating_sub(*start)).unwrap_or(0))
            }
            None => None,
        });
        left.sum()
    }
}
