//! Where history ends in the topics under `onPlaintext: PassUntil`: what this proxy learned, what it was told, and on disk what
//! it must not forget.
//!
//! An end is used only once it is on disk, where there is a file for it. It never moves up, whoever learns from whom
//! (see [`History`](proxy_config::History)).

mod prepared;
mod settling;
mod state;

use proxy_config::{
    Boundary, Decision, EffectivePolicy, HistoryError, OnPlaintext, Pattern, TopicHistory, TopicId, Winner,
};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use state::State;

/// Nobody is asked for ends before this time after a rule came in force: batches that went upstream in clear under the policy
/// before it are still on their way, and belong to history.
pub(crate) const YOUTH: Duration = Duration::from_secs(10);
/// Beginnings of partitions that are remembered.
const MAX_STARTS: usize = 1_000_000;

/// What this proxy knows.
#[derive(Debug)]
pub struct Histories {
    path: Option<PathBuf>,
    /// Held while the file is read or written; makes changes exclude each other.
    changing: Mutex<bool>,
    state: RwLock<State>,
}

/// What a rule lets pass of a partition's clear records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Passing {
    /// All of them, while the rule is young.
    All,
    /// Those at smaller offsets.
    Below(i64),
    /// The same, and of the others nobody knows yet.
    BelowForNow(i64),
    /// Nobody knows yet.
    Unknown,
}

/// One topic, for people and the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryReport {
    /// Its id.
    pub id: TopicId,
    /// Where history ends.
    pub history: TopicHistory,
    /// Clear records that may be left, at most; none where that is not known of every partition.
    pub left: Option<u64>,
}

impl Histories {
    /// Kept in this file, if there is one. Ends count once they were told twice, so much time apart.
    pub fn new(path: Option<PathBuf>, settles: Duration) -> Self {
        Self { path, changing: Mutex::default(), state: RwLock::new(State::new(settles)) }
    }

    /// Takes over what brokers told of a topic's partitions now, given which may have history.
    pub(crate) fn hear(
        &self,
        id: TopicId,
        topic: &TopicHistory,
        ends: &HashMap<i32, i64>,
        now: Instant,
    ) -> Result<(), HistoryError> {
        // That the topic may have history is on disk before anything that was told of it is used.
        self.learn(id, topic.clone())?;
        let until = {
            let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
            let mut settled = |(end, partition): (&Option<i64>, i32)| {
                end.or_else(|| state.settling.tell(id, partition, *ends.get(&partition)?, now))
            };
            topic.until().iter().zip(0..).map(&mut settled).collect()
        };
        self.learn(id, TopicHistory::new(topic.topic().clone(), until))?;
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let State { history, settling, .. } = &mut *state;
        let kept = history.topic(id).map_or(&[][..], TopicHistory::until).iter().zip(0..);
        for (_, partition) in kept.filter(|(end, _)| end.is_some()) {
            settling.forget(id, partition);
        }
        Ok(())
    }

    /// The partitions of a topic whose leader is to be asked now.
    pub(crate) fn due(&self, id: TopicId, topic: &TopicHistory, now: Instant) -> Vec<i32> {
        self.read(|state| {
            topic.untaken().filter(|partition| state.settling.is_due(id, *partition, now)).collect()
        })
    }

