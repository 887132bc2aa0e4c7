//! Data keys that nobody asks for do not stay in memory.

use std::sync::Weak;

use super::*;

/// Whether a data key is in memory still.
fn lives<T>(key: &Weak<T>) -> bool {
    key.strong_count() > 0
}

#[tokio::test(start_paused = true)]
async fn what_was_opened_is_forgotten_once_it_is_too_old_for_any_use() {
    let (keys, provider) = keys(limits());
    let header = header(&provider).await;
    let envelope = EnvelopeHeader::parse(&header).unwrap();
    let dek = Arc::downgrade(&keys.unwrap(&envelope, "t").await.unwrap());
    tokio::time::advance(59 * MINUTE).await;
    keys.forget_old().await;
    assert!(lives(&dek), "an outage may need it");
    tokio::time::advance(MINUTE).await;
    keys.forget_old().await;
    assert!(!lives(&dek));
}

#[tokio::test(start_paused = true)]
async fn what_makes_pseudonyms_is_forgotten_too() {
    let (keys, _provider) = keys(limits());
    let pseudonyms = Arc::downgrade(&keys.pseudonyms("kms", "k", &[1; 33], "t").await.unwrap());
    tokio::time::advance(60 * MINUTE).await;
    assert!(lives(&pseudonyms));
    keys.forget_old().await;
    assert!(!lives(&pseudonyms));
}

#[tokio::test(start_paused = true)]
async fn what_seals_is_forgotten_at_its_end_and_its_version_is_not() {
    let (keys, provider) = keys(KeyLimits { age: 20 * MINUTE, ..limits() });
    let in_use = keys.data_key("kms", "k").await.unwrap();
    let (wrapped, key) = (in_use.wrapped().to_owned(), Arc::downgrade(&in_use));
    drop(in_use);
    tokio::time::advance(19 * MINUTE).await;
    keys.forget_old().await;
    assert!(lives(&key));
    tokio::time::advance(MINUTE).await;
    keys.forget_old().await;
    assert!(!lives(&key));
    assert_eq!(keys.version("kms", "k").as_deref(), Some("1"));
    provider.version.store(2, Ordering::Relaxed);
    assert_ne!(keys.data_key("kms", "k").await.unwrap().wrapped(), wrapped);
    assert_eq!(keys.version("kms", "k").as_deref(), Some("2"));
}

#[tokio::test(start_paused = true)]
async fn what_seals_is_forgotten_when_its_provider_was_silent_for_too_long() {
    let (keys, _provider) = keys(KeyLimits { age: 600 * MINUTE, ..limits() });
    let key = Arc::downgrade(&keys.data_key("kms", "k").await.unwrap());
    tokio::time::advance(60 * MINUTE).await;
    keys.forget_old().await;
    assert!(!lives(&key), "it would be asked for first in any case");
}
