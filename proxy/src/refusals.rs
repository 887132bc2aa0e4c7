//! What the proxy itself answered with an error: counted, and told to the audit log.
//!
//! A client may be refused as often as it likes to ask. The audit log has the first refusal of a kind at once, and then one
//! line a minute with how many there were.

use crate::metrics::CounterSet;
use crate::metrics::labels::{Direction, Refusal};
use crate::repeats::Repeats;
use std::sync::Arc;
use std::time::Instant;

/// Longer names are no topics'.
const NAME_BYTES: usize = 249;

#[derive(Clone, PartialEq, Eq, Hash)]
struct Kind {
    direction: Direction,
    reason: Refusal,
    topic: Option<Arc<str>>,
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
    told: Repeats<Kind>,
}

impl Refusals {
    pub(crate) fn new(counters: CounterSet<Refusal>) -> Self {
        Self { counters, told: Repeats::default() }
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
        let Refused { direction, reason, .. } = *refused;
        let kind = |topic| Kind { direction, reason, topic };
        self.told.due(kind(refused.name().map(Arc::from)), || kind(None), now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus_client::registry::Registry;

    fn of(topic: &str) -> Refused<'_> {
        let (direction, reason) = (Direction::Fetch, Refusal::KeyRefused);
        Refused { direction, reason, topic: Some(topic), partition: 0, offset: None, cause: None }
    }

    #[test]
    fn topics_reasons_and_directions_are_told_apart() {
        let counters = CounterSet::register(&mut Registry::default(), "refused", "refused");
        let (refusals, now) = (Refusals::new(counters), Instant::now());
        assert_eq!(refusals.due(&of("a"), now), Some(1));
        assert_eq!(refusals.due(&Refused { partition: 1, ..of("a") }, now), None);
        assert_eq!(refusals.due(&of("b"), now), Some(1));
        assert_eq!(refusals.due(&Refused { reason: Refusal::KeyUnknown, ..of("a") }, now), Some(1));
        assert_eq!(refusals.due(&Refused { direction: Direction::Produce, ..of("a") }, now), Some(1));
        let long = "a".repeat(NAME_BYTES + 1);
        assert_eq!(refusals.due(&of(&long), now), Some(1));
        assert_eq!(refusals.due(&Refused { topic: None, ..of("a") }, now), None, "no name either");
    }
}
