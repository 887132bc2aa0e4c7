//! Tries the keys that the policy names, in the background.

use super::{KeyState, Live};
use crate::telemetry::chain;
use proxy_config::KeyRef;
use proxy_crypto::{Keys, ProviderError};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// So that an outage and its end show although nothing uses the key.
const INTERVAL: Duration = Duration::from_secs(30);
/// While a starting pod waits for a provider's first answer.
const WAITING_INTERVAL: Duration = Duration::from_secs(3);
/// Keys tried at the same time: a fleet that starts must not run its KMS into a rate limit.
const CONCURRENCY: usize = 4;
/// Providers limit their calls themselves; this is for one that does not.
const PATIENCE: Duration = Duration::from_secs(20);

impl Live {
    /// Tries all keys whenever [`keys_changed`](Self::keys_changed) was called and every 30 s (3 s while a key keeps
    /// the pod from being ready), until `shutdown`.
    pub async fn check_keys(&self, shutdown: CancellationToken) {
        loop {
            tokio::select! {
                () = self.check_keys_once() => {}
                () = shutdown.cancelled() => return,
            }
            let waiting = self.policy().is_some() && !self.key_states.obstacles().is_empty();
            tokio::select! {
                () = tokio::time::sleep(if waiting { WAITING_INTERVAL } else { INTERVAL }) => {}
                () = self.keys_changed.notified() => {}
                () = shutdown.cancelled() => return,
            }
        }
    }

    /// Tries each key of the policy once.
    pub async fn check_keys_once(&self) {
        let slots = Arc::new(Semaphore::new(CONCURRENCY));
        let mut attempts = JoinSet::new();
        for key in self.key_states.keys() {
            let (slots, keys) = (Arc::clone(&slots), Arc::clone(&self.keys));
            attempts.spawn(async move {
                let _slot = slots.acquire_owned().await;
                let state = attempt(&keys, &key).await;
                (key, state)
            });
        }
        while let Some(finished) = attempts.join_next().await {
            match finished {
                Ok((key, state)) => self.note(&key, state),
                Err(error) => tracing::error!(%error, "trying a key ended unexpectedly"),
            }
        }
    }

    fn note(&self, key: &KeyRef, state: KeyState) {
        let (name, message) = (state.name(), state.message().unwrap_or_default().to_owned());
        if !self.key_states.record(key, state, SystemTime::now()) {
            return;
        }
        let (provider, key) = (&key.provider, &key.name);
        if message.is_empty() {
            tracing::info!(%provider, %key, state = name, "key state changed");
        } else {
            tracing::warn!(%provider, %key, state = name, error = %message, "key state changed");
        }
    }
}

/// What the provider says of one key now.
pub(crate) async fn attempt(keys: &Keys, key: &KeyRef) -> KeyState {
    let verify = keys.verify(&key.provider, &key.name);
    match tokio::time::timeout(PATIENCE, verify).await {
        Ok(Ok(())) => KeyState::Ready,
        Ok(Err(error)) => state_of(&error),
        Err(_) => KeyState::Unavailable(format!("no answer within {} s", PATIENCE.as_secs())),
    }
}

/// Unavailable may pass; anything else is a no.
fn state_of(error: &ProviderError) -> KeyState {
    let text = chain(error);
    match error {
        ProviderError::Unavailable { .. } => KeyState::Unavailable(text),
        ProviderError::Refused { .. } | ProviderError::Corrupt { .. } => KeyState::Refused(text),
    }
}
