//! A provider with everything that stands between it and a storm of questions.

mod under_way;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use self::under_way::UnderWay;
use super::audit::Operation;
use super::breaker::Breaker;
use super::limits::KeyLimits;
use super::pace::Pace;
use super::scope::Scopes;
use super::stats::KeyStats;
use crate::context::KmsContext;
use crate::dek::{Dek, WrappedKey};
use crate::envelope::MAX_WRAPPED_LEN;
use crate::legacy::{EdekError, LegacyKey, LegacySource};
use crate::name::{ClusterName, KeyName, ProviderName};
use crate::provider::{KeyProvider, ProviderError};

pub(super) struct Source {
    cluster: ClusterName,
    name: ProviderName,
    provider: Arc<dyn KeyProvider>,
    breaker: Breaker,
    /// Of data keys that were never seen before.
    pace: Pace,
    /// Of trials.
    trials: Pace,
    call_timeout: Duration,
    stats: Arc<KeyStats>,
    scopes: Arc<Scopes>,
}

/// What a provider is asked.
#[derive(Clone, Copy)]
struct Call<'a> {
    context: &'a KmsContext,
    operation: Operation,
    /// The data key to unwrap.
    wrapped: Option<&'a [u8]>,
    /// Whose data is asked for; none where the call is for all topics that the key serves.
    topic: Option<&'a str>,
    /// It was never seen before, and may be anything.
    provoked: bool,
}

impl Source {
    pub(super) fn new(
        (cluster, name): (ClusterName, ProviderName),
        provider: Arc<dyn KeyProvider>,
        limits: &KeyLimits,
        stats: Arc<KeyStats>,
        scopes: Arc<Scopes>,
    ) -> Self {
        Self {
            cluster,
            name,
            provider,
            breaker: Breaker::new(limits),
            pace: Pace::new(limits.calls_per_second),
            trials: Pace::even(limits.calls_per_second),
            call_timeout: limits.call_timeout,
            stats,
            scopes,
        }
    }

    /// The context of a key of this provider.
    pub(super) fn context(&self, key: &str) -> Result<KmsContext, ProviderError> {
        let context = |key| KmsContext { cluster: self.cluster.clone(), provider: self.name.clone(), key };
        match KeyName::new(key) {
            Ok(key) => Ok(context(key)),
            Err(error) => Err(ProviderError::refused(&context(KeyName::or_invalid(key)), error.to_string())),
        }
    }

    pub(super) fn epoch(&self) -> u64 {
        self.provider.epoch()
    }

    pub(super) fn is_failing(&self) -> bool {
        self.breaker.is_failing(self.provider.epoch())
    }

    /// Has the provider make a data key, and unwrap it again: nothing is sealed with one that may not come back, because the
    /// provider may wrap but not unwrap, or binds it to something else than it was told.
    pub(super) async fn generate(&self, context: &KmsContext) -> Result<(Dek, WrappedKey), ProviderError> {
        let (dek, wrapped) = self.make(context).await?;
        self.check(context, &dek, &wrapped).await?;
        Ok((dek, wrapped))
    }

    /// The same, for nothing but to see whether it works. How many keys there are to try is up to whoever writes policies, so trials
    /// have a pace: it must hold up neither data nor that a revoked key is noticed, and so is another one than that of
    /// [`unwrap_new`](Self::unwrap_new). A turn may be long in coming; a call is limited as all are.
    pub(super) async fn try_key(&self, context: &KmsContext) -> Result<(), ProviderError> {
        self.trial(context).await?;
        let (dek, wrapped) = self.make(context).await?;
        self.trial(context).await?;
        self.check(context, &dek, &wrapped).await
    }

    /// The same of a data key that there is already.
    pub(super) async fn try_wrapped(
        &self,
        context: &KmsContext,
        wrapped: &[u8],
    ) -> Result<(), ProviderError> {
        self.trial(context).await?;
        self.unwrap(context, wrapped, None).await.map(drop)
    }

    /// Waits for the turn of a call of a trial. One that is not made, because the provider is left alone, needs none.
    async fn trial(&self, context: &KmsContext) -> Result<(), ProviderError> {
        if self.breaker.leaves_alone(self.provider.epoch()) {
            return Err(self.left_alone(context));
        }
        self.trials.turn().await;
        Ok(())
    }

    /// A call that is not made is only counted.
    fn left_alone(&self, context: &KmsContext) -> ProviderError {
        KeyStats::count(&self.stats.short_circuited);
        ProviderError::unavailable(context, "it did not answer of late and is asked again soon")
    }

    async fn make(&self, context: &KmsContext) -> Result<(Dek, WrappedKey), ProviderError> {
        let call =
            Call { context, operation: Operation::Generate, wrapped: None, topic: None, provoked: false };
        let made = self.call(call, self.provider.generate(context), |(_, wrapped)| Some(wrapped.as_bytes()));
        let made = made.await?;
        KeyStats::count(&self.stats.generated);
        Ok(made)
    }

    /// Has the provider wrap a data key that there is already, and unwrap it again.
    pub(super) async fn wrap(&self, context: &KmsContext, dek: &Dek) -> Result<WrappedKey, ProviderError> {
        let call = Call { context, operation: Operation::Wrap, wrapped: None, topic: None, provoked: false };
        let wrapped = self.call(call, self.provider.wrap(context, dek), |made| Some(made.as_bytes())).await?;
        self.check(context, dek, &wrapped).await?;
        Ok(wrapped)
    }

