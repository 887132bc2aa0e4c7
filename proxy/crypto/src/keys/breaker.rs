//! Leaves a provider alone that does not answer.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::limits::{KeyLimits, jittered};

pub(super) struct Breaker {
    state: Mutex<State>,
    failures: u32,
    pause: Duration,
}

#[derive(Default)]
struct State {
    /// Without an answer, one after the other.
    failures: u32,
    /// The provider's epoch when it last failed to answer: what failed is the provider as it was then.
    epoch: u64,
    open_until: Option<Instant>,
    /// One call is under way that decides whether the circuit closes.
    probing: bool,
}

/// Leave to make one call. Dropped without a report, it decides nothing.
pub(super) struct Permit<'a> {
    breaker: &'a Breaker,
    probe: bool,
}

impl Breaker {
    pub(super) fn new(limits: &KeyLimits) -> Self {
        Self {
            state: Mutex::default(),
            failures: limits.breaker_failures.max(1),
            pause: limits.breaker_pause,
        }
    }

    /// `None` while the provider is left alone.
    pub(super) fn enter(&self, epoch: u64) -> Option<Permit<'_>> {
        let mut state = self.state();
        state.close_for(epoch);
        if state.leaves_alone() {
            return None;
        }
        let probe = state.open_until.is_some();
        state.probing |= probe;
        Some(Permit { breaker: self, probe })
    }

    /// Whether a call would not be made now.
    pub(super) fn leaves_alone(&self, epoch: u64) -> bool {
        let mut state = self.state();
        state.close_for(epoch);
        state.leaves_alone()
    }

    /// Whether the last call had no answer.
    pub(super) fn is_failing(&self, epoch: u64) -> bool {
        let mut state = self.state();
        state.close_for(epoch);
        state.failures > 0
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// A provider with another epoch may answer otherwise.
    fn close_for(&mut self, epoch: u64) {
        if self.epoch != epoch {
            (self.epoch, self.failures, self.open_until) = (epoch, 0, None);
        }
    }

    fn leaves_alone(&self) -> bool {
        self.open_until.is_some_and(|until| self.probing || Instant::now() < until)
    }
}

impl Permit<'_> {
    /// Says whether the provider answered, be it with a no.
    pub(super) fn report(self, answered: bool) {
        let mut state = self.breaker.state();
        if answered {
            state.failures = 0;
            state.open_until = None;
        } else {
            state.failures = state.failures.saturating_add(1);
            if self.probe || state.failures >= self.breaker.failures {
                state.open_until = Some(Instant::now() + jittered(self.breaker.pause));
            }
        }
    }
}

impl Permit<'_> {
    /// The same for a question that anybody can provoke who stores records: without an answer, it counts, but does not open
    /// the circuit that is closed. Else garbage alone could keep the provider from all others.
    pub(super) fn report_provoked(self, answered: bool) {
        if answered || self.probe {
            return self.report(answered);
        }
        let mut state = self.breaker.state();
        state.failures = state.failures.saturating_add(1).min(self.breaker.failures.saturating_sub(1).max(1));
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if self.probe {
            self.breaker.state().probing = false;
        }
    }
}
