//! Keys of earlier programs, with the same caches, limits and times as ours.

use std::sync::Arc;

use super::Keys;
use super::unwrapped::DataKeyId;
use crate::legacy::{EdekError, LegacyKey, LegacySource};
use crate::name::{KeyName, ProviderName};
use crate::provider::ProviderError;

impl Keys {
    /// A key that an earlier program encrypted with, from a provider. Waits no longer than [`unwrap`](Self::unwrap)
    /// does. The topic is where the record was found.
    pub async fn legacy_key(
        &self,
        provider: impl AsRef<str>,
        wanted: LegacySource<'_>,
        topic: &str,
    ) -> Result<Arc<LegacyKey>, ProviderError> {
        let provider = provider.as_ref();
        let (key, wrapped): (KeyName, &[u8]) = match wanted {
            LegacySource::Stored(key) => (KeyName::or_invalid(key), &[]),
            LegacySource::Edek(edek) => (self.legacy_key_name(provider, edek)?, edek),
        };
        let source = self.source(provider, key.as_str())?;
        let id = DataKeyId { provider, key: key.as_str(), wrapped };
        let stored = matches!(wanted, LegacySource::Stored(_));
        let call = |source: Arc<super::source::Source>, context: crate::context::KmsContext, known: bool| {
            let (wrapped, topic): (Box<[u8]>, Box<str>) = (wrapped.into(), topic.into());
            async move {
                let wanted = if stored {
                    LegacySource::Stored(context.key.as_str())
                } else {
                    LegacySource::Edek(&wrapped)
                };
                source.legacy_key(&context, wanted, &topic, !known).await
            }
        };
        self.shared.legacy.get(source, id, &self.shared, call).await
    }

    /// The key-encryption key that an encrypted data key names. Asks nobody.
    pub fn legacy_key_name(&self, provider: &str, edek: &[u8]) -> Result<KeyName, ProviderError> {
        let unknown = KeyName::or_invalid("unknown");
        let named = self.source(provider, unknown.as_str())?.named_key(edek);
        named.map_err(|error| {
            let (provider, key, cause) = (ProviderName::or_invalid(provider), unknown, error.to_string());
            match error {
                EdekError::Layout => ProviderError::Corrupt { provider, key, cause },
                EdekError::Name(_) | EdekError::Unsupported => {
                    ProviderError::Refused { provider, key, cause, gone: false }
                }
            }
        })
    }
}
