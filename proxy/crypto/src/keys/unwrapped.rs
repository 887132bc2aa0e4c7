//! Data keys that were unwrapped to open with.

use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use moka::future::Cache;
use tokio::time::Instant;

use super::Shared;
use super::asked::{Asked, Flight};
use super::limits::KeyLimits;
use super::source::Source;
use super::stats::KeyStats;
use crate::context::KmsContext;
use crate::dek::Dek;
use crate::envelope::EnvelopeHeader;
use crate::provider::ProviderError;

/// Entries are found by a digest of provider, key and wrapped data key, so that their number bounds the memory however
/// long wrapped keys are.
pub(super) struct Unwrapped(Cache<[u8; 32], Arc<Asked<Arc<Dek>>>>);

impl Unwrapped {
    pub(super) fn new(limits: &KeyLimits) -> Self {
        let cache = Cache::builder().max_capacity(limits.cache_entries);
        // What is in use is judged by its age at every use; this frees what nobody uses.
        let idle = limits.outage_grace.max(limits.revocation_delay);
        Self(cache.time_to_idle(idle).build())
    }

    pub(super) async fn unwrap(
        &self,
        source: &Arc<Source>,
        envelope: &EnvelopeHeader<'_>,
        shared: &Shared,
    ) -> Result<Arc<Dek>, ProviderError> {
        let asked = self.entry(envelope.provider(), envelope.key(), envelope.wrapped()).await;
        let (now, epoch) = (Instant::now(), source.epoch());
        let held = asked.answer();
        if let Some(held) = &held
            && held.epoch == epoch
            && held.age(now) < shared.limits.revocation_delay
        {
            KeyStats::count(&shared.stats.cache_hits);
            if held.age(now) >= shared.limits.early_time(shared.limits.revocation_delay) {
                // In the background; a failure is remembered, and comes to light when this answer is too old.
                ask(&asked, source, envelope, shared, epoch)?;
            }
            return Ok(Arc::clone(&held.value));
        }
        let context = source.context(envelope.key())?;
        let result = ask(&asked, source, envelope, shared, epoch)?.wait(&context).await;
        match (result, held) {
            (Err(ProviderError::Unavailable { .. }), Some(held))
                if held.age(Instant::now()) < shared.limits.outage_grace =>
            {
                Ok(Arc::clone(&held.value))
            }
            (result, _) => result,
        }
    }

    /// Remembers a data key that was made and unwrapped just now, so that whoever reads what is sealed with it asks nobody.
    pub(super) async fn learn(
        &self,
        context: &KmsContext,
        wrapped: &[u8],
        dek: &Dek,
        epoch: u64,
        asked: Instant,
    ) {
        let entry = self.entry(context.provider.as_str(), context.key.as_str(), wrapped).await;
        entry.learn(Arc::new(dek.clone()), epoch, asked);
    }

    async fn entry(&self, provider: &str, key: &str, wrapped: &[u8]) -> Arc<Asked<Arc<Dek>>> {
        let mut digest = Context::new(&SHA256);
        for part in [provider.as_bytes(), key.as_bytes(), wrapped] {
            digest.update(&part.len().to_be_bytes());
            digest.update(part);
        }
        let mut id = [0; 32];
        id.copy_from_slice(digest.finish().as_ref().first_chunk::<32>().unwrap_or(&[0; 32]));
        match self.0.get(&id).await {
            Some(entry) => entry,
            None => self.0.get_with(id, async { Arc::default() }).await,
        }
    }
}

fn ask(
    asked: &Arc<Asked<Arc<Dek>>>,
    source: &Arc<Source>,
    envelope: &EnvelopeHeader<'_>,
    shared: &Shared,
    epoch: u64,
) -> Result<Flight<Arc<Dek>>, ProviderError> {
    let (source, context) = (Arc::clone(source), source.context(envelope.key())?);
    let wrapped: Box<[u8]> = envelope.wrapped().into();
    let known = asked.answer().is_some();
    Ok(asked.ask(shared, epoch, async move {
        let dek = if known {
            source.unwrap(&context, &wrapped).await?
        } else {
            source.unwrap_new(&context, &wrapped).await?
        };
        Ok(Arc::new(dek))
    }))
}
