//! Keeps idempotent producers whole when a batch is refused.
//!
//! A broker without state for a producer id takes any first sequence. So when batch A is refused while B, sent behind
//! it, goes through, A is lost. Two rules close this, for each (topic, partition, producer id, epoch) of a connection:
//! after a refusal every later batch is refused until the refused sequence is seen again; and until the broker has
//! acknowledged one batch, at most one is upstream. Later batches get the same code where it is retriable. Behind a final
//! refusal they get what a broker says there, so that producers send them again under a new epoch.

use crate::handler::Code;
use crate::handler::produce::TopicKey;
use crate::topics::TopicId;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Whose batches belong together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Producer {
    /// The name, or the id while the name behind it is not known.
    pub(crate) topic: TopicKey,
    pub(crate) partition: i32,
    pub(crate) id: i64,
    pub(crate) epoch: i16,
}

/// What may happen to a batch.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    Send,
    /// Another batch is upstream and nothing is acknowledged yet.
    Wait,
    /// Behind a refused batch.
    Refuse(Code),
}

#[derive(Debug, Default)]
struct State {
    acknowledged: bool,
    upstream: u32,
    refused: Option<(i32, Code)>,
}

/// Producers of one connection that are remembered; those without open business are forgotten first. With more than that
/// the connection ends: whoever is not remembered might be let through behind a refused batch.
const MAX_PRODUCERS: usize = 10_000;

#[derive(Debug, Default)]
pub(crate) struct Sequences {
    states: Mutex<HashMap<Producer, State>>,
    /// There were more producers with open business than any client has.
    overflown: AtomicBool,
    /// Some states are those of an id whose name was not known.
    nameless: AtomicBool,
    changed: Notify,
}

impl Sequences {
    /// Asks for a batch. `Send` counts it as upstream until [`Self::answered`].
    pub(crate) fn admit(&self, producer: &Producer, sequence: i32) -> Admission {
        let mut states = self.lock();
        let Some(state) = self.state(&mut states, producer) else {
            return Admission::Refuse(Code::NotEnoughReplicas);
        };
        match state.refused {
            Some((first, code)) if first != sequence => {
                let retriable = code.is_retriable();
                return Admission::Refuse(if retriable { code } else { Code::OutOfOrderSequenceNumber });
            }
            _ => state.refused = None,
        }
        if !state.acknowledged && state.upstream > 0 {
            return Admission::Wait;
        }
        state.upstream += 1;
        Admission::Send
    }

    /// Whether a batch would be refused for its place alone, whatever else is known of it.
    pub(crate) fn is_behind(&self, producer: &Producer, sequence: i32) -> bool {
        let states = self.lock();
        states.get(producer).and_then(|state| state.refused).is_some_and(|(first, _)| first != sequence)
    }

    /// The name behind an id is known now: what was refused before it was counts on.
    pub(crate) fn named(&self, id: TopicId, producer: &Producer) {
        if !self.nameless.load(Ordering::Relaxed) {
            return;
        }
        let mut states = self.lock();
        if let Some(state) = states.remove(&Producer { topic: TopicKey::Id(id), ..producer.clone() }) {
            states.entry(producer.clone()).or_insert(state);
        }
    }

    /// The proxy refused a batch (whether admitted or not).
    pub(crate) fn refused(&self, producer: &Producer, sequence: i32, code: Code) {
        if matches!(producer.topic, TopicKey::Id(_)) {
            self.nameless.store(true, Ordering::Relaxed);
        }
        let mut states = self.lock();
        if let Some(state) = self.state(&mut states, producer) {
            state.refused.get_or_insert((sequence, code));
        }
    }

    /// Whether some producer was not remembered, as there are too many. Nothing may be sent from then on.
    pub(crate) fn has_overflown(&self) -> bool {
        self.overflown.load(Ordering::Relaxed)
    }

    /// What is known of a producer, or nothing yet. `None` when there is no room for one more.
    fn state<'a>(
        &self,
        states: &'a mut HashMap<Producer, State>,
        producer: &Producer,
    ) -> Option<&'a mut State> {
        if states.len() >= MAX_PRODUCERS && !states.contains_key(producer) {
            // Once: the connection ends, and others need not wait until all are looked through for each.
            if !self.has_overflown() {
                states.retain(|_, state| state.upstream > 0 || state.refused.is_some());
            }
            if states.len() >= MAX_PRODUCERS {
                self.overflown.store(true, Ordering::Relaxed);
                return None;
            }
        }
        Some(states.entry(producer.clone()).or_default())
    }

    /// The broker failed an admitted batch. If it has none of the producer's yet, it would take any that follows, so
    /// these wait until the failed one comes again.
    pub(crate) fn failed(&self, producer: &Producer, sequence: i32) {
        if let Some(state) = self.lock().get_mut(producer)
            && !state.acknowledged
            && state.refused.is_none_or(|(first, _)| first != sequence)
        {
            // It was the only one upstream, so it precedes whatever was refused meanwhile.
            state.refused = Some((sequence, Code::OutOfOrderSequenceNumber));
        }
        self.answered(producer, false);
    }

    /// The broker answered for an admitted batch; also called when it was refused after its admission.
    pub(crate) fn answered(&self, producer: &Producer, acknowledged: bool) {
        if let Some(state) = self.lock().get_mut(producer) {
            state.upstream = state.upstream.saturating_sub(1);
            state.acknowledged |= acknowledged;
        }
        self.changed.notify_waiters();
    }

    /// Admits as soon as no unacknowledged batch is upstream.
    pub(crate) async fn admitted(&self, producer: &Producer, sequence: i32) -> Admission {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // Registered before the look, so that no change is missed between the two.
            changed.as_mut().enable();
            match self.admit(producer, sequence) {
                Admission::Wait => changed.await,
                decided => return decided,
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Producer, State>> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
