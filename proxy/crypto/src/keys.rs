//! The data keys of this process: those that seal, and those that were unwrapped to open.
//!
//! Both live here, outside any policy, so that a reload of the policy neither restarts a budget nor forgets a key. What
//! a provider answered is asked again when it grows old or the provider's epoch changes. While a provider does not
//! answer, its last answer lives on for a limited time; a definite no ends it at once.

mod asked;
mod audit;
mod breaker;
mod data_key;
mod kept;
mod legacy;
mod limits;
mod pace;
mod pseudonyms;
mod ring;
mod scope;
mod source;
mod stats;
mod tasks;
#[cfg(test)]
mod tests;
mod unwrapped;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use tokio::time::Instant;

pub use self::audit::data_key_id;
pub use self::data_key::DataKey;
pub use self::limits::KeyLimits;
pub use self::stats::KeyStats;

use self::pseudonyms::PseudonymKey;
use self::ring::Ring;
use self::scope::Scopes;
use self::source::Source;
use self::tasks::Tasks;
use self::unwrapped::Unwrapped;
use crate::dek::Dek;
use crate::envelope::EnvelopeHeader;
use crate::legacy::LegacyKey;
use crate::name::{ClusterName, KeyName, ProviderName};
use crate::provider::{KeyProvider, ProviderError};
use crate::pseudonyms::Pseudonyms;

/// The data keys of this process, over all its providers. Needs a tokio runtime.
pub struct Keys {
    sources: HashMap<ProviderName, Arc<Source>>,
    /// Only the keys of configured rules are ever asked for, so this does not grow without bounds.
    rings: RwLock<HashMap<ProviderName, HashMap<KeyName, Arc<Ring>>>>,
    shared: Shared,
    scopes: Arc<Scopes>,
    /// When rotation was asked for last.
    rotated: Mutex<Option<Instant>>,
}

/// Between two rotations that are asked for.
const ROTATION_PAUSE: Duration = Duration::from_secs(10);

/// What rings and unwrapped keys have in common.
struct Shared {
    limits: KeyLimits,
    stats: Arc<KeyStats>,
    tasks: Tasks,
    unwrapped: Arc<Unwrapped<Dek>>,
    /// Apart, so that a key of an earlier program is never taken for one of ours.
    legacy: Unwrapped<LegacyKey>,
    /// Apart, so that no number of stored data keys puts them out.
    pseudonyms: Unwrapped<PseudonymKey>,
}

impl Keys {
    /// Keys of a cluster from these providers.
    pub fn new(
        cluster: &ClusterName,
        providers: HashMap<ProviderName, Arc<dyn KeyProvider>>,
        limits: KeyLimits,
    ) -> Self {
        let (stats, scopes) = (Arc::new(KeyStats::default()), Arc::new(Scopes::default()));
        let sources = providers.into_iter().map(|(name, provider)| {
            let (stats, scopes) = (Arc::clone(&stats), Arc::clone(&scopes));
            let source = Source::new((cluster.clone(), name.clone()), provider, &limits, stats, scopes);
            (name, Arc::new(source))
        });
        Self {
            sources: sources.collect(),
            rings: RwLock::default(),
            shared: Shared {
                unwrapped: Arc::new(Unwrapped::new(&limits)),
                legacy: Unwrapped::new(&limits),
                pseudonyms: Unwrapped::new(&limits),
                limits,
                stats,
                tasks: Tasks::default(),
            },
            scopes,
            rotated: Mutex::default(),
        }
    }

    /// Says which topics keys serve, by the pattern of each of their rules, in place of what was said before: so the audit log
    /// tells what a call is for.
    pub fn serve<P: Into<String>, K: Into<String>>(
        &self,
        patterns: impl IntoIterator<Item = (P, K, String)>,
    ) {
        self.scopes.replace(patterns);
    }

    /// The data key to seal with.
    ///
    /// Waits only when there is none that may be used, and then no longer than the limit of two calls. The next key is
    /// fetched in the background before this one ends.
    pub async fn data_key(
        &self,
        provider: impl AsRef<str>,
        key: impl AsRef<str>,
    ) -> Result<Arc<DataKey>, ProviderError> {
        self.ring(provider.as_ref(), key.as_ref())?.data_key(&self.shared).await
    }

    /// The data key of an envelope, in clear. Waits no longer than the limit of a call, and before it as long for a turn where the
    /// data key was never seen before. The topic is where the envelope was found.
    pub async fn unwrap(
        &self,
        envelope: &EnvelopeHeader<'_>,
        topic: &str,
    ) -> Result<Arc<Dek>, ProviderError> {
        let source = self.source(envelope.provider(), envelope.key())?;
        self.shared.unwrapped.unwrap(source, envelope, topic, &self.shared).await
    }

