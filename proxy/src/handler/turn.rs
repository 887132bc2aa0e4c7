//! A request or an answer may be of many batches, and each much work for its size; and the next one may have been read
//! already. After a batch others get the thread, if it was due.

use std::time::{Duration, Instant};

/// So long a connection keeps its thread from others, give or take one batch. What most requests need takes less.
const LONGEST: Duration = Duration::from_millis(5);

/// How much one connection has worked since others had the thread. Not by tokio's clock: others wait for the processor.
pub(super) struct Turn {
    worked: Duration,
    since: Instant,
    longest: Duration,
}

impl Default for Turn {
    fn default() -> Self {
        Self::of(LONGEST)
    }
}

impl Turn {
    /// One that has not worked yet.
    pub(super) fn of(longest: Duration) -> Self {
        Self { worked: Duration::ZERO, since: Instant::now(), longest }
    }

    /// Works again. What was between the last batch and this was spent waiting.
    pub(super) fn begin(&mut self) {
        self.since = Instant::now();
    }

    /// Lets others have the thread if it is their turn. Returns for how long they had it.
    pub(super) async fn pass(&mut self) -> Duration {
        let now = Instant::now();
        self.worked = self.worked.saturating_add(now.duration_since(self.since));
        self.since = now;
        if self.worked < self.longest {
            return Duration::ZERO;
        }
        tokio::task::yield_now().await;
        (self.worked, self.since) = (Duration::ZERO, Instant::now());
        self.since.duration_since(now)
    }
}

#[cfg(test)]
pub(super) mod testing {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

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
    use super::testing::Other;
    use super::*;

    #[tokio::test]
    async fn others_get_the_thread_when_a_turn_was_long_and_not_before() {
        let other = Other::start();
        let mut short = Turn::of(Duration::MAX);
        assert_eq!(short.pass().await, Duration::ZERO);
        assert_eq!(other.turns(), 0);
        let mut long = Turn::of(Duration::ZERO);
        for turns in 1..4 {
            assert!(long.pass().await > Duration::ZERO);
            assert_eq!(other.turns(), turns);
        }
    }

    #[tokio::test]
    async fn work_adds_up_and_waiting_does_not() {
        let mut turn = Turn::of(Duration::from_secs(10));
        let earlier = |seconds| Instant::now().checked_sub(Duration::from_secs(seconds)).unwrap();
        turn.since = earlier(60);
        turn.begin();
        assert_eq!(turn.pass().await, Duration::ZERO);
        for is_over in [false, true, false] {
            turn.since = earlier(6);
            turn.pass().await;
            assert_eq!(turn.worked == Duration::ZERO, is_over);
            turn.begin();
        }
    }
}
