//! What a connection stands on: a policy, keys, and everything that connections share.

use super::policies::Directory;
use super::script::Script;
use crate::advertised::Advertised;
use crate::brokers::{Address, Brokers};
use crate::budget::Budget;
use crate::connection::{Shared, Timeouts};
use crate::handler::open::Lacked;
use crate::live::Live;
use crate::metrics::Metrics;
use crate::refusals::Refusals;
use crate::topics::Topics;
use crate::upstream::{Identity, Upstream};
use async_trait::async_trait;
use proxy_config::{ProviderName, ProxyConfig};
use proxy_crypto::{ClusterName, Dek, KeyLimits, KeyProvider, Keys, KmsContext, ProviderError, WrappedKey};
use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

const MAX_FRAME: usize = 4 << 20;
const BUDGET: usize = 16 << 20;

const PROXY: &str = "cluster: c\nupstream: {bootstrapServers: ['k:9092']}\nlisteners: [{name: a, bind: '0.0.0.0:9092', \
    advertisedHost: proxy, brokerPorts: {start: 9100, count: 4}}]\nkeyProviders: {default: {local: {directory: keys}}}\n\
    policy: {file: policy.yaml}\n";

static CONFIG: LazyLock<ProxyConfig> = LazyLock::new(|| ProxyConfig::parse(PROXY, Path::new("/")).unwrap());

pub(super) struct Stage {
    shared: Arc<Shared>,
    advertised: Arc<Advertised>,
    kms: Arc<Kms>,
    directory: Directory,
}

impl Stage {
    pub(super) fn new(script: &Script) -> Self {
        let kms = Arc::new(Kms(AtomicU8::new(script.mood)));
        let provider = ProviderName::new("default").unwrap();
        let directory = Directory::new(script);
        let metrics = Metrics::register(&mut Metrics::registry());
        let shared_kms: Arc<dyn KeyProvider> = Arc::<Kms>::clone(&kms);
        let named = proxy_crypto::ProviderName::new("default").unwrap();
        let keys = Keys::new(
            &ClusterName::new("c").unwrap(),
            HashMap::from([(named, shared_kms)]),
            KeyLimits::default(),
        );
        let live = Live::new(directory.files(), [provider].into(), Arc::new(keys), metrics.reloads.clone());
        assert!(live.reload_policy(), "the policy is valid: {:?}", live.last_error());
        let address = Address { host: "broker-0".to_owned(), port: 9092 };
        let identity = if script.as_itself { Identity::Certificate } else { Identity::Client };
        let shared = Shared {
            live: Arc::new(live),
            brokers: Arc::new(Brokers::fixed([(0, address.clone())].into())),
            topics: Topics::default(),
            upstream: Upstream::new(vec![address], None, identity),
            request_budget: Budget::new(BUDGET / 4),
            local_budget: Budget::new(BUDGET / 8),
            answer_budget: Budget::new(BUDGET / 8 * 3),
            growth_budget: Budget::new(BUDGET / 4),
            refusals: Refusals::new(metrics.records.refused.clone()),
            lacked: Lacked::default(),
            metrics,
            strangers: Arc::default(),
            max_frame_bytes: MAX_FRAME,
            fetch_max_bytes: 1 << 20,
            timeouts: Timeouts { authentication: Duration::from_secs(30), idle: Duration::from_mins(10) },
        };
        let advertised = Arc::new(Advertised::new(&CONFIG.listeners[0]));
        Self { shared: Arc::new(shared), advertised, kms, directory }
    }

    pub(super) fn parts(&self) -> (Arc<Shared>, Arc<Advertised>) {
        (Arc::clone(&self.shared), Arc::clone(&self.advertised))
    }

    pub(super) fn mood(&self, mood: u8) {
        self.kms.0.store(mood, Ordering::Relaxed);
    }

    /// Puts another policy in force; what is none changes nothing.
    pub(super) fn reload(&self, policy: u8) {
        let live = &self.shared.live;
        let before = live.policy().map(|policy| policy.generation);
        let is_valid = self.directory.replace(policy);
        let is_another = live.reload_policy();
        assert_eq!(live.last_error().is_none(), is_valid, "{:?}", live.last_error());
        let after = live.policy().map(|policy| policy.generation);
        assert_eq!(after > before, is_another, "what is in force is what was loaded");
        assert!(is_valid || !is_another, "no mistake comes in force");
    }

    /// Whether nothing of a connection is left.
    pub(super) fn is_clean(&self) {
        let shared = &self.shared;
        for budget in
            [&shared.request_budget, &shared.local_budget, &shared.answer_budget, &shared.growth_budget]
        {
            assert_eq!(budget.in_use(), 0, "every byte is given back");
        }
        assert_eq!(Arc::strong_count(shared), 1, "nobody holds what connections share");
    }
}

/// A key management system of many moods.
#[derive(Debug)]
struct Kms(AtomicU8);

const WRAPPED: &[u8] = &[9; 40];

impl Kms {
    async fn answer(&self, context: &KmsContext) -> Result<Dek, ProviderError> {
        match self.0.load(Ordering::Relaxed) % 6 {
            1 => Err(ProviderError::unavailable(context, "away")),
            2 => Err(ProviderError::refused(context, "no")),
            3 => Err(ProviderError::gone(context, "gone")),
            4 => std::future::pending().await,
            mood => {
                if mood == 5 {
                    tokio::time::sleep(Duration::from_secs(3)).await;
                }
                Ok(Dek::from_bytes(&[7; Dek::LEN]).unwrap())
            }
        }
    }
}

#[async_trait]
impl KeyProvider for Kms {
    async fn generate(&self, context: &KmsContext) -> Result<(Dek, WrappedKey), ProviderError> {
        self.answer(context).await.map(|dek| (dek, WrappedKey::new(WRAPPED)))
    }

    async fn wrap(&self, context: &KmsContext, _dek: &Dek) -> Result<WrappedKey, ProviderError> {
        Err(ProviderError::refused(context, "there is one data key, which it makes"))
    }

    async fn unwrap(&self, context: &KmsContext, wrapped: &[u8]) -> Result<Dek, ProviderError> {
        if wrapped == WRAPPED {
            self.answer(context).await
        } else {
            Err(ProviderError::corrupt(context, "altered"))
        }
    }
}
