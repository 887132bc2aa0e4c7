//! A data key that seals, with its budget.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::time::Instant;

use super::audit;
use super::limits::KeyLimits;
use crate::context::KmsContext;
use crate::dek::{Dek, WrappedKey};
use crate::name::{KeyName, ProviderName};

/// A data key of this process, never shared with another. Sealers are made from it until its budget ends.
pub struct DataKey {
    context: KmsContext,
    dek: Dek,
    wrapped: WrappedKey,
    limits: KeyLimits,
    made: Instant,
    messages: AtomicU64,
    bytes: AtomicU64,
    /// Somebody asked for the next one.
    replaced: AtomicBool,
    /// Something did not fit into what is left.
    spent: AtomicBool,
}

impl DataKey {
    pub(crate) fn new(context: KmsContext, dek: Dek, wrapped: WrappedKey, limits: KeyLimits) -> Self {
        Self {
            context,
            dek,
            wrapped,
            limits,
            made: Instant::now(),
            messages: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            replaced: AtomicBool::new(false),
            spent: AtomicBool::new(false),
        }
    }

    /// The provider that wrapped it.
    pub fn provider(&self) -> &ProviderName {
        &self.context.provider
    }

    /// The key that wrapped it.
    pub fn key(&self) -> &KeyName {
        &self.context.key
    }

    /// As it travels in envelopes.
    pub fn wrapped(&self) -> &[u8] {
        self.wrapped.as_bytes()
    }

    pub(crate) fn dek(&self) -> &Dek {
        &self.dek
    }

    /// Takes from the budget. `false` when that would go over a limit; then nothing may be sealed, and the key has ended: what is
    /// left of its budget is too little for what comes, which would be refused again and again. What is larger than a whole
    /// budget has a key of its own for the same reason.
    pub(crate) fn charge(&self, messages: u64, bytes: u64) -> bool {
        // Messages stay charged when the bytes do not fit: a budget errs to the safe side.
        let fits = !self.is_too_old(Instant::now())
            && take(&self.messages, messages, self.limits.messages)
            && take(&self.bytes, bytes, self.limits.bytes);
        if !fits {
            self.spent.store(true, Ordering::Relaxed);
        }
        fits
    }

    /// Whether something was refused because the key had ended. The next one is to be had from [`Keys`](super::Keys::data_key).
    pub fn is_spent(&self) -> bool {
        self.spent.load(Ordering::Relaxed)
    }

    /// Whether there is budget left.
    pub(super) fn is_usable(&self, now: Instant) -> bool {
        !self.is_too_old(now)
            && !self.is_spent()
            && self.messages.load(Ordering::Relaxed) < self.limits.messages
            && self.bytes.load(Ordering::Relaxed) < self.limits.bytes
    }

    pub(super) fn replace_soon(&self) {
        self.replaced.store(true, Ordering::Relaxed);
    }

    /// Whether it is time to fetch the next one.
    pub(super) fn wants_successor(&self, now: Instant) -> bool {
        self.replaced.load(Ordering::Relaxed)
            || self.messages.load(Ordering::Relaxed) >= self.limits.early(self.limits.messages)
            || self.bytes.load(Ordering::Relaxed) >= self.limits.early(self.limits.bytes)
            || now.saturating_duration_since(self.made) >= self.limits.early_time(self.limits.age)
    }

    fn is_too_old(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.made) >= self.limits.age
    }
}

fn take(used: &AtomicU64, more: u64, limit: u64) -> bool {
    let within = |used: u64| used.checked_add(more).filter(|total| *total <= limit || used == 0);
    used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, within).is_ok()
}

impl Drop for DataKey {
    fn drop(&mut self) {
        let (messages, bytes) = (self.messages.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed));
        audit::retired(&self.context, self.wrapped(), messages, bytes, self.made.elapsed());
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DataKey")
            .field("provider", &self.context.provider)
            .field("key", &self.context.key)
            .finish_non_exhaustive()
    }
}
