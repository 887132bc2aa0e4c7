//! The data keys that one answer needs.

use super::{Failure, Opener};
use crate::connection::Session;
use crate::handler::Code;
use crate::metrics::labels::Refusal;
use proxy_crypto::{Dek, EnvelopeHeader, ProviderError};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Between two tries for a key that is not to be had.
const RETRY_PAUSE: Duration = Duration::from_millis(200);

/// A data key that this answer needed already.
pub(super) struct KnownKey {
    pub(super) provider: Box<str>,
    pub(super) key: Box<str>,
    pub(super) wrapped: Box<[u8]>,
    pub(super) dek: Arc<Dek>,
}

impl Opener {
    /// Adds the key of an envelope to those at hand.
    pub(super) async fn fetch_key(&mut self, session: &Session, header: &[u8]) -> Result<(), Failure> {
        let envelope = EnvelopeHeader::parse(header).map_err(|_| Failure::CORRUPT)?;
        let dek = self.unwrap(session, &envelope).await.map_err(|error| match error {
            ProviderError::Unavailable { .. } => {
                Failure { code: Code::KafkaStorageError, refusal: Refusal::KeyUnavailable }
            }
            ProviderError::Refused { .. } => {
                Failure { code: Code::TopicAuthorizationFailed, refusal: Refusal::KeyRefused }
            }
            ProviderError::Corrupt { .. } => Failure::CORRUPT,
        })?;
        self.keys.push(KnownKey {
            provider: envelope.provider().into(),
            key: envelope.key().into(),
            wrapped: envelope.wrapped().into(),
            dek,
        });
        Ok(())
    }

    async fn unwrap(
        &self,
        session: &Session,
        envelope: &EnvelopeHeader<'_>,
    ) -> Result<Arc<Dek>, ProviderError> {
        loop {
            match session.shared.live.keys().unwrap(envelope).await {
                Err(ProviderError::Unavailable { .. })
                    if self.deadline.is_some_and(|deadline| Instant::now() + RETRY_PAUSE < deadline) =>
                {
                    tokio::time::sleep(RETRY_PAUSE).await;
                }
                decided => return decided,
            }
        }
    }
}
