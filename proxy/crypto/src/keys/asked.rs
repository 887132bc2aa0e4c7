//! One question to a provider: its last answer, the call under way, the last failure.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::sync::watch;
use tokio::time::Instant;

use super::Shared;
use super::limits::jittered;
use super::stats::KeyStats;
use crate::context::KmsContext;
use crate::provider::ProviderError;

/// An answer and when it was last known to be right.
pub(super) struct Answer<T> {
    pub(super) value: T,
    pub(super) epoch: u64,
    confirmed: Instant,
}

pub(super) struct Asked<T> {
    answer: ArcSwapOption<Answer<T>>,
    state: Mutex<State<T>>,
}

struct State<T> {
    under_way: Option<watch::Receiver<Outcome<T>>>,
    failure: Option<Failure>,
}

struct Failure {
    error: ProviderError,
    epoch: u64,
    until: Instant,
}

type Outcome<T> = Option<Result<T, ProviderError>>;

/// What becomes of a question.
pub(super) enum Flight<T> {
    /// It failed a moment ago and is not asked again yet.
    Failed(ProviderError),
    UnderWay(watch::Receiver<Outcome<T>>),
}

impl<T> Answer<T> {
    /// Time since the answer was last known to be right.
    pub(super) fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.confirmed)
    }
}

impl<T: Clone + Send + Sync + 'static> Asked<T> {
    pub(super) fn answer(&self) -> Option<Arc<Answer<T>>> {
        self.answer.load_full()
    }

    /// Asks, or joins the call under way, or repeats the failure of a moment ago.
    pub(super) fn ask(
        self: &Arc<Self>,
        shared: &Shared,
        epoch: u64,
        call: impl Future<Output = Result<T, ProviderError>> + Send + 'static,
    ) -> Flight<T> {
        let mut state = self.state();
        // A closed channel is what a call that ended by panic or abort leaves behind.
        if let Some(under_way) = state.under_way.as_ref().filter(|call| call.has_changed().is_ok()) {
            return Flight::UnderWay(under_way.clone());
        }
        // From before the call, so that nobody trusts the answer longer than is right.
        let asked = Instant::now();
        if let Some(failure) = &state.failure
            && failure.epoch == epoch
            && asked < failure.until
        {
            KeyStats::count(&shared.stats.repeated_failures);
            return Flight::Failed(failure.error.clone());
        }
        let (sender, receiver) = watch::channel(None);
        state.under_way = Some(receiver.clone());
        drop(state);
        let slot = Arc::clone(self);
        let pause = shared.limits.failure_pause;
        shared.tasks.spawn(async move {
            let result = call.await;
            slot.finish(&result, epoch, asked, pause);
            sender.send_replace(Some(result));
        });
        Flight::UnderWay(receiver)
    }

    /// Takes an answer that came by another way. `asked` is when it was known to be right.
    pub(super) fn learn(&self, value: T, epoch: u64, asked: Instant) {
        let mut state = self.state();
        self.answer.store(Some(Arc::new(Answer { value, epoch, confirmed: asked })));
        state.failure = None;
    }

    /// Forgets the answer if it is of no use any more.
    pub(super) fn forget_if(&self, is_useless: impl FnOnce(&Answer<T>) -> bool) -> Option<Arc<Answer<T>>> {
        // No other answer can come meanwhile.
        let _state = self.state();
        let answer = self.answer.load_full().filter(|answer| is_useless(answer))?;
        self.answer.store(None);
        Some(answer)
    }

    fn finish(&self, result: &Result<T, ProviderError>, epoch: u64, asked: Instant, pause: Duration) {
        let mut state = self.state();
        state.under_way = None;
        state.failure = match result {
            Ok(value) => {
                self.answer.store(Some(Arc::new(Answer { value: value.clone(), epoch, confirmed: asked })));
                None
            }
            Err(error) => {
                // A definite no ends what was answered before; silence does not.
                if !matches!(error, ProviderError::Unavailable { .. }) {
                    self.answer.store(None);
                }
                Some(Failure { error: error.clone(), epoch, until: Instant::now() + jittered(pause) })
            }
        };
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Default for Asked<T> {
    fn default() -> Self {
        Self { answer: ArcSwapOption::empty(), state: Mutex::new(State { under_way: None, failure: None }) }
    }
}

impl<T: Clone> Flight<T> {
    /// Waits for the answer. The call goes on when the waiting is given up.
    pub(super) async fn wait(self, context: &KmsContext) -> Result<T, ProviderError> {
        let mut receiver = match self {
            Self::Failed(error) => return Err(error),
            Self::UnderWay(receiver) => receiver,
        };
        let outcome = match receiver.wait_for(Option::is_some).await {
            Ok(outcome) => outcome.clone(),
            Err(_) => None,
        };
        outcome
            .unwrap_or_else(|| Err(ProviderError::unavailable(context, "the call ended without an answer")))
    }
}
