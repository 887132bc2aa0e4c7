//! Counts for the metrics of the proxy.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::provider::ProviderError;

/// What was asked of providers and how they answered, since the start.
#[derive(Debug, Default)]
pub struct KeyStats {
    /// Data keys made to seal with.
    pub generated: AtomicU64,
    /// Data keys unwrapped to open with, or to see that their key still works.
    pub unwrapped: AtomicU64,
    /// Data keys that were found unwrapped.
    pub cache_hits: AtomicU64,
    /// Questions answered with a failure of a moment before, without a call.
    pub repeated_failures: AtomicU64,
    /// Calls without an answer, timeouts among them.
    pub unavailable: AtomicU64,
    /// Calls that ran into the time limit.
    pub timeouts: AtomicU64,
    /// Calls answered with a definite no.
    pub refused: AtomicU64,
    /// Calls answered with: this wrapped key is none of mine.
    pub corrupt: AtomicU64,
    /// Calls not made because the provider was left alone.
    pub short_circuited: AtomicU64,
}

impl KeyStats {
    pub(super) fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_failure(&self, error: &ProviderError) {
        Self::count(match error {
            ProviderError::Unavailable { .. } => &self.unavailable,
            ProviderError::Refused { .. } => &self.refused,
            ProviderError::Corrupt { .. } => &self.corrupt,
        });
    }
}
