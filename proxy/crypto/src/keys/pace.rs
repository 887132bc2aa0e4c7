//! No more calls a second than a provider should get.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;

/// Lets calls through one after the other (the generic cell rate algorithm), perhaps after a burst. On tokio's clock, which tests can
/// stop.
pub(super) struct Pace {
    interval: Duration,
    /// The time whose calls may come at once.
    burst: Duration,
    /// When the calls that were let through would all have had their turn.
    busy_until: Mutex<Instant>,
    /// Of those who wait however long it takes, the ones that have a turn already.
    soon: Semaphore,
}

/// So many of these: with one alone the time that it takes to wake up would be lost at each turn.
const SOON: usize = 4;
const SECOND: Duration = Duration::from_secs(1);

impl Pace {
    /// Lets a burst of one second's calls through first.
    pub(super) fn new(calls_per_second: u32) -> Self {
        Self::with_burst(SECOND, calls_per_second)
    }

    /// Has no burst: no second has more calls.
    pub(super) fn even(calls_per_second: u32) -> Self {
        Self::with_burst(interval(calls_per_second), calls_per_second)
    }

    fn with_burst(burst: Duration, calls_per_second: u32) -> Self {
        let (interval, busy_until) = (interval(calls_per_second), Mutex::new(Instant::now()));
        Self { interval, burst, busy_until, soon: Semaphore::new(SOON) }
    }

    /// Waits for a turn, however long that takes. Whoever is dropped meanwhile has used none, but for the very next ones.
    pub(super) async fn turn(&self) {
        // It is never closed, so nobody goes without.
        let _place = self.soon.acquire().await;
        self.turn_within(Duration::MAX).await;
    }

    /// Waits for a turn that comes within so long. `false` at once where none does.
    pub(super) async fn turn_within(&self, patience: Duration) -> bool {
        let Some(turn) = self.next(Instant::now(), patience) else { return false };
        tokio::time::sleep_until(turn).await;
        true
    }

    /// A turn that comes too late is nobody's: if those who do not wait for it had one each, all others' would come later, and once
    /// enough of them come again and again nobody's would come in time any more.
    fn next(&self, now: Instant, patience: Duration) -> Option<Instant> {
        let mut busy_until = self.busy_until.lock().unwrap_or_else(PoisonError::into_inner);
        let until = now.max(*busy_until) + self.interval;
        let turn = until.checked_sub(self.burst).map_or(now, |turn| turn.max(now));
        if turn.duration_since(now) > patience {
            return None;
        }
        *busy_until = until;
        Some(turn)
    }
}

fn interval(calls_per_second: u32) -> Duration {
    SECOND / calls_per_second.max(1)
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

    #[tokio::test(start_paused = true)]
    async fn those_whose_turn_would_come_too_late_put_off_nobody() {
        let (pace, start, patience) = (Pace::new(10), Instant::now(), Duration::from_secs(2));
        let turns: Vec<_> = (0..100).filter_map(|_| pace.next(start, patience)).collect();
        assert_eq!(turns.len(), 30, "10 at once, 20 in two seconds");
        assert_eq!(turns.last(), Some(&(start + patience)));
        assert!(!pace.turn_within(patience).await);
        assert_eq!(start.elapsed(), Duration::ZERO, "that is known at once");
        pace.turn().await;
        assert_eq!(start.elapsed(), Duration::from_millis(2100));
    }

    #[tokio::test(start_paused = true)]
    async fn an_even_pace_from_the_first_call_on() {
        let pace = Pace::even(10);
        for _ in 0..2 {
            let start = Instant::now();
            for turn in 0..20 {
                pace.turn().await;
                assert_eq!(start.elapsed(), turn * Duration::from_millis(100));
            }
            tokio::time::sleep(Duration::from_secs(5)).await;
        }
    }
}
