//! Whom and what the proxy refused, as far as no line of the audit log told of it yet.

use crate::connection::Shared;
use crate::tls::ServerTls;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::MissedTickBehavior;

/// How soon after its minute the rest of a burst is told.
const INTERVAL: Duration = Duration::from_secs(5);

/// Dropped, it tells of all that is left, however the server ends.
pub(super) struct Untold {
    shared: Arc<Shared>,
    tls: Vec<Arc<ServerTls>>,
}

impl Untold {
    pub(super) fn new(shared: Arc<Shared>, tls: impl IntoIterator<Item = Arc<ServerTls>>) -> Self {
        Self { shared, tls: tls.into_iter().collect() }
    }

    /// Tells now and then, for ever.
    pub(super) async fn keep_telling(&self) {
        let mut ticks = tokio::time::interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let now = Instant::now();
            self.shared.refusals.flush(now);
            self.tls.iter().for_each(|tls| tls.refused().flush(now));
        }
    }
}

impl Drop for Untold {
    fn drop(&mut self) {
        self.shared.refusals.end();
        self.tls.iter().for_each(|tls| tls.refused().end());
    }
}
