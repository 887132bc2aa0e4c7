//! The keys that batches of a topic are sealed with, and what a producer is told where there are none.

use crate::connection::Shared;
use crate::handler::Code;
use crate::metrics::labels::Refusal;
use proxy_config::EncryptRule;
use proxy_crypto::{DataKey, ProviderError, Pseudonyms};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Between two tries for a key that is not to be had.
const RETRY_PAUSE: Duration = Duration::from_millis(100);

/// All that a topic's batches are sealed with. Nothing is sealed with a part of it.
pub(super) async fn of(
    shared: &Shared,
    topic: &str,
    rule: &EncryptRule,
    deadline: Instant,
) -> Result<(Arc<DataKey>, Option<Arc<Pseudonyms>>), ProviderError> {
    let pseudonyms = match &rule.pseudonym_key {
        None => None,
        Some(wrapped) => {
            let ask = || shared.live.keys().pseudonyms(&rule.provider, &rule.key, wrapped.as_bytes(), topic);
            Some(patiently(deadline, ask).await?)
        }
    };
    Ok((data_key(shared, &rule.provider, &rule.key, deadline).await?, pseudonyms))
}

/// What a producer is told where there is no key.
pub(super) fn refusal(error: &ProviderError) -> (Code, Refusal) {
    match error {
        ProviderError::Unavailable { .. } => (Code::NotEnoughReplicas, Refusal::KeyUnavailable),
        ProviderError::Refused { .. } | ProviderError::Corrupt { .. } => {
            (Code::TopicAuthorizationFailed, Refusal::KeyRefused)
        }
    }
}

/// Waits for the key until the deadline; a definite no ends the waiting at once.
pub(super) async fn data_key(
    shared: &Shared,
    provider: impl AsRef<str>,
    key: impl AsRef<str>,
    deadline: Instant,
) -> Result<Arc<DataKey>, ProviderError> {
    patiently(deadline, || shared.live.keys().data_key(provider.as_ref(), key.as_ref())).await
}

async fn patiently<T, F: Future<Output = Result<T, ProviderError>>>(
    deadline: Instant,
    ask: impl Fn() -> F,
) -> Result<T, ProviderError> {
    loop {
        match ask().await {
            Err(ProviderError::Unavailable { .. }) if Instant::now() + RETRY_PAUSE < deadline => {
                tokio::time::sleep(RETRY_PAUSE).await;
            }
            decided => return decided,
        }
    }
}
