//! The data keys that one answer needs.

use super::{Failure, Opener, Task};
use crate::handler::Code;
use crate::legacy::NoKey;
use crate::metrics::labels::Refusal;
use proxy_config::OnUnreadable;
use proxy_crypto::{Dek, EnvelopeHeader, ProviderError};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Between two tries for a key that is not to be had.
const RETRY_PAUSE: Duration = Duration::from_millis(200);

/// After a wait of so long keys at hand are asked for again: one may have been revoked meanwhile.
pub(in crate::handler) const LONG: Duration = Duration::from_secs(1);

/// A data key that this answer needed already.
pub(super) struct KnownKey {
    pub(super) provider: Box<str>,
    pub(super) key: Box<str>,
    pub(super) wrapped: Box<[u8]>,
    pub(super) dek: Arc<Dek>,
}

/// A data key that this answer needed and whose provider said no.
pub(super) struct RefusedKey {
    pub(super) provider: Box<str>,
    pub(super) key: Box<str>,
    pub(super) wrapped: Box<[u8]>,
}

impl RefusedKey {
    pub(super) fn is(&self, envelope: &EnvelopeHeader<'_>) -> bool {
        *self.wrapped == *envelope.wrapped()
            && *self.provider == *envelope.provider()
            && *self.key == *envelope.key()
    }
}

/// The newest first: most records have the key of the one before.
pub(super) fn find(keys: &[KnownKey], envelope: &EnvelopeHeader<'_>) -> Option<Arc<Dek>> {
    let known = keys.iter().rev().find(|known| {
        *known.wrapped == *envelope.wrapped()
            && *known.provider == *envelope.provider()
            && *known.key == *envelope.key()
    });
    known.map(|known| Arc::clone(&known.dek))
}

/// Whether an error says no more than that nobody answered.
pub(super) trait NoAnswer {
    fn is_none(&self) -> bool;

    /// Whether no answer will ever be another: what is stored is not right.
    fn is_corrupt(&self) -> bool;
}

impl NoAnswer for ProviderError {
    fn is_none(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }

    fn is_corrupt(&self) -> bool {
        matches!(self, Self::Corrupt { .. })
    }
}

impl NoAnswer for NoKey {
    fn is_none(&self) -> bool {
        matches!(self, Self::Provider(ProviderError::Unavailable { .. }))
    }

    fn is_corrupt(&self) -> bool {
        matches!(self, Self::Provider(ProviderError::Corrupt { .. }))
    }
}

/// What a client is told where a key is not to be had.
pub(super) fn failure(error: &ProviderError) -> Failure {
    match error {
        ProviderError::Unavailable { .. } => {
            Failure { code: Code::KafkaStorageError, refusal: Refusal::KeyUnavailable }
        }
        ProviderError::Refused { .. } => {
            Failure { code: Code::TopicAuthorizationFailed, refusal: Refusal::KeyRefused }
        }
        ProviderError::Corrupt { .. } => Failure::CORRUPT,
    }
}

impl Opener {
    /// Adds the key of an envelope to those at hand, or to those that are refused where the rule goes on without.
    pub(super) async fn fetch_key(&mut self, task: &Task<'_>, header: &[u8]) -> Result<(), Failure> {
        let envelope = EnvelopeHeader::parse(header).map_err(|_| Failure::CORRUPT)?;
        // Before anybody is asked: whoever writes to brokers chooses what an envelope names.
        if !self
            .policy
            .as_ref()
            .is_some_and(|policy| policy.effective.may_open(envelope.provider(), envelope.key()))
        {
            let (provider, key) = (envelope.provider(), envelope.key());
            self.cause = Some(format!("the policy does not know key '{key}' of provider '{provider}'"));
            return Err(Failure { code: Code::TopicAuthorizationFailed, refusal: Refusal::KeyUnknown });
        }
        let live = &task.session.shared.live;
        let keys = live.keys();
        let error = match self.patiently(|| keys.unwrap(&envelope, task.place.topic)).await {
            Ok(dek) => {
                live.unreadable().note_there(&envelope, || keys.version_of(&envelope));
                self.keys.push(KnownKey {
                    provider: envelope.provider().into(),
                    key: envelope.key().into(),
                    wrapped: envelope.wrapped().into(),
                    dek,
                });
                return Ok(());
            }
            Err(error) => error,
        };
        // Not where it is only disabled, or where the provider says no to whoever asks.
        if error.is_gone() && task.strictness.on_unreadable != OnUnreadable::Error {
            let is_lost = live.note_gone(&envelope);
            if is_lost {
                self.refused.push(RefusedKey {
                    provider: envelope.provider().into(),
                    key: envelope.key().into(),
                    wrapped: envelope.wrapped().into(),
                });
                return Ok(());
            }
            self.cause = Some(error.to_string());
            return Err(Failure { code: Code::KafkaStorageError, refusal: Refusal::KeyRefused });
        }
        let version = || keys.version_of(&envelope);
        live.unreadable().note_refused(&envelope, task.place.topic, &error, version);
        self.cause = Some(error.to_string());
        Err(failure(&error))
    }

    /// Asks again, within the patience of the answer, where a provider does not answer.
    pub(super) async fn patiently<T, E: NoAnswer, F: Future<Output = Result<T, E>>>(
        &mut self,
        ask: impl Fn() -> F,
    ) -> Result<T, E> {
        let since = Instant::now();
        loop {
            let answer = ask().await;
            if since.elapsed() >= LONG {
                self.let_go_of_keys();
            }
            match answer {
                Err(error)
                    if error.is_none()
                        && self.deadline.is_some_and(|deadline| Instant::now() + RETRY_PAUSE < deadline) =>
                {
                    tokio::time::sleep(RETRY_PAUSE).await;
                }
                decided => return decided,
            }
        }
    }
}
