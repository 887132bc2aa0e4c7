//! Where history ends in the topics under `onPlaintext: PassUntil`: what this proxy learned, what it was told, and on disk what
//! it must not forget.
//!
//! An end is used only once it is on disk, where there is a file for it. It never moves up, whoever learns from whom
//! (see [`History`]).

use proxy_config::{
    Boundary, Decision, EffectivePolicy, History, HistoryError, OnPlaintext, Pattern, TopicHistory, TopicId,
    Winner,
};
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

/// Nobody is asked for ends before this time after a rule came in force: batches that went upstream in clear under the policy
/// before it are still on their way, and belong to history.
pub(crate) const SETTLING: Duration = Duration::from_secs(10);
/// Beginnings of partitions that are remembered.
const MAX_STARTS: usize = 1_000_000;

/// What this proxy knows.
#[derive(Debug, Default)]
pub struct Histories {
    path: Option<PathBuf>,
    /// Held while the file is read or written; makes changes exclude each other.
    changing: Mutex<bool>,
    state: RwLock<State>,
}

#[derive(Debug, Default)]
struct State {
    history: History,
    /// Since when rules of these patterns let history pass.
    since: BTreeMap<Pattern, Instant>,
    /// The first offset that is left, as brokers say.
    starts: HashMap<(TopicId, i32), i64>,
}

/// What a rule lets pass of a partition's clear records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Passing {
    /// All of them, while the rule is young.
    All,
    /// Those at smaller offsets.
    Below(i64),
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
    /// Kept in this file, if there is one.
    pub fn new(path: Option<PathBuf>) -> Self {
        Self { path, ..Self::default() }
    }

    /// Takes over what a policy says. To be called before the policy comes in force.
    pub(super) fn load(&self, effective: &EffectivePolicy) -> Result<(), HistoryError> {
        let mut loaded = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let known = match &self.path {
            Some(path) if !*loaded => History::load(path)?,
            _ => self.read(|state| state.history.clone()),
        };
        let mut next = known.clone();
        next.merge(effective.policy().history());
        // Whatever is written to these in clear is no attack; they begin anew if they are ever encrypted again.
        next.retain(|topic| {
            !matches!(
                effective.decide(topic),
                Decision::Disabled | Decision::Unmatched(_) | Decision::Internal
            )
        });
        if let Some(path) = self.path.as_ref().filter(|_| next != known) {
            next.save(path)?;
        }
        *loaded = true;
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        state.history = next;
        let since = std::mem::take(&mut state.since);
        let rules = effective.policy().rules().iter().filter(|rule| match &rule.action {
            proxy_config::Action::Encrypt(rule) => rule.on_plaintext == OnPlaintext::PassUntil,
            _ => false,
        });
        let patterns = rules.flat_map(|rule| &rule.topics);
        state.since = patterns.map(|each| (each.clone(), since.get(each).copied().unwrap_or(now))).collect();
        Ok(())
    }

    /// Takes over what brokers said of a topic. It is on disk before anybody uses it.
    pub(crate) fn learn(&self, id: TopicId, topic: TopicHistory) -> Result<(), HistoryError> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut next = self.read(|state| state.history.clone());
        let name = topic.topic().clone();
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
            Some(Boundary::Untaken | Boundary::Unknown) | None if !state.is_settled(pattern) => Passing::All,
            Some(Boundary::Untaken | Boundary::Unknown) | None => Passing::Unknown,
        })
    }

    /// Whether brokers should be asked for ends of a topic now.
    pub(crate) fn wants(&self, effective: &EffectivePolicy, topic: &str, id: Option<TopicId>) -> bool {
        let explanation = effective.explain(topic);
        let Decision::Encrypt(rule) = explanation.decision else { return false };
        let Some(Winner::Rule { pattern, .. }) = explanation.winner else { return false };
        rule.on_plaintext == OnPlaintext::PassUntil
            && self.read(|state| {
                let known = id.and_then(|id| state.history.topic(id));
                state.is_settled(pattern) && known.is_none_or(|known| known.untaken().next().is_some())
            })
    }

    /// What is known of a topic; none where it is to be asked for.
    pub(crate) fn known(&self, topic: &str, id: TopicId) -> Option<TopicHistory> {
        self.read(|state| match state.history.topic(id) {
            None if state.history.boundary(topic, id, 0) == Boundary::MadeAnew => {
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

impl State {
    fn is_settled(&self, pattern: &Pattern) -> bool {
        self.since.get(pattern).is_some_and(|since| since.elapsed() >= SETTLING)
    }

    /// Offsets below the ends of a topic that retention has left. Each is a clear record at most: compaction leaves gaps.
    fn left(&self, id: TopicId, topic: &TopicHistory) -> Option<u64> {
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

#[cfg(test)]
mod tests;
