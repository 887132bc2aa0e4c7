//! What the proxy knows of topics: the names behind topic ids, and the facts that choose a format.
//!
//! Shared by all connections. Names come from Metadata answers; a topic id never changes its name. Facts come from
//! `DescribeConfigs` and are used for [`FACTS_FRESH`], for one topic id only, and until somebody alters the topic through this
//! proxy.

mod alterations;

pub(crate) use alterations::Alteration;

use alterations::Alterations;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;
use tokio::time::Instant;

/// KIP-516 topic id.
pub(crate) type TopicId = [u8; 16];

/// The longest name of a topic.
pub(crate) const MAX_NAME: usize = 249;

/// How long a topic's configuration is believed.
pub(crate) const FACTS_FRESH: Duration = Duration::from_mins(1);
/// How long it is believed while nobody who asks is told any more.
const FACTS_KEPT: Duration = Duration::from_mins(10);
/// How long not knowing it is believed: the topic may just have been created.
const UNKNOWN_FRESH: Duration = Duration::from_secs(5);
/// How long after an alteration a broker may still tell what was before: it learns of it from the controller.
const ALTERATION_SETTLES: Duration = UNKNOWN_FRESH;
/// Bounds of what is remembered. Beyond them ids and facts are asked for again and again, which is slow but right.
const MAX_IDS: usize = 500_000;
const MAX_FACTS: usize = 100_000;
const MAX_NAMELESS: usize = 10_000;
const MAX_UNMATCHED: usize = 10_000;

/// What `DescribeConfigs` said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Facts {
    /// `cleanup.policy` names `compact`; `None` when nobody may tell us.
    pub(crate) compacted: Option<bool>,
    pub(crate) max_message_bytes: Option<usize>,
}

impl Facts {
    pub(crate) const UNKNOWN: Self = Self { compacted: None, max_message_bytes: None };
}

#[derive(Debug, Clone, Copy)]
struct Dated {
    facts: Facts,
    since: Instant,
    /// When somebody was told last.
    told: Instant,
}

#[derive(Debug, Default)]
struct Known {
    /// `None` for an id that was given two names: a broker that says so is not believed about either.
    names: HashMap<TopicId, Option<Arc<str>>>,
    ids: HashMap<Arc<str>, TopicId>,
    facts: HashMap<Arc<str>, Dated>,
    /// When room was made for more of them last.
    cleared: Option<Instant>,
    /// Ids that were asked for and have no name that we may know.
    nameless: HashMap<TopicId, Instant>,
    /// When topics were made, removed or configured through this proxy last.
    alterations: Alterations,
}

#[derive(Debug, Default)]
pub(crate) struct Topics {
    known: RwLock<Known>,
    unmatched: Mutex<BTreeSet<Arc<str>>>,
}

impl Topics {
    pub(crate) fn name(&self, id: &TopicId) -> Option<Arc<str>> {
        self.read(|known| known.names.get(id).cloned().flatten())
    }

    /// Whether it is worth asking for the name behind an id: it is not known, nor was it asked for in vain just now.
    pub(crate) fn is_askable(&self, id: &TopicId) -> bool {
        self.read(|known| {
            *id != [0; 16]
                && !known.names.contains_key(id)
                && known.nameless.get(id).is_none_or(|since| since.elapsed() >= UNKNOWN_FRESH)
        })
    }

