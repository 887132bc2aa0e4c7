//! What the proxy itself answered with an error: counted, and told to the audit log.
//!
//! A client may be refused as often as it likes to ask. The audit log has the first refusal of a kind at once, and then one
//! line a minute with how many there were.

use crate::metrics::CounterSet;
use crate::metrics::labels::{Direction, Refusal};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Between two lines about the same.
const INTERVAL: Duration = Duration::from_mins(1);
/// Topics and reasons that are told apart; the rest share a line.
const KINDS: usize = 1024;
/// Longer names are no topics'.
const NAME_BYTES: usize = 249;

#[derive(Clone, PartialEq, Eq, Hash)]
struct Kind {
    direction: Direction,
    reason: Refusal,
    topic: Option<Arc<str>>,
}

struct Told {
    at: Instant,
    since: u64,
}

/// One partition that was refused.
pub(crate) struct Refused<'a> {
    pub(crate) direction: Direction,
    pub(crate) reason: Refusal,
    /// None where the name is not known, or is no name.
    pub(crate) topic: Option<&'a str>,
    pub(crate) partition: i32,
    /// The record that it was about, and why, where that is known.
    pub(crate) offset: Option<i64>,
    pub(crate) cause: Option<&'a str>,
}

impl Refused<'_> {
    fn name(&self) -> Option<&str> {
        self.topic.filter(|topic| topic.len() <= NAME_BYTES)
    }
}

pub(crate) struct Refusals {
    counters: CounterSet<Refusal>,
    told: Mutex<HashMap<Kind, Told>>,
}

impl Refusals {
    pub(crate) fn new(counters: CounterSet<Refusal>) -> Self {
        Self { counters, told: Mutex::default() }
    }

    pub(crate) fn count(&self, refused: &Refused<'_>) {
        self.counters.inc(refused.reason);
        if let Some(partitions) = self.due(refused, Instant::now()) {
            tracing::info!(
                target: "audit",
                event = "refused",
                direction = refused.direction.as_str(),
                reason = refused.reason.as_str(),
                topic = refused.name(),
                partition = refused.partition,
                offset = refused.offset,
                cause = refused.cause,
                partitions,
            );
        }
    }

    /// How many refusals of this kind a line is to tell of, if it is time for one.
    fn due(&self, refused: &Refused<'_>, now: Instant) -> Option<u64> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let Refused { direction, reason, .. } = *refused;
        let mut kind = Kind { direction, reason, topic: refused.name().map(Arc::from) };
        if told.len() >= KINDS && !told.contains_key(&kind) {
            told.retain(|_, told| now.duration_since(told.at) < INTERVAL);
            if told.len() >= KINDS {
                kind.topic = None;
            }
        }
        let Some(told) = told.get_mut(&kind) else {
            told.insert(kind, Told { at: now, since: 0 });
            return Some(1);
        };
        told.since += 1;
        if now.duration_since(told.at) < INTERVAL {
            return None;
        }
        told.at = now;
        Some(std::mem::take(&mut told.since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus_client::registry::Registry;

    fn refusals() -> Refusals {
        Refusals::new(CounterSet::register(&mut Registry::default(), "refused", "refused"))
    }

    fn of(topic: &str) -> Refused<'_> {
        let (direction, reason) = (Direction::Fetch, Refusal::KeyRefused);
        Refused { direction, reason, topic: Some(topic), partition: 0, offset: None, cause: None }
    }

    #[test]
    fn the_first_is_told_at_once_and_then_each_minute_how_many_there_were() {
        let (refusals, start) = (refusals(), Instant::now());
        assert_eq!(refusals.due(&of("a"), start), Some(1));
        assert_eq!(refusals.due(&of("b"), start), Some(1), "another topic");
        assert_eq!(refusals.due(&of("a"), start + Duration::from_secs(1)), None);
        assert_eq!(refusals.due(&of("a"), start + Duration::from_secs(59)), None);
        assert_eq!(refusals.due(&of("a"), start + INTERVAL), Some(3));
        assert_eq!(refusals.due(&of("a"), start + INTERVAL + Duration::from_secs(1)), None);
    }

    #[test]
    fn names_of_topics_do_not_fill_the_memory() {
        let (refusals, start) = (refusals(), Instant::now());
        for topic in 0..10 * KINDS {
            refusals.due(&of(&topic.to_string()), start);
        }
        // Each direction and reason has one kind without a topic.
        assert_eq!(refusals.told.lock().unwrap().len(), KINDS + 1);
        assert_eq!(refusals.due(&of("new"), start + INTERVAL), Some(1), "the old ones made room");
    }
}
