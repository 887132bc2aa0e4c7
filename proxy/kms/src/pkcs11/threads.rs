//! Threads for calls that block. A module that never returns keeps a few of them, and nothing else.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicIsize, Ordering};
use std::thread;

use thiserror::Error;
use tokio::sync::{Semaphore, oneshot};

/// The most threads of a provider, and so the most sessions with its token.
pub(super) const MOST: usize = 4;

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum ThreadError {
    /// As many as there may be have been given up.
    #[error("{MOST} calls of the module have not returned")]
    Stuck,
    /// There is no thread to be had.
    #[error("failed to start a thread")]
    Start,
    /// The call panicked.
    #[error("a call of the module ended without an answer")]
    Ended,
}

/// The threads of one provider. They are not the runtime's: its end would wait for them.
pub(super) struct Threads {
    free: Arc<Semaphore>,
    /// Calls that nobody waits for any more and that have not returned.
    given_up: Arc<AtomicIsize>,
}

/// What a thread and whoever waits for it share: the first of them to go says so.
struct Call {
    given_up: Arc<AtomicIsize>,
    one_went: AtomicBool,
}

struct Asker(Arc<Call>);

struct Worker(Arc<Call>);

impl Threads {
    pub(super) fn new() -> Self {
        Self { free: Arc::new(Semaphore::new(MOST)), given_up: Arc::default() }
    }

    /// Runs what blocks, when a thread is free. Whoever stops waiting leaves the thread behind.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ThreadError> {
        let given_up = self.given_up.load(Ordering::SeqCst);
        if usize::try_from(given_up).is_ok_and(|calls| calls >= MOST) {
            return Err(ThreadError::Stuck);
        }
        let free = Arc::clone(&self.free).acquire_owned().await.map_err(|_| ThreadError::Start)?;
        let call = Arc::new(Call { given_up: Arc::clone(&self.given_up), one_went: AtomicBool::new(false) });
        let (answer, answered) = oneshot::channel();
        let worker = Worker(Arc::clone(&call));
        let work = move || {
            let (free, worker) = (free, worker);
            let value = work();
            // Before the answer, which is not to be taken for a call that was given up.
            drop((worker, free));
            // Nobody may wait any more.
            let _ = answer.send(value);
        };
        thread::Builder::new().name("pkcs11".to_owned()).spawn(work).map_err(|_| ThreadError::Start)?;
        let _asker = Asker(call);
        answered.await.map_err(|_| ThreadError::Ended)
    }
}

impl Drop for Asker {
    fn drop(&mut self) {
        if !self.0.one_went.swap(true, Ordering::SeqCst) {
            self.0.given_up.fetch_add(1, Ordering::SeqCst);
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if self.0.one_went.swap(true, Ordering::SeqCst) {
            self.0.given_up.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    const SOON: Duration = Duration::from_millis(50);
    const LONG: Duration = Duration::from_secs(30);

    /// Conformance: TE-B13.
    #[tokio::test]
    async fn calls_that_never_return_are_bounded_and_do_not_hold_up_others() {
        let threads = Threads::new();
        let mut ends = Vec::new();
        for _ in 0..MOST {
            assert_eq!(threads.run(|| 7).await, Ok(7), "a free thread serves beside those that hang");
            let (end, wait) = mpsc::channel::<()>();
            let hanging = threads.run(move || wait.recv().is_err());
            assert!(tokio::time::timeout(SOON, hanging).await.is_err());
            ends.push(end);
        }
        for _ in 0..100 {
            assert_eq!(threads.run(|| 7).await, Err(ThreadError::Stuck));
        }
        drop(ends);
        let recovered = async {
            while threads.run(|| 7).await != Ok(7) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(LONG, recovered).await.unwrap();
        while threads.free.available_permits() < MOST {
            tokio::task::yield_now().await;
        }
        assert_eq!(threads.given_up.load(Ordering::SeqCst), 0);
    }

    #[tokio::test]
    async fn more_calls_than_threads_take_turns() {
        let threads = Threads::new();
        let calls = (0..5 * MOST).map(|_| threads.run(|| thread::sleep(Duration::from_millis(1))));
        for answer in futures_in_turn(calls).await {
            assert_eq!(answer, Ok(()));
        }
    }

    #[tokio::test]
    async fn a_panic_is_no_answer() {
        let threads = Threads::new();
        for _ in 0..2 * MOST {
            assert_eq!(threads.run(|| panic!("on purpose")).await, Err::<(), _>(ThreadError::Ended));
        }
    }

    /// Polls all at once.
    async fn futures_in_turn<F: Future>(calls: impl Iterator<Item = F>) -> Vec<F::Output> {
        let mut calls: Vec<_> = calls.map(Box::pin).collect();
        let mut answers = Vec::new();
        std::future::poll_fn(|context| {
            calls.retain_mut(|call| match call.as_mut().poll(context) {
                std::task::Poll::Ready(answer) => {
                    answers.push(answer);
                    false
                }
                std::task::Poll::Pending => true,
            });
            if calls.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
        })
        .await;
        answers
    }
}
