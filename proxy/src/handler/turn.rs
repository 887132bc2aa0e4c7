//! A request or an answer may be of many batches, and each much work for its size; and the next one may have been read
//! already. Between two batches others get the thread, when it is their turn.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// So long batches keep a thread from everything else, give or take one. What most requests need takes less.
const LONGEST: Duration = Duration::from_millis(5);

thread_local! {
    /// How much was done for batches since others had this thread.
    static DONE: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

/// Does some of it. Measured not by tokio's clock: others wait for the processor.
pub(super) fn work<T>(work: impl FnOnce() -> T) -> T {
    let since = Instant::now();
    let result = work();
    add(since.elapsed());
    result
}

fn add(more: Duration) {
    DONE.set(DONE.get().saturating_add(more));
}

/// Lets others have the thread if it is their turn. Returns for how long they had it.
pub(super) async fn pass() -> Duration {
    if DONE.get() < LONGEST {
        return Duration::ZERO;
    }
    DONE.set(Duration::ZERO);
    let since = Instant::now();
    tokio::task::yield_now().await;
    since.elapsed()
}

#[cfg(test)]
pub(super) mod testing {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// As much is done as anybody may at once.
    pub(in crate::handler) fn work_long() {
        super::add(super::LONGEST);
    }

    /// Another task of the same thread, and how often it has had a turn.
    #[derive(Clone, Default)]
    pub(in crate::handler) struct Other(Arc<AtomicUsize>);

    impl Other {
        pub(in crate::handler) fn start() -> Self {
            let other = Self::default();
            let turns = other.clone();
            tokio::spawn(async move {
                loop {
                    turns.0.fetch_add(1, Ordering::Relaxed);
                    tokio::task::yield_now().await;
                }
            });
            other
        }

        pub(in crate::handler) fn turns(&self) -> usize {
            self.0.load(Ordering::Relaxed)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{Other, work_long};
    use super::*;
    use crate::handler::with_workbench;

    #[tokio::test]
    async fn others_get_the_thread_after_much_work_and_once() {
        let other = Other::start();
        assert_eq!((pass().await, other.turns()), (Duration::ZERO, 0));
        for turns in 1..4 {
            work_long();
            assert!(pass().await > Duration::ZERO);
            assert_eq!((pass().await, other.turns()), (Duration::ZERO, turns));
        }
    }

    #[tokio::test]
    async fn all_work_on_batches_adds_up() {
        let other = Other::start();
        while DONE.get() < LONGEST {
            assert_eq!((pass().await, other.turns()), (Duration::ZERO, 0));
            let since = Instant::now();
            with_workbench(|_| while since.elapsed() < LONGEST / 3 {});
        }
        pass().await;
        assert_eq!(other.turns(), 1);
    }
}
