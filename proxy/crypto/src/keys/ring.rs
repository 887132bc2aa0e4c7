//! The data keys with which one key-encryption key seals, one after the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwapOption;
use tokio::time::Instant;

use super::asked::{Answer, Asked, Flight};
use super::data_key::DataKey;
use super::limits::KeyLimits;
use super::source::Source;
use super::{Shared, audit};
use crate::context::KmsContext;
use crate::provider::ProviderError;

/// Rounds in which a data key is looked for before the caller is told to come again.
const ROUNDS: usize = 3;

pub(super) struct Ring {
    source: Arc<Source>,
    context: KmsContext,
    asked: Arc<Asked<Arc<DataKey>>>,
    /// How often rotation was asked for.
    rotations: Arc<AtomicU64>,
    /// Of the data key that was forgotten last.
    last_version: ArcSwapOption<String>,
}

impl Ring {
    pub(super) fn new(source: Arc<Source>, context: KmsContext) -> Self {
        Self {
            source,
            context,
            asked: Arc::default(),
            rotations: Arc::default(),
            last_version: ArcSwapOption::empty(),
        }
    }

    pub(super) async fn data_key(&self, shared: &Shared) -> Result<Arc<DataKey>, ProviderError> {
        for _ in 0..ROUNDS {
            let (now, epoch) = (Instant::now(), self.source.epoch());
            let held = self.asked.answer().filter(|held| held.value.is_usable(now));
            let flight = match &held {
                None => self.generate(shared, epoch),
                Some(held) if held.epoch != epoch => self.generate(shared, epoch),
                Some(held) if held.age(now) >= shared.limits.revocation_delay => {
                    self.verify(shared, held, epoch)
                }
                Some(held) => {
                    self.refresh_early(shared, held, now, epoch);
                    return Ok(Arc::clone(&held.value));
                }
            };
            let result = flight.wait(&self.context).await;
            let now = Instant::now();
            match (result, held) {
                // The call that was joined may have been one that only confirmed a key which is spent by now.
                (Ok(key), _) if key.is_usable(now) => return Ok(key),
                (Ok(_), _) => {}
                (Err(ProviderError::Unavailable { .. }), Some(held))
                    if held.value.is_usable(now) && held.age(now) < shared.limits.outage_grace =>
                {
                    return Ok(Arc::clone(&held.value));
                }
                (Err(error), _) => return Err(error),
            }
        }
        Err(ProviderError::unavailable(&self.context, "its data keys are spent as soon as they come"))
    }

    /// The version of the key under which the data key in use was wrapped, or the last one that was.
    pub(super) fn version(&self) -> Option<String> {
        match self.asked.answer() {
            Some(held) => self.source.version(held.value.wrapped()),
            None => self.last_version.load().as_deref().cloned(),
        }
    }

    /// Forgets the data key if nothing may be sealed with it any more.
    pub(super) fn forget_old(&self, limits: &KeyLimits) {
        let now = Instant::now();
        let is_old =
            |held: &Answer<Arc<DataKey>>| !held.value.is_usable(now) || held.age(now) >= limits.longest();
        if let Some(held) = self.asked.forget_if(is_old) {
            self.last_version.store(self.source.version(held.value.wrapped()).map(Arc::new));
        }
    }

    /// Replaces the data key in use soon. It seals until the next one is there, or to the end of its budget.
    pub(super) fn rotate(&self) {
        self.rotations.fetch_add(1, Ordering::Relaxed);
        if let Some(held) = self.asked.answer() {
            held.value.replace_soon();
        }
    }

    /// In the background. A failure is remembered, and comes to light when the key in use ends.
    fn refresh_early(&self, shared: &Shared, held: &Answer<Arc<DataKey>>, now: Instant, epoch: u64) {
        if held.value.wants_successor(now) {
            self.generate(shared, epoch);
        } else if held.age(now) >= shared.limits.early_time(shared.limits.revocation_delay) {
            self.verify(shared, held, epoch);
        }
    }

    fn generate(&self, shared: &Shared, epoch: u64) -> Flight<Arc<DataKey>> {
        let (source, context, limits) =
            (Arc::clone(&self.source), self.context.clone(), shared.limits.clone());
        let (unwrapped, rotations) = (Arc::clone(&shared.unwrapped), Arc::clone(&self.rotations));
        let before = rotations.load(Ordering::Relaxed);
        self.asked.ask(shared, epoch, async move {
            let asked = Instant::now();
            let (dek, wrapped) = source.generate(&context).await?;
            audit::in_use(&context, wrapped.as_bytes(), source.version(wrapped.as_bytes()).as_deref());
            unwrapped.learn(&context, wrapped.as_bytes(), &dek, epoch, asked).await;
            let key = DataKey::new(context, dek, wrapped, limits);
            // Asked for while this call was under way, which may have had the old version.
            if rotations.load(Ordering::Relaxed) != before {
                key.replace_soon();
            }
            Ok(Arc::new(key))
        })
    }

    /// Sees whether the key-encryption key still unwraps the data key in use, which is to say: is not revoked.
    fn verify(&self, shared: &Shared, held: &Answer<Arc<DataKey>>, epoch: u64) -> Flight<Arc<DataKey>> {
        let (source, context, key) =
            (Arc::clone(&self.source), self.context.clone(), Arc::clone(&held.value));
        self.asked.ask(shared, epoch, async move {
            let dek = source.unwrap(&context, key.wrapped(), None).await?;
            if dek.same_as(key.dek()) {
                Ok(key)
            } else {
                Err(ProviderError::corrupt(&context, "the data key that it wrapped unwraps to another"))
            }
        })
    }
}