    /// What makes the pseudonyms of a topic's record keys, from a rule's wrapped pseudonym key. Waits no longer than the limit of a
    /// call.
    pub async fn pseudonyms(
        &self,
        provider: impl AsRef<str>,
        key: impl AsRef<str>,
        wrapped: &[u8],
        topic: &str,
    ) -> Result<Arc<Pseudonyms>, ProviderError> {
        let (provider, key) = (provider.as_ref(), key.as_ref());
        let source = self.source(provider, key)?;
        self.shared.pseudonyms.pseudonyms(source, (key, wrapped), topic, &self.shared).await
    }

    /// Whether the key works now: has the provider make a data key and unwrap it again, each as soon as the pace of trials lets it.
    /// Only the calls are limited in time.
    pub async fn verify(&self, provider: impl AsRef<str>, key: impl AsRef<str>) -> Result<(), ProviderError> {
        let source = self.source(provider.as_ref(), key.as_ref())?;
        source.try_key(&source.context(key.as_ref())?).await
    }

    /// The version of the key that new data is sealed under now, where the provider can tell it; `None` also before the first.
    pub fn version(&self, provider: impl AsRef<str>, key: impl AsRef<str>) -> Option<String> {
        let rings = self.rings.read().unwrap_or_else(PoisonError::into_inner);
        rings.get(provider.as_ref())?.get(key.as_ref())?.version()
    }

    /// The version of the key that an envelope's data key is wrapped with, where its provider is known here and can tell. Asks
    /// nobody.
    pub fn version_of(&self, envelope: &EnvelopeHeader<'_>) -> Option<String> {
        self.sources.get(envelope.provider())?.version(envelope.wrapped())
    }

    /// Has every data key that seals replaced by a new one, made under the newest version of its key, after its next use. `false`
    /// when that was asked for a moment ago: every data key costs readers a call for as long as its records live.
    pub fn rotate(&self) -> bool {
        let mut rotated = self.rotated.lock().unwrap_or_else(PoisonError::into_inner);
        if rotated.is_some_and(|last| last.elapsed() < ROTATION_PAUSE) {
            return false;
        }
        *rotated = Some(Instant::now());
        let rings = self.rings.read().unwrap_or_else(PoisonError::into_inner);
        rings.values().flat_map(HashMap::values).for_each(|ring| ring.rotate());
        true
    }

    /// Forgets data keys that have served their time, though nobody asks for others. To be called every now and then.
    pub async fn forget_old(&self) {
        let rings: Vec<_> = {
            let rings = self.rings.read().unwrap_or_else(PoisonError::into_inner);
            rings.values().flat_map(HashMap::values).cloned().collect()
        };
        for ring in &rings {
            ring.forget_old(&self.shared.limits);
        }
        self.shared.unwrapped.forget_old(&self.shared.limits).await;
        self.shared.legacy.forget_old(&self.shared.limits).await;
        self.shared.pseudonyms.forget_old(&self.shared.limits).await;
    }

    /// Ends every data key that seals, before the process does: the audit log tells what each sealed, and none stays in memory.
    pub fn retire(&self) {
        self.rings.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The same for one key, whenever that is asked for: by whoever writes the policy, who could have it used under other keys as
    /// well. Nothing happens where it was not used yet.
    pub fn rotate_key(&self, provider: impl AsRef<str>, key: impl AsRef<str>) {
        let rings = self.rings.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(ring) = rings.get(provider.as_ref()).and_then(|rings| rings.get(key.as_ref())) {
            ring.rotate();
        }
    }

    /// Whether there is a provider of this name.
    pub fn has_provider(&self, provider: impl AsRef<str>) -> bool {
        self.sources.contains_key(provider.as_ref())
    }

    /// Whether the last call of the provider had no answer.
    pub fn is_out_of_reach(&self, provider: impl AsRef<str>) -> bool {
        self.sources.get(provider.as_ref()).is_some_and(|source| source.is_failing())
    }

    /// Counts of what was done.
    pub fn stats(&self) -> &Arc<KeyStats> {
        &self.shared.stats
    }

    fn source(&self, provider: &str, key: &str) -> Result<&Arc<Source>, ProviderError> {
        self.sources.get(provider).ok_or_else(|| ProviderError::Refused {
            provider: ProviderName::or_invalid(provider),
            key: KeyName::or_invalid(key),
            cause: "no key provider of this name is configured".to_owned(),
            gone: false,
        })
    }

    fn ring(&self, provider: &str, key: &str) -> Result<Arc<Ring>, ProviderError> {
        let rings = self.rings.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(ring) = rings.get(provider).and_then(|rings| rings.get(key)) {
            return Ok(Arc::clone(ring));
        }
        drop(rings);
        let source = self.source(provider, key)?;
        let context = source.context(key)?;
        let mut rings = self.rings.write().unwrap_or_else(PoisonError::into_inner);
        let rings = rings.entry(context.provider.clone()).or_default();
        let ring = rings.entry(context.key.clone());
        Ok(Arc::clone(ring.or_insert_with(|| Arc::new(Ring::new(Arc::clone(source), context)))))
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("providers", &self.sources.keys()).finish_non_exhaustive()
    }
}
