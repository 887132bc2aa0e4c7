//! The data keys of the batches at hand.

use super::Cause;
use proxy_config::EffectivePolicy;
use proxy_crypto::{Dek, EnvelopeHeader, Keys, ProviderError};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Data keys that are kept. The cache behind them may ask its provider again, this one is only for a few batches.
pub(super) const KEPT: usize = 64;
/// A data key is asked for again after so long: the cache behind this one sees to it that a revoked key stops.
const FRESH: Duration = Duration::from_secs(5);
/// A provider that does not answer is asked so often, each time after a longer pause.
const TRIES: u32 = 6;
const PAUSE: Duration = Duration::from_millis(500);

type Answer = Result<Arc<Dek>, Cause>;

/// What providers said last.
pub(super) struct DataKeys {
    keys: Arc<Keys>,
    policy: Option<Arc<EffectivePolicy>>,
    known: VecDeque<Known>,
}

struct Known {
    provider: Box<str>,
    key: Box<str>,
    wrapped: Box<[u8]>,
    answer: Answer,
    since: Instant,
}

impl Known {
    /// A no stands; so does what a provider that did not answer came to in the end.
    fn stands(&self) -> bool {
        self.answer.is_err() || self.since.elapsed() < FRESH
    }
}

impl DataKeys {
    /// With a policy only keys that it lets records be under are asked for.
    pub(super) fn new(keys: Arc<Keys>, policy: Option<Arc<EffectivePolicy>>) -> Self {
        Self { keys, policy, known: VecDeque::new() }
    }

    pub(super) fn providers(&self) -> &Arc<Keys> {
        &self.keys
    }

    /// The data key of an envelope. A provider that does not answer is asked again for a while; what it says in the end is
    /// remembered too.
    pub(super) async fn get(&mut self, envelope: &EnvelopeHeader<'_>, topic: &str) -> Answer {
        // Those that are needed together must not drive one another out, so the last one that was asked for goes last.
        if let Some(known) = self.place(envelope).and_then(|place| self.known.remove(place))
            && known.stands()
        {
            let answer = known.answer.clone();
            self.known.push_back(known);
            return answer;
        }
        let answer = self.ask(envelope, topic).await;
        if self.known.len() >= KEPT {
            self.known.pop_front();
        }
        self.known.push_back(Known {
            provider: envelope.provider().into(),
            key: envelope.key().into(),
            wrapped: envelope.wrapped().into(),
            answer: answer.clone(),
            since: Instant::now(),
        });
        answer
    }

    /// The same, if it was asked for of late.
    pub(super) fn find(&self, envelope: &EnvelopeHeader<'_>) -> Option<&Answer> {
        self.known.get(self.place(envelope)?).map(|known| &known.answer)
    }

    fn place(&self, envelope: &EnvelopeHeader<'_>) -> Option<usize> {
        self.known.iter().rposition(|known| {
            *known.wrapped == *envelope.wrapped()
                && *known.provider == *envelope.provider()
                && *known.key == *envelope.key()
        })
    }

