//! Data keys that are kept in files and outlive this process: nothing is sealed with them here.

use super::Keys;
use crate::dek::WrappedKey;
use crate::provider::ProviderError;

impl Keys {
    /// Has a data key made for a file. It was seen to unwrap.
    pub async fn make(
        &self,
        provider: impl AsRef<str>,
        key: impl AsRef<str>,
    ) -> Result<WrappedKey, ProviderError> {
        let source = self.source(provider.as_ref(), key.as_ref())?;
        source.generate(&source.context(key.as_ref())?).await.map(|(_, wrapped)| wrapped)
    }

    /// Whether a data key in a file unwraps now. Waits as [`verify`](Self::verify) does.
    pub async fn verify_wrapped(
        &self,
        provider: impl AsRef<str>,
        key: impl AsRef<str>,
        wrapped: &[u8],
    ) -> Result<(), ProviderError> {
        let source = self.source(provider.as_ref(), key.as_ref())?;
        source.try_wrapped(&source.context(key.as_ref())?, wrapped).await
    }

    /// The version of the key that wraps a data key in a file, where its provider is known here and can tell. Asks nobody.
    pub fn version_of_wrapped(&self, provider: impl AsRef<str>, wrapped: &[u8]) -> Option<String> {
        self.sources.get(provider.as_ref())?.version(wrapped)
    }

    /// Has a data key that a provider's key wraps wrapped by the newest version of that key, or by another: each as provider and
    /// key. It was seen to unwrap to the same.
    pub async fn wrap_again(
        &self,
        wrapped: &[u8],
        (provider, key): (&str, &str),
        (new_provider, new_key): (&str, &str),
    ) -> Result<WrappedKey, ProviderError> {
        let (old, new) = (self.source(provider, key)?, self.source(new_provider, new_key)?);
        let dek = old.unwrap(&old.context(key)?, wrapped, None).await?;
        new.wrap(&new.context(new_key)?, &dek).await
    }
}

#[cfg(test)]
mod tests {
    use super::super::KeyLimits;
    use super::*;
    use crate::context::KmsContext;
    use crate::local::LocalKeys;
    use crate::name::{ClusterName, KeyName, ProviderName};
    use crate::provider::KeyProvider;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use std::collections::HashMap;
    use std::path::Path;
    use std::sync::Arc;

    fn put(directory: &Path, file: &str, byte: u8) {
        std::fs::write(directory.join(file), STANDARD.encode([byte; 32])).unwrap();
    }

    fn provider() -> ProviderName {
        ProviderName::new("files").unwrap()
    }

    /// As a program that starts now finds them.
    fn open(directory: &Path) -> (Keys, Arc<LocalKeys>) {
        let local = Arc::new(LocalKeys::open(directory, provider()));
        let shared: Arc<dyn KeyProvider> = local.clone();
        let cluster = ClusterName::new("cluster").unwrap();
        (Keys::new(&cluster, HashMap::from([(provider(), shared)]), KeyLimits::default()), local)
    }

    fn context(key: &str) -> KmsContext {
        let cluster = ClusterName::new("cluster").unwrap();
        KmsContext { cluster, provider: provider(), key: KeyName::new(key).unwrap() }
    }

    #[tokio::test]
    async fn a_data_key_is_the_same_under_a_new_version_and_under_another_key() {
        let directory = tempfile::tempdir().unwrap();
        put(directory.path(), "k.v1", 1);
        put(directory.path(), "other.v1", 3);
        let (keys, local) = open(directory.path());
        let first = keys.make("files", "k").await.unwrap();
        let dek = local.unwrap(&context("k"), first.as_bytes()).await.unwrap();

        put(directory.path(), "k.v2", 2);
        let (keys, local) = open(directory.path());
        let second = keys.wrap_again(first.as_bytes(), ("files", "k"), ("files", "k")).await.unwrap();
        assert_eq!(local.version(second.as_bytes()).as_deref(), Some("2"));
        let other = keys.wrap_again(second.as_bytes(), ("files", "k"), ("files", "other")).await.unwrap();
        assert!(local.unwrap(&context("k"), other.as_bytes()).await.is_err(), "bound to its own key");

        // What it was first is gone, and it is the same.
        std::fs::remove_file(directory.path().join("k.v1")).unwrap();
        let (keys, local) = open(directory.path());
        for (key, wrapped) in [("k", &second), ("other", &other)] {
            assert!(local.unwrap(&context(key), wrapped.as_bytes()).await.unwrap().same_as(&dek), "{key}");
        }
        let gone = keys.wrap_again(first.as_bytes(), ("files", "k"), ("files", "k")).await.unwrap_err();
        assert!(gone.is_gone(), "{gone}");
        assert!(keys.verify_wrapped("files", "k", first.as_bytes()).await.is_err());
        keys.verify_wrapped("files", "k", second.as_bytes()).await.unwrap();
        assert!(!keys.make("files", "k").await.unwrap().as_bytes().is_empty());
        assert!(matches!(keys.make("files", "nobodys").await, Err(ProviderError::Refused { .. })));
    }
}
