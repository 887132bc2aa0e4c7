//! How fast a copy may be.

use std::time::Duration;
use tokio::time::Instant;

/// No more than so many bytes a second, on average.
pub(super) struct Pace {
    bytes_a_second: Option<u64>,
    start: Instant,
    sent: u64,
}

impl Pace {
    pub(super) fn new(bytes_a_second: Option<u64>) -> Self {
        Self { bytes_a_second, start: Instant::now(), sent: 0 }
    }

    pub(super) async fn wait(&mut self, bytes: usize) {
        let Some(rate) = self.bytes_a_second else { return };
        self.sent = self.sent.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
        let milliseconds = self.sent.saturating_mul(1000).checked_div(rate).unwrap_or(0);
        tokio::time::sleep(Duration::from_millis(milliseconds).saturating_sub(self.start.elapsed())).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_rate_is_kept_on_average_and_time_that_passed_counts() {
        let start = Instant::now();
        let mut pace = Pace::new(Some(1_000));
        for _ in 0..20 {
            pace.wait(500).await;
        }
        let took = start.elapsed();
        assert!((Duration::from_secs(10)..Duration::from_millis(10_100)).contains(&took), "{took:?}");

        tokio::time::advance(Duration::from_secs(5)).await;
        pace.wait(6_000).await;
        let took = start.elapsed();
        assert!((Duration::from_secs(16)..Duration::from_millis(16_100)).contains(&took), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_rate_nothing_waits() {
        let start = Instant::now();
        Pace::new(None).wait(usize::MAX).await;
        assert_eq!(start.elapsed(), Duration::ZERO);
    }
}
