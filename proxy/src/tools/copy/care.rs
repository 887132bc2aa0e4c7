//! Records that are not to be copied just so.

use super::super::opening::{PlainRecord, Unopened};
use super::{CopyError, Plan};
use crate::client::{Place, Topic};
use proxy_config::{Boundary, Decision, EffectivePolicy, History, OnPlaintext, TopicId};
use std::collections::BTreeMap;

/// What becomes of what the source does not vouch for.
#[derive(Debug, Clone)]
pub(super) struct Care {
    /// Before which offset of each partition the source's rule lets records in clear pass; none where it lets all pass.
    clear_until: Option<BTreeMap<i32, i64>>,
    /// Otherwise it would become authentic unseen.
    seal_clear: bool,
    pub(super) skip_unopened: bool,
}

impl Care {
    /// Where the target is in clear too, nothing looks more authentic than it did.
    pub(super) fn of(policy: &EffectivePolicy, plan: &Plan, source: &Topic, seals: bool) -> Self {
        let clear_until = match policy.decide(&plan.source) {
            Decision::Encrypt(rule) => match rule.on_plaintext {
                OnPlaintext::Pass => None,
                OnPlaintext::PassUntil => Some(ends(&plan.history, source)),
                OnPlaintext::Reject => Some(BTreeMap::new()),
            },
            _ => None,
        };
        Self { clear_until, seal_clear: plan.seal_clear || !seals, skip_unopened: plan.skip_unopened }
    }

    pub(super) fn permits(&self, place: &Place, record: &PlainRecord<'_>) -> Result<(), CopyError> {
        if !record.clear {
            return Ok(());
        }
        let ends = self.clear_until.as_ref();
        let passes =
            ends.is_none_or(|ends| ends.get(&place.partition).is_some_and(|end| record.offset < *end));
        match (passes, self.seal_clear) {
            (false, _) => Err(CopyError::ClearRefused(place.clone(), record.offset)),
            (true, false) => Err(CopyError::ClearRecord(place.clone(), record.offset)),
            (true, true) => Ok(()),
        }
    }

    pub(super) fn stop(&self, place: &Place, unopened: Unopened) -> CopyError {
        if self.skip_unopened {
            CopyError::NotLost(place.clone(), unopened)
        } else {
            CopyError::Unopened(place.clone(), unopened)
        }
    }
}

/// Where history ends, of the partitions of which that is known.
fn ends(history: &History, source: &Topic) -> BTreeMap<i32, i64> {
    let Ok(id) = uuid::Uuid::parse_str(&source.id) else { return BTreeMap::new() };
    let id = TopicId(id.into_bytes());
    let end = |partition: &i32| match history.boundary(&source.name, id, *partition) {
        Boundary::At(end) => Some((*partition, end)),
        _ => None,
    };
    source.partitions.iter().filter_map(end).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proxy_config::{TopicHistory, TopicName};

    #[test]
    fn history_ends_where_the_proxy_noted_it_and_nowhere_else() {
        let id = uuid::Uuid::from_bytes([7; 16]);
        let mut history = History::default();
        let name = TopicName::new("t").unwrap();
        assert!(history.add(TopicId([7; 16]), TopicHistory::new(name, vec![Some(5), None])));
        let topic = |id: String| Topic { name: "t".into(), id, partitions: vec![0, 1, 2] };
        // A partition that came later has no history.
        assert_eq!(ends(&history, &topic(id.to_string())), BTreeMap::from([(0, 5), (2, 0)]));
        let other = uuid::Uuid::from_bytes([8; 16]);
        assert!(ends(&history, &topic(other.to_string())).is_empty(), "a topic that was created again");
    }
}
