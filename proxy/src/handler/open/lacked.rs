//! Keys for want of which share groups got an error: while they are not to be had, no more of their topics is asked for.
//!
//! Brokers hand a share group's records over before they are opened, and archive those that were handed over a few times for
//! nothing.

use super::NeededKey;
use super::keys::NoAnswer;
use crate::legacy;
use crate::live::{Live, LoadedPolicy};
use crate::topics::TopicId;
use proxy_config::{Decision, OnUnreadable};
use proxy_crypto::EnvelopeHeader;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Topics that are remembered. For one that is forgotten records are handed over once more.
const MAX_TOPICS: usize = 1000;
/// Keys of one topic.
const MAX_KEYS: usize = 4;

/// For all connections: a member whose connection ended comes again on another.
#[derive(Default)]
pub(crate) struct Lacked(Mutex<HashMap<TopicId, Vec<Arc<LackedKey>>>>);

/// A key of a topic's records.
pub(super) struct LackedKey {
    pub(super) topic: Box<str>,
    pub(super) needed: NeededKey,
    /// Of the policy under which it was needed.
    pub(super) generation: u64,
}

impl Lacked {
    pub(super) fn note(&self, id: TopicId, lacked: LackedKey) {
        let mut topics = self.topics();
        if topics.len() >= MAX_TOPICS
            && !topics.contains_key(&id)
            && let Some(other) = topics.keys().next().copied()
        {
            topics.remove(&other);
        }
        let keys = topics.entry(id).or_default();
        if keys.iter().any(|known| known.needed.is_same(&lacked.needed)) {
            return;
        }
        if keys.len() >= MAX_KEYS {
            keys.remove(0);
        }
        keys.push(Arc::new(lacked));
    }

    /// Asks whether some key of one of these topics is still not to be had. Those that are, are forgotten.
    pub(crate) async fn still_lacks(
        &self,
        live: &Live,
        policy: &LoadedPolicy,
        ids: impl Iterator<Item = &TopicId>,
    ) -> bool {
        for (id, lacked) in self.of(ids) {
            let is_lacking = lacked.ask_again(live, policy).await;
            if is_lacking {
                return true;
            }
            if let Some(keys) = self.topics().get_mut(&id) {
                keys.retain(|other| !Arc::ptr_eq(other, &lacked));
            }
        }
        false
    }

    fn of<'a>(&self, ids: impl Iterator<Item = &'a TopicId>) -> Vec<(TopicId, Arc<LackedKey>)> {
        let mut topics = self.topics();
        topics.retain(|_, keys| !keys.is_empty());
        if topics.is_empty() {
            return Vec::new();
        }
        let found = ids.filter_map(|id| topics.get_key_value(id));
        found.flat_map(|(id, keys)| keys.iter().map(|key| (*id, Arc::clone(key)))).collect()
    }

    fn topics(&self) -> MutexGuard<'_, HashMap<TopicId, Vec<Arc<LackedKey>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LackedKey {
    /// Tells whether it is still not to be had.
    async fn ask_again(&self, live: &Live, policy: &LoadedPolicy) -> bool {
        match &self.needed {
            NeededKey::Envelope(header) => {
                let Ok(envelope) = EnvelopeHeader::parse(header) else { return false };
                if !policy.effective.may_open(envelope.provider(), envelope.key()) {
                    return true;
                }
                match live.keys().unwrap(&envelope, &self.topic).await {
                    Ok(_) => false,
                    Err(error) if error.is_corrupt() => false,
                    Err(error) if error.is_gone() && self.goes_on_without(policy) => {
                        let is_lost = live.note_gone(&envelope);
                        !is_lost
                    }
                    Err(_) => true,
                }
            }
            // A rule that was changed may allow other keys.
            NeededKey::Legacy(_) if self.generation != policy.generation => false,
            NeededKey::Legacy(wanted) => match legacy::key(live.keys(), wanted, &self.topic).await {
                Ok(_) => false,
                Err(error) => !error.is_corrupt(),
            },
        }
    }

    /// Whether the rule says to do without records whose key is gone: then they may be archived.
    fn goes_on_without(&self, policy: &LoadedPolicy) -> bool {
        match policy.effective.decide(&self.topic) {
            Decision::Encrypt(rule) => rule.on_unreadable != OnUnreadable::Error,
            _ => false,
        }
    }
}

impl NeededKey {
    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Envelope(one), Self::Envelope(other)) => {
                match (EnvelopeHeader::parse(one), EnvelopeHeader::parse(other)) {
                    (Ok(one), Ok(other)) => {
                        (one.provider(), one.key(), one.wrapped())
                            == (other.provider(), other.key(), other.wrapped())
                    }
                    _ => false,
                }
            }
            (Self::Legacy(one), Self::Legacy(other)) => one == other,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests;
