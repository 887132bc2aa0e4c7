//! A provider that wraps by not wrapping, and counts.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;

use crate::context::KmsContext;
use crate::dek::{Dek, WrappedKey};
use crate::provider::{KeyProvider, ProviderError};

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Mood {
    #[default]
    Well,
    /// Answers after this time.
    Slow(Duration),
    Unavailable,
    Silent,
    Refusing,
    Corrupt,
}

#[derive(Debug, Default)]
pub(super) struct TestProvider {
    pub(super) generated: AtomicU64,
    pub(super) unwrapped: AtomicU64,
    pub(super) epoch: AtomicU64,
    mood: Mutex<Mood>,
}

impl TestProvider {
    pub(super) fn set(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    pub(super) fn calls(&self) -> (u64, u64) {
        (self.generated.load(Ordering::Relaxed), self.unwrapped.load(Ordering::Relaxed))
    }

    async fn answer(&self, context: &KmsContext) -> Result<(), ProviderError> {
        let mood = *self.mood.lock().unwrap();
        match mood {
            Mood::Well => Ok(()),
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
    async fn generate(&self, context: &KmsContext) -> Result<(Dek, WrappedKey), ProviderError> {
        self.generated.fetch_add(1, Ordering::Relaxed);
        self.answer(context).await?;
        let dek = Dek::generate().unwrap();
        let wrapped = WrappedKey::new(dek.expose().as_slice());
        Ok((dek, wrapped))
    }

    async fn unwrap(&self, context: &KmsContext, wrapped: &[u8]) -> Result<Dek, ProviderError> {
        self.unwrapped.fetch_add(1, Ordering::Relaxed);
        self.answer(context).await?;
        Dek::from_bytes(wrapped).ok_or_else(|| ProviderError::corrupt(context, "length"))
    }

    fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Relaxed)
    }
}