    async fn ask(&self, envelope: &EnvelopeHeader<'_>, topic: &str) -> Answer {
        let (provider, key) = (envelope.provider(), envelope.key());
        // Whoever writes to brokers chooses what an envelope names.
        if self.policy.as_ref().is_some_and(|policy| !policy.may_open(provider, key)) {
            return Err(Cause::UnknownKey { provider: provider.to_owned(), key: key.to_owned() });
        }
        let mut pause = PAUSE;
        let mut left = TRIES;
        let mut was_refused = false;
        loop {
            left = left.saturating_sub(1);
            match self.keys.unwrap(envelope, topic).await {
                Err(ProviderError::Unavailable { .. }) if left > 0 => {
                    tokio::time::sleep(pause).await;
                    pause = pause.saturating_mul(2);
                }
                // Nobody was asked.
                Err(error) if !self.keys.has_provider(envelope.provider()) => {
                    return Err(Cause::Provider(error));
                }
                // What a provider says once may be a token that ended just now.
                Err(ProviderError::Refused { .. }) if !was_refused => {
                    was_refused = true;
                    tokio::time::sleep(PAUSE).await;
                }
                decided => return decided.map_err(Cause::Key),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_trait::async_trait;
    use proxy_config::{Ledger, Policy};
    use proxy_crypto::{ClusterName, KeyLimits, KeyProvider, KmsContext, ProviderName, WrappedKey};
    use std::collections::HashMap;
    use std::sync::atomic::{AtomicBool, Ordering};

    /// Unwraps until its key is revoked.
    #[derive(Debug, Default)]
    struct Kms {
        revoked: AtomicBool,
        asked: AtomicBool,
    }

    #[async_trait]
    impl KeyProvider for Kms {
        async fn wrap(&self, context: &KmsContext, _dek: &Dek) -> Result<WrappedKey, ProviderError> {
            Err(ProviderError::refused(context, "not asked for here"))
        }

        async fn unwrap(&self, context: &KmsContext, _wrapped: &[u8]) -> Result<Dek, ProviderError> {
            self.asked.store(true, Ordering::Relaxed);
            if self.revoked.load(Ordering::Relaxed) {
                return Err(ProviderError::refused(context, "revoked"));
            }
            Ok(Dek::from_bytes(&[7; Dek::LEN]).unwrap())
        }
    }

    /// An envelope header of record format with this wrapped data key.
    fn header(wrapped: u8) -> Vec<u8> {
        let mut header = vec![1, 2, 1, 1, 1, b'p', 1, b'k', 0, 1, wrapped];
        header.resize(header.len() + 32 + 16 + 12 + 8, 0);
        header
    }

    #[tokio::test]
    async fn nobody_is_asked_for_a_key_that_the_policy_does_not_know() {
        let kms = Arc::new(Kms::default());
        let providers = HashMap::from([(ProviderName::new("p").unwrap(), Arc::clone(&kms) as _)]);
        let keys = Keys::new(&ClusterName::new("c").unwrap(), providers, KeyLimits::default());
        let policy = |text: &str| {
            let policy = Policy::parse(text, &[proxy_config::ProviderName::new("p").unwrap()].into());
            Some(Arc::new(EffectivePolicy::new(policy.unwrap(), Ledger::default())))
        };
        let keys = Arc::new(keys);
        let header = header(1);
        let envelope = EnvelopeHeader::parse(&header).unwrap();
        let mut limited = DataKeys::new(Arc::clone(&keys), policy("rules: []\nenvelopeKeys: Known"));
        let cause = limited.get(&envelope, "t").await.unwrap_err();
        assert!(cause.to_string().contains("key 'k' of provider 'p'"), "{cause}");
        let lost = ["p/k".parse().unwrap()];
        assert!(!cause.is_passing() && !cause.is_lost(&lost), "another policy may know it");
        assert!(!kms.asked.load(Ordering::Relaxed));
        DataKeys::new(keys, policy("rules: []")).get(&envelope, "t").await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_that_is_revoked_during_a_run_opens_no_more() {
        let (kms, limits) = (Arc::new(Kms::default()), KeyLimits::default());
        let providers = HashMap::from([(ProviderName::new("p").unwrap(), Arc::clone(&kms) as _)]);
        let keys = Keys::new(&ClusterName::new("c").unwrap(), providers, limits.clone());
        let mut keys = DataKeys::new(Arc::new(keys), None);
        let header = header(1);
        let envelope = EnvelopeHeader::parse(&header).unwrap();
        keys.get(&envelope, "t").await.unwrap();
        kms.revoked.store(true, Ordering::Relaxed);
        tokio::time::advance(limits.revocation_delay).await;
        let refused = keys.get(&envelope, "t").await.unwrap_err();
        assert!(matches!(refused, Cause::Key(ProviderError::Refused { .. })), "{refused}");
        assert!(keys.find(&envelope).unwrap().is_err());
    }

    #[tokio::test]
    async fn what_was_asked_for_last_stays() {
        let cluster = ClusterName::new("c").unwrap();
        let keys = Keys::new(&cluster, HashMap::new(), KeyLimits::default());
        let mut keys = DataKeys::new(Arc::new(keys), None);
        let all: Vec<Vec<u8>> = (0..=u8::try_from(KEPT).unwrap()).map(header).collect();
        let envelope = |index: usize| EnvelopeHeader::parse(&all[index]).unwrap();
        for index in 0..KEPT {
            keys.get(&envelope(index), "t").await.unwrap_err();
        }
        keys.get(&envelope(0), "t").await.unwrap_err();
        keys.get(&envelope(KEPT), "t").await.unwrap_err();
        assert!(keys.find(&envelope(0)).is_some(), "it was asked for again");
        assert!(keys.find(&envelope(1)).is_none(), "it was asked for first");
    }
}
