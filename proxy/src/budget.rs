//! The byte budget over all connections: a frame's memory is granted before it is allocated.
//!
//! Memory is bounded by configuration, not by clients. What each connection may read ahead is not counted, since the
//! number of connections bounds that already.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

const UNIT: usize = 1024;

/// Shared by all connections.
#[derive(Debug, Clone)]
pub(crate) struct Budget {
    units: Arc<Semaphore>,
    total: usize,
    waiting: Arc<AtomicUsize>,
}

/// Somebody who waits.
struct Waiting<'a>(&'a AtomicUsize);

/// Holds bytes of the budget until dropped.
#[derive(Debug, Default)]
pub(crate) struct Grant(#[expect(dead_code, reason = "held for its Drop")] Option<OwnedSemaphorePermit>);

impl Budget {
    pub(crate) fn new(bytes: usize) -> Self {
        let total = (bytes / UNIT).clamp(1, Semaphore::MAX_PERMITS);
        Self { units: Arc::new(Semaphore::new(total)), total, waiting: Arc::default() }
    }

    /// Waits until `bytes` fit into the budget, in turn. Nobody holds a part while it waits for the rest. A frame
    /// larger than the whole budget waits for all of it.
    pub(crate) async fn grant(&self, bytes: usize) -> Grant {
        if let Some(grant) = self.try_grant(bytes) {
            return grant;
        }
        let _waiting = Waiting::on(&self.waiting);
        let units = bytes.div_ceil(UNIT).min(self.total);
        let units = u32::try_from(units).unwrap_or(u32::MAX);
        // The semaphore is never closed, so the only error cannot happen; without a permit nothing is counted.
        Grant(Arc::clone(&self.units).acquire_many_owned(units).await.ok())
    }

    /// The same, if the bytes are to be had at once.
    pub(crate) fn try_grant(&self, bytes: usize) -> Option<Grant> {
        let units = u32::try_from(bytes.div_ceil(UNIT).min(self.total)).unwrap_or(u32::MAX);
        Arc::clone(&self.units).try_acquire_many_owned(units).ok().map(|permit| Grant(Some(permit)))
    }

    /// Whether anybody waits for bytes that others hold.
    pub(crate) fn is_wanted(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }

    /// Bytes granted now, for the metrics.
    pub(crate) fn in_use(&self) -> usize {
        self.total.saturating_sub(self.units.available_permits()).saturating_mul(UNIT)
    }
}

impl<'a> Waiting<'a> {
    fn on(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Conformance: TE-24.
    #[tokio::test]
    async fn a_grant_waits_until_bytes_come_back() {
        let budget = Budget::new(64 * 1024);
        let first = budget.grant(40 * 1024).await;
        assert_eq!(budget.in_use(), 40 * 1024);
        assert!(!budget.is_wanted());
        let mut second = std::pin::pin!(budget.grant(40 * 1024));
        assert!(
            Future::poll(second.as_mut(), &mut std::task::Context::from_waker(std::task::Waker::noop()))
                .is_pending()
        );
        assert!(budget.is_wanted());
        drop(first);
        second.await;
        assert!(!budget.is_wanted());
    }

    #[tokio::test]
    async fn a_frame_larger_than_the_budget_takes_all_of_it() {
        let budget = Budget::new(64 * 1024);
        let _all = budget.grant(10 * 1024 * 1024).await;
        assert_eq!(budget.in_use(), 64 * 1024);
    }
}
