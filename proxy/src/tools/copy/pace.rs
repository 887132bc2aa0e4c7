//! How fast a copy may be.

use std::time::{Duration, Instant};

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
