//! Tries the keys that the policy names, in the background.

use super::{KeyState, Live, Tried};
use crate::telemetry::chain;
use proxy_config::{Action, KeyRef, Policy, ProviderName};
use proxy_crypto::{Keys, ProviderError};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// So that a key that is withdrawn or given back shows, although nothing uses it. With the operator's own interval and a call
/// that has no answer it stays below a minute, unless the pace of trials makes a round longer than this.
const INTERVAL: Duration = Duration::from_secs(20);
/// For keys whose provider does not answer.
const RETRY_INTERVAL: Duration = Duration::from_secs(5);
/// The same, while a starting pod waits for a provider's first answer.
const WAITING_INTERVAL: Duration = Duration::from_secs(3);
/// Keys of a provider tried at the same time, beside the pace that their calls have: a fleet that starts must not run its KMS into
/// a rate limit, and a provider that is slow must not hold up the others.
const CONCURRENCY: usize = 4;

impl Live {
    /// Tries all keys whenever [`keys_changed`](Self::keys_changed) was called and every 20 s, those without an answer every 5 s
    /// (3 s while a key keeps the pod from being ready), until `shutdown`. However long a round takes, it ends before the next.
    /// Data keys that have served their time go too.
    pub async fn check_keys(&self, shutdown: CancellationToken) {
        let check = async { tokio::join!(self.try_keys_in_rounds(), self.forget_old_keys()) };
        tokio::select! {
            _ = check => {}
            () = shutdown.cancelled() => {}
        }
    }

    async fn forget_old_keys(&self) {
        loop {
            self.keys.forget_old().await;
            tokio::time::sleep(INTERVAL).await;
        }
    }

    async fn try_keys_in_rounds(&self) {
        let mut all_due = Instant::now();
        loop {
            let start = Instant::now();
            let keys = if start >= all_due {
                all_due = start + INTERVAL;
                self.key_states.keys()
            } else {
                self.key_states.unanswered()
            };
            self.try_keys(keys).await;
            tokio::select! {
                () = tokio::time::sleep_until(self.next_round().min(all_due)) => {}
                () = self.keys_changed.notified() => all_due = Instant::now(),
            }
        }
    }

    /// When keys without an answer are tried again.
    fn next_round(&self) -> Instant {
        let waits = self.policy().is_some() && !self.key_states.obstacles().is_empty();
        let pause = match (waits, self.key_states.unanswered().is_empty()) {
            (true, _) => WAITING_INTERVAL,
            (false, false) => RETRY_INTERVAL,
            (false, true) => INTERVAL,
        };
        Instant::now() + pause
    }

    /// Tries each key of the policy once.
    pub async fn check_keys_once(&self) {
        self.try_keys(self.key_states.keys()).await;
    }

    async fn try_keys(&self, tried: Vec<KeyRef>) {
        let mut slots: BTreeMap<ProviderName, Arc<Semaphore>> = BTreeMap::new();
        let mut attempts = JoinSet::new();
        let policy = self.policy();
        for key in tried {
            let of_provider = slots.entry(key.provider.clone());
            let slots = Arc::clone(of_provider.or_insert_with(|| Arc::new(Semaphore::new(CONCURRENCY))));
            let (keys, policy) = (Arc::clone(&self.keys), policy.clone());
            attempts.spawn(async move {
                let _slot = slots.acquire_owned().await;
                let outcome = match &policy {
                    None => Tried::of(attempt(&keys, &key).await),
                    Some(policy) => attempt_all(&keys, &key, policy.effective.policy()).await,
                };
                (key, outcome)
            });
        }
        while let Some(finished) = attempts.join_next().await {
            match finished {
                Ok((key, outcome)) => self.note(&key, outcome),
                Err(error) => tracing::error!(%error, "trying a key ended unexpectedly"),
            }
        }
    }

    fn note(&self, key: &KeyRef, outcome: Tried) {
        let (name, message) =
            (outcome.writes.name().as_str(), outcome.writes.message().unwrap_or_default().to_owned());
        if !self.key_states.record(key, outcome, SystemTime::now()) {
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

/// What the provider says of one key now. It has limited time for each call; that it is asked may take longer.
pub(crate) async fn attempt(keys: &Keys, key: &KeyRef) -> KeyState {
    answer(keys.verify(&key.provider, &key.name)).await
}

/// The same of a key, and of all that rules hold under it.
pub(crate) async fn attempt_all(keys: &Keys, key: &KeyRef, policy: &Policy) -> Tried {
    let Tried { key: own, mut writes } = Tried::of(attempt(keys, key).await);
    let held = policy.rules().iter().filter_map(|rule| match &rule.action {
        Action::Encrypt(encrypt) if encrypt.key_ref() == *key => {
            Some((rule.topics.first()?, encrypt.pseudonym_key.as_ref()?))
        }
        _ => None,
    });
    for (pattern, wrapped) in held {
        if writes != KeyState::Ready {
            break;
        }
        let verify = keys.verify_wrapped(&key.provider, &key.name, wrapped.as_bytes());
        let about = |text: &str| format!("recordKeys.pseudonymKey of {pattern}: {text}");
        writes = match answer(verify).await {
            KeyState::Refused(text) => KeyState::Refused(about(&text)),
            KeyState::Unavailable(text) => KeyState::Unavailable(about(&text)),
            other => other,
        };
    }
    Tried { key: own, writes }
}

async fn answer(asked: impl Future<Output = Result<(), ProviderError>>) -> KeyState {
    match asked.await {
        Ok(()) => KeyState::Ready,
        Err(error) => state_of(&error),
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

#[cfg(test)]
mod tests;
