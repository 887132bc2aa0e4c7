//! What a key management system must be able to do, and how it says no.

use std::fmt;

use async_trait::async_trait;

use crate::context::KmsContext;
use crate::dek::{Dek, WrappedKey};
use crate::legacy::LegacyProvider;
use crate::name::{KeyName, ProviderName};

/// A key management system. The key-encryption keys never leave it.
#[async_trait]
pub trait KeyProvider: Send + Sync + fmt::Debug {
    /// Makes a data key and wraps it with the key of the context. The system itself can make it where it has a call for that.
    async fn generate(&self, context: &KmsContext) -> Result<(Dek, WrappedKey), ProviderError> {
        let dek = Dek::generate().map_err(|error| ProviderError::unavailable(context, error.to_string()))?;
        let wrapped = self.wrap(context, &dek).await?;
        Ok((dek, wrapped))
    }

    /// Wraps a data key that there is already: one that was made here, or one that outlives a version of its key.
    async fn wrap(&self, context: &KmsContext, dek: &Dek) -> Result<WrappedKey, ProviderError>;

    /// Unwraps a data key that was wrapped in the same context.
    async fn unwrap(&self, context: &KmsContext, wrapped: &[u8]) -> Result<Dek, ProviderError>;

    /// Changes whenever what the provider would answer may have changed, such as after key files were reloaded.
    /// Answers of an older epoch are asked again.
    fn epoch(&self) -> u64 {
        0
    }

    /// The version of the key-encryption key that wrapped a data key, as its system counts, where that can be told.
    fn version(&self, _wrapped: &[u8]) -> Option<String> {
        None
    }

    /// What it can do for the formats of earlier programs, if anything.
    fn legacy(&self) -> Option<&dyn LegacyProvider> {
        None
    }
}

/// Why a data key is not to be had. Texts name provider, key and cause, never a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// No answer. The same question may be answered later.
    #[error("key provider '{provider}' is unavailable for key '{key}': {cause}")]
    Unavailable {
        /// The provider that was asked.
        provider: ProviderName,
        /// The key-encryption key in question.
        key: KeyName,
        /// What went wrong.
        cause: String,
    },
    /// A definite no: the key is missing, disabled or denied.
    #[error("key provider '{provider}' refuses key '{key}': {cause}")]
    Refused {
        /// The provider that was asked.
        provider: ProviderName,
        /// The key-encryption key in question.
        key: KeyName,
        /// What went wrong.
        cause: String,
        /// Whether the system itself says that the key, or the version that wrapped the data key, is not there (any more): not only
        /// that it is disabled, that the caller may not use it, or that the caller is not known.
        gone: bool,
    },
    /// The wrapped key was altered, or belongs to another context.
    #[error("key provider '{provider}' cannot unwrap a data key with key '{key}': {cause}")]
    Corrupt {
        /// The provider that was asked.
        provider: ProviderName,
        /// The key-encryption key in question.
        key: KeyName,
        /// What went wrong.
        cause: String,
    },
}

impl ProviderError {
    /// What went wrong, without whom it concerns.
    pub fn cause(&self) -> &str {
        let (Self::Unavailable { cause, .. } | Self::Refused { cause, .. } | Self::Corrupt { cause, .. }) =
            self;
        cause
    }

    /// What became of a question, as the audit log tells it; `None` where there was no error.
    pub fn outcome(error: Option<&Self>) -> &'static str {
        match error {
            None => "ok",
            Some(Self::Refused { .. }) => "refused",
            Some(Self::Unavailable { .. }) => "unavailable",
            Some(Self::Corrupt { .. }) => "corrupt",
        }
    }

    /// Nobody waits for the answer for the context any more. It may have been given.
    pub fn given_up(context: &KmsContext) -> Self {
        Self::unavailable(context, "given up before there was an answer")
    }

    /// There was no answer for the context.
    pub fn unavailable(context: &KmsContext, cause: impl Into<String>) -> Self {
        Self::Unavailable {
            provider: context.provider.clone(),
            key: context.key.clone(),
            cause: cause.into(),
        }
    }

    /// The answer for the context was no.
    pub fn refused(context: &KmsContext, cause: impl Into<String>) -> Self {
        Self::no(context, cause.into(), false)
    }

    /// The answer for the context was that the key is gone: see [`Refused`](Self::Refused).
    pub fn gone(context: &KmsContext, cause: impl Into<String>) -> Self {
        Self::no(context, cause.into(), true)
    }

    fn no(context: &KmsContext, cause: String, gone: bool) -> Self {
        Self::Refused { provider: context.provider.clone(), key: context.key.clone(), cause, gone }
    }

    /// Whether the key is gone.
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Refused { gone: true, .. })
    }

    /// The wrapped key is not one of the context.
    pub fn corrupt(context: &KmsContext, cause: impl Into<String>) -> Self {
        Self::Corrupt { provider: context.provider.clone(), key: context.key.clone(), cause: cause.into() }
    }
}
