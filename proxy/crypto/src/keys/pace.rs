//! No more calls a second than a provider should get.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Lets a burst of one second's calls through, then one after the other (the generic cell rate algorithm). On tokio's clock, which
/// tests can stop.
pub(super) struct Pace {
    interval: Duration,
    /// When the calls that were let through would all have had their turn.
    busy_until: Mutex<Instant>,
}

const BURST: Duration = Duration::from_secs(1);

impl Pace {
    pub(super) fn new(calls_per_second: u32) -> Self {
        let interval = BURST / calls_per_second.max(1);
        Self { interval, busy_until: Mutex::new(Instant::now()) }
    }

    /// Waits for a turn. Whoever gives up has used it.
    pub(super) async fn turn(&self) {
        tokio::time::sleep_until(self.next(Instant::now())).await;
    }

    fn next(&self, now: Instant) -> Instant {
        let mut busy_until = self.busy_until.lock().unwrap_or_else(PoisonError::into_inner);
        *busy_until = now.max(*busy_until) + self.interval;
        (*busy_until).checked_sub(BURST).map_or(now, |turn| turn.max(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_then_an_even_pace() {
        let pace = Pace::new(10);
        let start = Instant::now();
        for _ in 0..10 {
            pace.turn().await;
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
        for _ in 0..20 {
            pace.turn().await;
        }
        assert_eq!(start.elapsed(), Duration::from_secs(2));
        tokio::time::sleep(Duration::from_secs(5)).await;
        let later = Instant::now();
        for _ in 0..10 {
            pace.turn().await;
        }
        assert_eq!(later.elapsed(), Duration::ZERO);
    }
}