    /// Nothing relies on a wrapped data key that does not come back as what it was.
    async fn check(
        &self,
        context: &KmsContext,
        dek: &Dek,
        wrapped: &WrappedKey,
    ) -> Result<(), ProviderError> {
        let length = wrapped.as_bytes().len();
        if !(1..=MAX_WRAPPED_LEN).contains(&length) {
            let cause = format!("its wrapped data key has {length} bytes, not 1 to {MAX_WRAPPED_LEN}");
            return Err(ProviderError::refused(context, cause));
        }
        if !self.unwrap(context, wrapped.as_bytes(), None).await?.same_as(dek) {
            return Err(ProviderError::corrupt(context, "the data key that it wrapped unwraps to another"));
        }
        Ok(())
    }

    /// The version of the key that wrapped a data key.
    pub(super) fn version(&self, wrapped: &[u8]) -> Option<String> {
        self.provider.version(wrapped)
    }

    /// Has the provider unwrap a data key that was never seen before. How many there are is up to whoever stores records, so these
    /// calls have a pace: it must not hold up those by which a revoked key is noticed.
    pub(super) async fn unwrap_new(
        &self,
        context: &KmsContext,
        wrapped: &[u8],
        topic: &str,
    ) -> Result<Dek, ProviderError> {
        self.turn(context).await?;
        self.ask(context, wrapped, Some(topic), true).await
    }

    /// Waits for the turn of a call that anybody can provoke, up to the time that a call has. Where none comes by then that is said at
    /// once, and as any failure keeps the same question from being asked again for a while.
    ///
    /// Before the breaker is entered: the one call that tries a provider again keeps off all others, so nobody may be that call and
    /// wait. And not where the provider is left alone, which would use turns for nothing.
    async fn turn(&self, context: &KmsContext) -> Result<(), ProviderError> {
        if self.breaker.leaves_alone(self.provider.epoch()) {
            return Err(self.left_alone(context));
        }
        if self.pace.turn_within(self.call_timeout).await {
            return Ok(());
        }
        Err(ProviderError::unavailable(
            context,
            "more data keys are asked for than keys.maxCallsPerSecond allows",
        ))
    }

    /// The key that an encrypted data key of an earlier program names.
    pub(super) fn named_key(&self, edek: &[u8]) -> Result<KeyName, EdekError> {
        self.provider.legacy().ok_or(EdekError::Unsupported)?.named_key(edek)
    }

    /// Has the provider get a key of an earlier program; `provoked` where nobody ever saw it. It is the same call to the breaker
    /// and to the pace, and another one to the audit log.
    pub(super) async fn legacy_key(
        &self,
        context: &KmsContext,
        wanted: LegacySource<'_>,
        topic: &str,
        provoked: bool,
    ) -> Result<LegacyKey, ProviderError> {
        let Some(legacy) = self.provider.legacy() else {
            return Err(ProviderError::refused(context, EdekError::Unsupported.to_string()));
        };
        if provoked {
            self.turn(context).await?;
        }
        let wrapped = match wanted {
            LegacySource::Stored(_) => None,
            LegacySource::Edek(edek) => Some(edek),
        };
        let operation = Operation::UnwrapLegacy;
        let call = Call { context, operation, wrapped, topic: Some(topic), provoked };
        let key = self.call(call, legacy.legacy_key(context, wanted), |_| None).await?;
        KeyStats::count(&self.stats.unwrapped);
        Ok(key)
    }

    /// Has the provider unwrap a data key.
    pub(super) async fn unwrap(
        &self,
        context: &KmsContext,
        wrapped: &[u8],
        topic: Option<&str>,
    ) -> Result<Dek, ProviderError> {
        self.ask(context, wrapped, topic, false).await
    }

    async fn ask(
        &self,
        context: &KmsContext,
        wrapped: &[u8],
        topic: Option<&str>,
        provoked: bool,
    ) -> Result<Dek, ProviderError> {
        let call = Call { context, operation: Operation::Unwrap, wrapped: Some(wrapped), topic, provoked };
        let dek = self.call(call, self.provider.unwrap(context, wrapped), |_| None).await?;
        KeyStats::count(&self.stats.unwrapped);
        Ok(dek)
    }

    /// A call, and a line of the audit log.
    async fn call<T>(
        &self,
        call: Call<'_>,
        answer: impl Future<Output = Result<T, ProviderError>>,
        made: impl Fn(&T) -> Option<&[u8]>,
    ) -> Result<T, ProviderError> {
        let Some(permit) = self.breaker.enter(self.provider.epoch()) else {
            return Err(self.left_alone(call.context));
        };
        let (context, provoked) = (call.context, call.provoked);
        let under_way = UnderWay::new(self, call);
        let answer = tokio::time::timeout(self.call_timeout, answer).await.unwrap_or_else(|_| {
            KeyStats::count(&self.stats.timeouts);
            let cause = format!("no answer within {} ms", self.call_timeout.as_millis());
            Err(ProviderError::unavailable(context, cause))
        });
        let answered = !matches!(answer, Err(ProviderError::Unavailable { .. }));
        if provoked {
            permit.report_provoked(answered);
        } else {
            permit.report(answered);
        }
        if let Err(error) = &answer {
            self.stats.count_failure(error);
        }
        under_way.ended(answer.as_ref().ok().and_then(made), answer.as_ref().err());
        answer
    }
}
