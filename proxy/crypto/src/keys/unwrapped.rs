//! Data keys that were unwrapped to open with.

use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use moka::future::Cache;
use tokio::time::Instant;

use super::Shared;
use super::asked::Asked;
use super::limits::KeyLimits;
use super::source::Source;
use super::stats::KeyStats;
use crate::context::KmsContext;
use crate::dek::Dek;
use crate::envelope::EnvelopeHeader;
use crate::provider::ProviderError;

/// Entries are found by a digest of provider, key and wrapped data key, so that their number bounds the memory however
/// long wrapped keys are.
pub(super) struct Unwrapped<K>(Cache<[u8; 32], Arc<Asked<Arc<K>>>>);

/// Which data key.
#[derive(Clone, Copy)]
pub(super) struct DataKeyId<'a> {
    pub(super) provider: &'a str,
    pub(super) key: &'a str,
    pub(super) wrapped: &'a [u8],
}

impl<K: Send + Sync + 'static> Unwrapped<K> {
    pub(super) fn new(limits: &KeyLimits) -> Self {
        let cache = Cache::builder().max_capacity(limits.cache_entries);
        // What is in use is judged by its age at every use; this frees what nobody uses.
        Self(cache.time_to_idle(limits.longest()).build())
    }

    /// Forgets data keys that are too old for any use. The cache by itself does so only when it is asked for something.
    pub(super) async fn forget_old(&self, limits: &KeyLimits) {
        let now = Instant::now();
        for (_, asked) in &self.0 {
            asked.forget_if(|held| held.age(now) >= limits.longest());
        }
        self.0.run_pending_tasks().await;
    }

    /// The data key as it is known, or as `call` gets it. That is told whether the data key was seen before.
    pub(super) async fn get<F>(
        &self,
        source: &Arc<Source>,
        id: DataKeyId<'_>,
        shared: &Shared,
        call: impl FnOnce(Arc<Source>, KmsContext, bool) -> F,
    ) -> Result<Arc<K>, ProviderError>
    where
        F: Future<Output = Result<K, ProviderError>> + Send + 'static,
    {
        let asked = self.entry(id).await;
        let (now, epoch) = (Instant::now(), source.epoch());
        let held = asked.answer();
        let context = source.context(id.key)?;
        let call = call(Arc::clone(source), context.clone(), held.is_some());
        let ask = || asked.ask(shared, epoch, async move { call.await.map(Arc::new) });
        if let Some(held) = &held
            && held.epoch == epoch
            && held.age(now) < shared.limits.revocation_delay
        {
            KeyStats::count(&shared.stats.cache_hits);
            if held.age(now) >= shared.limits.early_time(shared.limits.revocation_delay) {
                // In the background; a failure is remembered, and comes to light when this answer is too old.
                ask();
            }
            return Ok(Arc::clone(&held.value));
        }
        let result = ask().wait(&context).await;
        match (result, held) {
            (Err(ProviderError::Unavailable { .. }), Some(held))
                if held.age(Instant::now()) < shared.limits.outage_grace =>
            {
                Ok(Arc::clone(&held.value))
            }
            (result, _) => result,
        }
    }

    async fn entry(&self, id: DataKeyId<'_>) -> Arc<Asked<Arc<K>>> {
        let mut digest = Context::new(&SHA256);
        for part in [id.provider.as_bytes(), id.key.as_bytes(), id.wrapped] {
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

impl Unwrapped<Dek> {
    pub(super) async fn unwrap(
        &self,
        source: &Arc<Source>,
        envelope: &EnvelopeHeader<'_>,
        topic: &str,
        shared: &Shared,
    ) -> Result<Arc<Dek>, ProviderError> {
        let (provider, key, wrapped) = (envelope.provider(), envelope.key(), envelope.wrapped());
        let id = DataKeyId { provider, key, wrapped };
        self.get(source, id, shared, |source, context, known| {
            let (wrapped, topic): (Box<[u8]>, Box<str>) = (wrapped.into(), topic.into());
            async move {
                if known {
                    source.unwrap(&context, &wrapped, Some(&topic)).await
                } else {
                    source.unwrap_new(&context, &wrapped, &topic).await
                }
            }
        })
        .await
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
        let id = DataKeyId { provider: context.provider.as_str(), key: context.key.as_str(), wrapped };
        self.entry(id).await.learn(Arc::new(dek.clone()), epoch, asked);
    }
}