    /// Remembers which of the ids that were asked for have no name.
    pub(crate) fn note_asked(&self, ids: &[TopicId]) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.nameless.retain(|_, since| since.elapsed() < UNKNOWN_FRESH);
        for id in ids {
            if !known.names.contains_key(id) && known.nameless.len() < MAX_NAMELESS {
                known.nameless.insert(*id, Instant::now());
            }
        }
    }

    pub(crate) fn id(&self, name: &str) -> Option<TopicId> {
        self.read(|known| known.ids.get(name).copied())
    }

    /// Takes over a Metadata answer's pairs; takes the lock for writing only when there is something new.
    pub(crate) fn learn<'a>(&self, pairs: impl Iterator<Item = (&'a str, TopicId)> + Clone) {
        let new = self
            .read(|known| pairs.clone().any(|(name, id)| id != [0; 16] && known.ids.get(name) != Some(&id)));
        if !new {
            return;
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        for (name, id) in pairs.filter(|(name, id)| *id != [0; 16] && !name.is_empty()) {
            known.learn(name, id);
        }
    }

    /// The facts, if they are fresh.
    pub(crate) fn facts(&self, name: &str) -> Option<Facts> {
        self.read(|known| {
            known.facts.get(name).filter(|dated| known.is_fresh(name, dated)).map(|dated| dated.facts)
        })
    }

    /// Takes over a `DescribeConfigs` answer.
    pub(crate) fn set_facts(&self, name: &str, facts: Facts) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let since = Instant::now();
        known.date(name, Dated { facts, since, told: since });
    }

    /// Nobody told. What was told before stays true until something speaks against it: a client without the right to ask
    /// must not turn other clients' batches to record format.
    pub(crate) fn keep_facts(&self, name: &str) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let told = known.facts.get(name);
        let is_kept =
            |dated: &&Dated| dated.told.elapsed() < FACTS_KEPT && !known.may_be_outdated(name, dated.told);
        let told = told.filter(is_kept);
        let since = Instant::now();
        let (facts, told) = told.map_or((Facts::UNKNOWN, since), |dated| (dated.facts, dated.told));
        known.date(name, Dated { facts, since, told });
    }

    /// Somebody made, removed or configured the topic, or may have, or a broker acts as if. No fact of before is used any more: a
    /// topic that became compacted would get whole batches for a minute, and those of one record the broker does not refuse.
    ///
    /// The facts stay for the admin server: that a topic was not compacted before is how the operator finds those that may
    /// have whole batches in them.
    pub(crate) fn note_altered(&self, name: &str, alteration: Alteration) {
        self.known.write().unwrap_or_else(PoisonError::into_inner).alterations.note(name, alteration);
    }

    /// The same of whichever topics. Facts are outdated by one mark, however many there are.
    pub(crate) fn note_all_altered(&self, alteration: Alteration) {
        self.known.write().unwrap_or_else(PoisonError::into_inner).alterations.note_all(alteration);
    }

    /// Remembers a topic that no rule matches. Returns how many were seen when it is new.
    pub(crate) fn note_unmatched(&self, name: &Arc<str>) -> Option<usize> {
        let mut unmatched = self.unmatched.lock().unwrap_or_else(PoisonError::into_inner);
        (unmatched.len() < MAX_UNMATCHED && unmatched.insert(Arc::clone(name))).then_some(unmatched.len())
    }

    /// How many topics without a rule were seen.
    pub(crate) fn unmatched(&self) -> usize {
        self.unmatched.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// For the admin server: topics without a rule, and what is known of the others.
    pub(crate) fn describe(&self) -> serde_json::Value {
        let unmatched: Vec<Arc<str>> =
            self.unmatched.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect();
        let facts: serde_json::Map<String, serde_json::Value> = self.read(|known| {
            known
                .facts
                .iter()
                .map(|(name, dated)| {
                    let facts = dated.facts;
                    let remedy = facts.compacted.is_none().then_some(
                        "unknown cleanup.policy means record format under `Auto`: grant a client DescribeConfigs on the topic",
                    );
                    (
                        name.to_string(),
                        serde_json::json!({
                            "compacted": facts.compacted,
                            "maxMessageBytes": facts.max_message_bytes,
                            "remedy": remedy,
                        }),
                    )
                })
                .collect()
        });
        serde_json::json!({ "facts": facts, "unmatched": unmatched.iter().map(ToString::to_string).collect::<Vec<_>>() })
    }

    fn read<T>(&self, look: impl FnOnce(&Known) -> T) -> T {
        look(&self.known.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Known {
    fn date(&mut self, name: &str, dated: Dated) {
        if self.facts.len() < MAX_FACTS || self.facts.contains_key(name) || self.has_made_room() {
            self.facts.insert(name.into(), dated);
        }
    }

    /// Forgets what nobody believes. What somebody was told stays: a client may name topics that do not exist, as many as it
    /// likes, and must not turn other clients' batches to record format by that. Each look is at all of them, hence the pause.
    fn has_made_room(&mut self) -> bool {
        if self.cleared.is_none_or(|cleared| cleared.elapsed() >= UNKNOWN_FRESH) {
            self.cleared = Some(Instant::now());
            self.facts.retain(|_, dated| match dated.facts.compacted {
                Some(_) => dated.told.elapsed() < FACTS_KEPT,
                None => dated.since.elapsed() < UNKNOWN_FRESH,
            });
        }
        self.facts.len() < MAX_FACTS
    }

    fn learn(&mut self, name: &str, id: TopicId) {
        if self.ids.get(name) == Some(&id) {
            return;
        }
        if self.names.len() >= MAX_IDS {
            tracing::warn!(limit = MAX_IDS, "too many topic ids: forgetting all of them");
            *self = Self { alterations: std::mem::take(&mut self.alterations), ..Self::default() };
        }
        // Own copies: a slice of the answer would pin the whole answer.
        let name: Arc<str> = name.into();
        let known = self.names.entry(id).or_insert_with(|| Some(Arc::clone(&name)));
        if known.take_if(|known| **known != *name).is_some() {
            tracing::error!(topic = %name, "a broker gave one topic id two names: the id is refused from now on");
        }
        self.facts.remove(&name);
        self.ids.insert(name, id);
    }

    fn is_fresh(&self, name: &str, dated: &Dated) -> bool {
        if self.alterations.last(name).is_some_and(|altered| dated.since <= altered) {
            return false;
        }
        let just_told = dated.facts.compacted.is_some() && dated.told == dated.since;
        let is_settled = just_told && !self.may_be_outdated(name, dated.told);
        let limit = if is_settled { FACTS_FRESH } else { UNKNOWN_FRESH };
        dated.since.elapsed() < limit
    }

    /// Whether what a broker told of the topic then may be what was before an alteration.
    fn may_be_outdated(&self, name: &str, told: Instant) -> bool {
        self.alterations.last(name).is_some_and(|altered| told < altered + ALTERATION_SETTLES)
    }
}

#[cfg(test)]
mod tests;