    /// Takes over what is settled of a topic. It is on disk before anybody uses it.
    pub(crate) fn learn(&self, id: TopicId, topic: TopicHistory) -> Result<(), HistoryError> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut next = self.read(|state| state.history.clone());
        let name = topic.topic().clone();
        // That it has no history is known without; a broker could tell of such topics without end.
        if next.boundary(name.as_str(), id, 0) == Boundary::MadeAnew {
            return Ok(());
        }
        if !next.add(id, topic) {
            return Ok(());
        }
        let known = next.topic(id).map_or(&[][..], TopicHistory::until);
        let untaken = known.iter().filter(|end| end.is_none()).count();
        if let Some(path) = &self.path {
            next.save(path)?;
        }
        tracing::info!(
            target: "audit",
            event = "historyEnds",
            topic = %name,
            topic_id = %id,
            partitions = known.len(),
            untaken,
        );
        self.state.write().unwrap_or_else(PoisonError::into_inner).history = next;
        Ok(())
    }

    /// Whether any rule asks for ends of history.
    pub(crate) fn is_active(&self) -> bool {
        self.read(|state| !state.since.is_empty())
    }

    /// What a rule with this pattern lets pass of a partition.
    pub(crate) fn passing(
        &self,
        pattern: &Pattern,
        topic: &str,
        id: Option<TopicId>,
        partition: i32,
    ) -> Passing {
        self.read(|state| match id.map(|id| state.history.boundary(topic, id, partition)) {
            Some(Boundary::At(end)) => Passing::Below(end),
            Some(Boundary::MadeAnew) => Passing::Below(0),
            // Something is known of a topic of this name, perhaps this one.
            None if state.history.topics().any(|(_, known)| known.topic().as_str() == topic) => {
                Passing::Unknown
            }
            Some(Boundary::Untaken | Boundary::Unknown) | None if state.is_young(pattern) => Passing::All,
            Some(Boundary::Untaken | Boundary::Unknown) | None => id
                .filter(|id| state.history.topic(*id).is_some())
                .and_then(|id| state.settling.end(id, partition))
                .map_or(Passing::Unknown, Passing::BelowForNow),
        })
    }

    /// What is known of a partition whose rule says nothing of its clear records any more, or not yet; none where nothing is.
    pub(crate) fn known_end(&self, topic: &str, id: TopicId, partition: i32) -> Option<i64> {
        match self.read(|state| state.history.boundary(topic, id, partition)) {
            Boundary::At(end) => Some(end),
            Boundary::MadeAnew => Some(0),
            Boundary::Untaken | Boundary::Unknown => None,
        }
    }

    /// Whether no broker told anything yet of a topic that must be asked for, or what was told does not count yet. Not for ever: an
    /// end that came from elsewhere, or a rule that wants none any more, ends the wait.
    pub(crate) fn is_unheard(&self, effective: &EffectivePolicy, topic: &str, id: TopicId) -> bool {
        if wanting(effective, topic).is_none() {
            return false;
        }
        let known = self.read(|state| {
            let known = state.history.topic(id)?;
            let waits = |partition| state.settling.end(id, partition).is_some();
            Some(state.settling.has(id) && known.untaken().any(waits))
        });
        known.unwrap_or_else(|| self.wants(effective, topic, Some(id)))
    }

    /// Whether brokers should be asked for ends of a topic now.
    pub(crate) fn wants(&self, effective: &EffectivePolicy, topic: &str, id: Option<TopicId>) -> bool {
        wanting(effective, topic).is_some_and(|pattern| {
            self.read(|state| {
                let known = id.and_then(|id| state.history.topic(id));
                let is_new = id.is_some_and(|id| state.history.boundary(topic, id, 0) == Boundary::MadeAnew);
                let is_due =
                    |partition| id.is_some_and(|id| state.settling.is_due(id, partition, Instant::now()));
                state.is_grown(pattern) && !is_new && known.is_none_or(|known| known.untaken().any(is_due))
            })
        })
    }

    /// What is known of a topic; none where it is to be asked for.
    pub(crate) fn known(&self, topic: &str, id: TopicId) -> Option<TopicHistory> {
        self.read(|state| match state.history.topic(id) {
            _ if state.history.boundary(topic, id, 0) == Boundary::MadeAnew => {
                Some(TopicHistory::new(proxy_config::TopicName::new(topic).ok()?, Vec::new()))
            }
            known => known.cloned(),
        })
    }

    /// Takes note of where a partition begins now.
    pub(crate) fn note_start(&self, id: TopicId, partition: i32, start: i64) {
        let is_new = self.read(|state| {
            state.history.topic(id).is_some()
                && state.starts.get(&(id, partition)).is_none_or(|known| *known < start)
                && state.starts.len() < MAX_STARTS
        });
        if start >= 0 && is_new {
            let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
            state.starts.insert((id, partition), start);
        }
    }

    /// Every topic that history is known of.
    pub fn reports(&self) -> Vec<HistoryReport> {
        self.read(|state| {
            let report = |(id, history): (TopicId, &TopicHistory)| HistoryReport {
                id,
                history: history.clone(),
                left: state.left(id, history),
            };
            state.history.topics().map(report).collect()
        })
    }

    /// Clear records that may be left in all topics, as far as that is known.
    pub fn left(&self) -> u64 {
        let lefts = self.read(|state| {
            let left = |(id, history)| state.left(id, history);
            state.history.topics().map(left).collect::<Vec<_>>()
        });
        lefts.into_iter().flatten().fold(0, u64::saturating_add)
    }

    fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The pattern by which a rule says `PassUntil` of a topic.
fn wanting<'a>(effective: &'a EffectivePolicy, topic: &'a str) -> Option<&'a Pattern> {
    let explanation = effective.explain(topic);
    match (explanation.decision, explanation.winner) {
        (Decision::Encrypt(rule), Some(Winner::Rule { pattern, .. }))
            if rule.on_plaintext == OnPlaintext::PassUntil =>
        {
            Some(pattern)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
