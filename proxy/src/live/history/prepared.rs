//! What a policy says of ends of history: first on disk, then in use.

use super::Histories;
use super::state::State;
use proxy_config::{Decision, EffectivePolicy, History, HistoryError, OnPlaintext, Pattern};
use std::sync::{MutexGuard, PoisonError, RwLock};
use std::time::Instant;

/// What a policy says, on disk and not in use yet. Nothing else changes meanwhile.
#[must_use = "it counts only once it is taken"]
pub(in crate::live) struct Prepared<'a> {
    state: &'a RwLock<State>,
    loaded: MutexGuard<'a, bool>,
    next: History,
    /// Of rules that let history pass.
    patterns: Vec<Pattern>,
}

impl Histories {
    /// Brings what a policy says to disk. It counts once it is [taken](Prepared::take), which is to be before the policy comes in
    /// force.
    pub(in crate::live) fn prepare(&self, effective: &EffectivePolicy) -> Result<Prepared<'_>, HistoryError> {
        let loaded = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
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
        let rules = effective.policy().rules().iter().filter(|rule| match &rule.action {
            proxy_config::Action::Encrypt(rule) => rule.on_plaintext == OnPlaintext::PassUntil,
            _ => false,
        });
        let patterns = rules.flat_map(|rule| &rule.topics).cloned().collect();
        Ok(Prepared { state: &self.state, loaded, next, patterns })
    }
}

impl Prepared<'_> {
    /// Uses it from now on.
    pub(in crate::live) fn take(mut self) {
        // A start is no change to a rule, and must not open a topic for a while: nothing went through this program in clear.
        let begins = self.loaded.then(Instant::now);
        *self.loaded = true;
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.settling.retain(|id| self.next.topic(id).is_some());
        state.history = self.next;
        let since = std::mem::take(&mut state.since);
        let since = |pattern: &Pattern| since.get(pattern).copied().unwrap_or(begins);
        state.since = self.patterns.into_iter().map(|pattern| (pattern.clone(), since(&pattern))).collect();
    }
}
