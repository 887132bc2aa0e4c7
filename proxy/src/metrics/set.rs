//! One counter for each member of a closed set, resolved once.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use std::marker::PhantomData;
use std::sync::Arc;

/// A closed set of values for one label.
pub trait LabelSet: Copy + 'static {
    /// The label's name.
    const LABEL: &'static str;
    /// All members, in the order of their indexes.
    const ALL: &'static [Self];

    /// The label's value.
    fn value(self) -> &'static str;

    /// Place in [`ALL`](Self::ALL).
    fn index(self) -> usize;
}

/// The counters of a family with one label. Cheap to clone; counting is one atomic addition.
pub struct CounterSet<L> {
    counters: Arc<[Counter]>,
    label: PhantomData<L>,
}

impl<L: LabelSet> CounterSet<L> {
    /// Registers the family, with all its series at zero.
    pub fn register(registry: &mut Registry, name: impl Into<String>, help: impl Into<String>) -> Self {
        let family = Family::<[(&'static str, &'static str); 1], Counter>::default();
        let counters =
            L::ALL.iter().map(|member| family.get_or_create_owned(&[(L::LABEL, member.value())])).collect();
        registry.register(name, help, family);
        Self { counters, label: PhantomData }
    }

    /// The counter of one member.
    pub fn counter(&self, member: L) -> Counter {
        self.counters.get(member.index()).cloned().unwrap_or_default()
    }

    /// Adds to one member.
    pub fn add(&self, member: L, count: u64) {
        if let Some(counter) = self.counters.get(member.index()) {
            counter.inc_by(count);
        }
    }

    /// Adds one to one member.
    pub fn inc(&self, member: L) {
        self.add(member, 1);
    }

    /// What one member counts, for tests and status.
    pub fn count(&self, member: L) -> u64 {
        self.counters.get(member.index()).map_or(0, Counter::get)
    }
}

impl<L> Clone for CounterSet<L> {
    fn clone(&self) -> Self {
        Self { counters: Arc::clone(&self.counters), label: PhantomData }
    }
}

impl<L: LabelSet> std::fmt::Debug for CounterSet<L> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple(L::LABEL).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::labels::{CloseReason, Refusal};

    fn indexes_match<L: LabelSet>() {
        for (index, member) in L::ALL.iter().enumerate() {
            assert_eq!(member.index(), index);
        }
    }

    #[test]
    fn members_know_their_place() {
        indexes_match::<Refusal>();
        indexes_match::<CloseReason>();
    }

    #[test]
    fn clones_count_together() {
        let mut registry = Registry::default();
        let set = CounterSet::<Refusal>::register(&mut registry, "refused", "test");
        let clone = set.clone();
        clone.inc(Refusal::Corrupt);
        assert_eq!((set.count(Refusal::Corrupt), set.count(Refusal::Retired)), (1, 0));
    }
}
