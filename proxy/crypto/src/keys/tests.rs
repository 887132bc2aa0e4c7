//! The life of data keys, against a provider that tests steer, in paused time.

mod an_hour_away;
mod crowd;
mod forgotten;
mod given_up;
mod opening;
mod provider;
mod pseudonyms;
mod sealing;
mod trials;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use self::provider::{Mood, TestProvider};
use super::{KeyLimits, Keys};
use crate::envelope::{BatchFacts, EnvelopeHeader};
use crate::name::{ClusterName, ProviderName};
use crate::provider::{KeyProvider, ProviderError};
use crate::seal::{BatchSealer, SealError};

const MINUTE: Duration = Duration::from_mins(1);

fn limits() -> KeyLimits {
    KeyLimits { messages: 10, bytes: 1000, ..KeyLimits::default() }
}

fn keys(limits: KeyLimits) -> (Arc<Keys>, Arc<TestProvider>) {
    let provider = Arc::new(TestProvider::default());
    (another(&provider, limits), provider)
}

/// Another process with the same provider.
fn another(provider: &Arc<TestProvider>, limits: KeyLimits) -> Arc<Keys> {
    let shared: Arc<dyn KeyProvider> = provider.clone();
    let providers = HashMap::from([(ProviderName::new("kms").unwrap(), shared)]);
    Arc::new(Keys::new(&ClusterName::new("cluster").unwrap(), providers, limits))
}

/// Lets background calls run to their end without the clock moving on.
async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

/// Long enough for any failure to be forgotten.
async fn pass_pause() {
    tokio::time::advance(Duration::from_secs(2)).await;
}

fn spend(key: &super::DataKey, messages: u64) {
    assert!(key.charge(messages, 0));
}

/// The header of an envelope that somebody else sealed.
async fn header(provider: &Arc<TestProvider>) -> Vec<u8> {
    own_header(&another(provider, limits())).await
}

async fn own_header(keys: &Keys) -> Vec<u8> {
    let key = keys.data_key("kms", "k").await.unwrap();
    let sealer = BatchSealer::new(&key, 1).unwrap();
    let mut header = Vec::new();
    let facts = BatchFacts { attributes: 0, record_count: 1, base_timestamp: 0, max_timestamp: 0 };
    sealer.header(&facts, &mut header);
    header
}

fn is_unavailable<T>(result: &Result<T, ProviderError>) -> bool {
    matches!(result, Err(ProviderError::Unavailable { .. }))
}

fn is_refused<T>(result: &Result<T, ProviderError>) -> bool {
    matches!(result, Err(ProviderError::Refused { .. }))
}

fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}
