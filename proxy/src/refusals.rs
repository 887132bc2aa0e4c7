//! What the proxy itself answered with an error: counted, and told to the audit log.
//!
//! A client may be refused as often as it likes to ask. The audit log has the first refusal of a kind at once, and then one
//! line a minute with how many there were, up to the last of them.

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
    fn kind(&self) -> Kind {
        let topic = self.topic.filter(|topic| topic.len() <= NAME_BYTES).map(Arc::from);
        Kind { direction: self.direction, reason: self.reason, topic }
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
            tell(&refused.kind(), Some(refused), partitions);
        }
    }

    /// Tells of those that no line told of for a minute. To be called now and then.
    pub(crate) fn flush(&self, now: Instant) {
        for (kind, partitions) in self.told.flush(now) {
            tell(&kind, None, partitions);
        }
    }

    /// Tells of all that no line told of. To be called at the end.
    pub(crate) fn end(&self) {
        for (kind, partitions) in self.told.rest() {
            tell(&kind, None, partitions);
        }
    }

    /// How many refusals of this kind a line is to tell of, if it is time for one.
    fn due(&self, refused: &Refused<'_>, now: Instant) -> Option<u64> {
        let kind = refused.kind();
        let rest = Kind { topic: None, ..kind };
        self.told.due(kind, || rest, now)
    }
}

/// With one of them, where the line is because of it.
fn tell(kind: &Kind, one: Option<&Refused<'_>>, partitions: u64) {
    tracing::info!(
        target: "audit",
        event = "refused",
        direction = kind.direction.as_str(),
        reason = kind.reason.as_str(),
        topic = kind.topic.as_deref(),
        partition = one.map(|refused| refused.partition),
        offset = one.and_then(|refused| refused.offset),
        cause = one.and_then(|refused| refused.cause),
        partitions,
    );
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
