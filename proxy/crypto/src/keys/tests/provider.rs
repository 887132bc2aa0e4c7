//! A provider that wraps by not wrapping, and counts.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use crate::context::KmsContext;
use crate::dek::{Dek, WrappedKey};
use crate::provider::{KeyProvider, ProviderError};

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Mood {
    #[default]
    Well,
    /// Answers after this time.
    Slow(Duration),
    /// Makes data keys, but does not unwrap any.
    WrapsOnly,
    Unavailable,
    Silent,
    Refusing,
    Corrupt,
}

#[derive(Debug)]
pub(super) struct TestProvider {
    pub(super) generated: AtomicU64,
    pub(super) unwrapped: AtomicU64,
    /// When each was.
    pub(super) unwrapped_at: Mutex<Vec<Instant>>,
    pub(super) epoch: AtomicU64,
    /// Of the key; stands in what it wraps.
    pub(super) version: AtomicU8,
    mood: Mutex<Mood>,
}

impl Default for TestProvider {
    fn default() -> Self {
        Self {
            generated: AtomicU64::new(0),
            unwrapped: AtomicU64::new(0),
            unwrapped_at: Mutex::default(),
            epoch: AtomicU64::new(0),
            version: AtomicU8::new(1),
            mood: Mutex::default(),
        }
    }
}

impl TestProvider {
    pub(super) fn set(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    /// Data keys made, and those unwrapped besides: every one that is made is unwrapped once before it is used.
    pub(super) fn calls(&self) -> (u64, u64) {
        let (generated, unwrapped) =
            (self.generated.load(Ordering::Relaxed), self.unwrapped.load(Ordering::Relaxed));
        (generated, unwrapped.saturating_sub(generated))
    }

    async fn answer(&self, context: &KmsContext) -> Result<(), ProviderError> {
        let mood = *self.mood.lock().unwrap();
        match mood {
            Mood::Well | Mood::WrapsOnly => Ok(()),
            Mood::Slow(time) => {
                tokio::time::sleep(time).await;
                Ok(())
            }
            Mood::Unavailable => Err(ProviderError::unavailable(context, "connection refused")),
            Mood::Silent => std::future::pending().await,
            Mood::Refusing => Err(ProviderError::refused(context, "key is disabled")),
            Mood::Corrupt => Err(ProviderError::corrupt(context, "altered")),
        }
    }
}

#[async_trait]
impl KeyProvider for TestProvider {
    async fn wrap(&self, context: &KmsContext, dek: &Dek) -> Result<WrappedKey, ProviderError> {
        self.generated.fetch_add(1, Ordering::Relaxed);
        self.answer(context).await?;
        let version = self.version.load(Ordering::Relaxed);
        Ok(WrappedKey::new([&[version], dek.expose().as_slice()].concat()))
    }

    async fn unwrap(&self, context: &KmsContext, wrapped: &[u8]) -> Result<Dek, ProviderError> {
        self.unwrapped.fetch_add(1, Ordering::Relaxed);
        self.unwrapped_at.lock().unwrap().push(Instant::now());
        self.answer(context).await?;
        if *self.mood.lock().unwrap() == Mood::WrapsOnly {
            return Err(ProviderError::refused(context, "denied"));
        }
        wrapped.get(1..).and_then(Dek::from_bytes).ok_or_else(|| ProviderError::corrupt(context, "length"))
    }

    fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Relaxed)
    }

    fn version(&self, wrapped: &[u8]) -> Option<String> {
        wrapped.first().map(ToString::to_string)
    }
}
