//! Keys of earlier programs in files: those of topic-encryption, and those that Kroxylicious has in memory.
//!
//! The file is the first version of a key, `NAME.v1`, since neither program has versions. A key in memory is named by its UUID.

use async_trait::async_trait;

use super::{LocalKeys, error};
use crate::context::KmsContext;
use crate::legacy::{EdekError, InMemoryEdek, LegacyKey, LegacyProvider, LegacySource};
use crate::name::KeyName;
use crate::provider::ProviderError;

const VERSION: u32 = 1;

#[async_trait]
impl LegacyProvider for LocalKeys {
    fn named_key(&self, edek: &[u8]) -> Result<KeyName, EdekError> {
        InMemoryEdek::parse(edek).map(|edek| edek.key)
    }

    async fn legacy_key(
        &self,
        context: &KmsContext,
        source: LegacySource<'_>,
    ) -> Result<LegacyKey, ProviderError> {
        let corrupt = |cause: &str| ProviderError::corrupt(context, cause);
        let loaded = self.loaded.load_full();
        let file = loaded.version(&context.key, VERSION).map_err(|lacking| error(context, lacking))?;
        match source {
            LegacySource::Stored(_) => {
                LegacyKey::from_bytes(file.expose()).ok_or_else(|| corrupt("it is no key of 32 bytes"))
            }
            LegacySource::Edek(edek) => {
                let edek = InMemoryEdek::parse(edek).map_err(|error| corrupt(&error.to_string()))?;
                let altered = "the encrypted data key was altered, or belongs to another key";
                edek.open(file.expose()).ok_or_else(|| corrupt(altered))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::Arc;

    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde_json::Value;

    use super::*;
    use crate::legacy::KroxyliciousV2;
    use crate::{ClusterName, KeyLimits, KeyProvider, Keys, ProviderName};

    struct Stage {
        _directory: tempfile::TempDir,
        local: Arc<LocalKeys>,
        keys: Keys,
        /// A published record of Kroxylicious.
        record: Vec<u8>,
    }

    fn stage() -> Stage {
        let vectors: Value = serde_json::from_str(include_str!("../../vectors/legacy.json")).unwrap();
        let vectors = &vectors["kroxyliciousV2"];
        let text = |value: &Value| hex::decode(value.as_str().unwrap()).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let write = |name: &str, key: &[u8]| {
            std::fs::write(directory.path().join(name), STANDARD.encode(key)).unwrap();
        };
        write(&format!("{}.v1", vectors["kekId"].as_str().unwrap()), &text(&vectors["kek"]));
        write("orders.v1", &[1; 32]);
        write("orders.v2", &[2; 32]);
        let name = ProviderName::new("files").unwrap();
        let local = Arc::new(LocalKeys::open(directory.path(), name.clone()));
        let provider: Arc<dyn KeyProvider> = local.clone();
        let cluster = ClusterName::new("c").unwrap();
        let keys = Keys::new(&cluster, HashMap::from([(name, provider)]), KeyLimits::default());
        let record = text(&vectors["published"][0]["value"]);
        Stage { _directory: directory, local, keys, record }
    }

    fn context(key: &str) -> KmsContext {
        let (cluster, provider) = (ClusterName::new("c").unwrap(), ProviderName::new("files").unwrap());
        KmsContext { cluster, provider, key: KeyName::new(key).unwrap() }
    }

    #[tokio::test]
    async fn a_data_key_of_kroxylicious_is_unwrapped_once_and_opens_its_record() {
        let stage = stage();
        let record = KroxyliciousV2::parse(Some(&[2]), Some(&stage.record)).unwrap();
        let mut out = Vec::new();
        for _ in 0..3 {
            let key = stage.keys.legacy_key("files", LegacySource::Edek(record.edek()), "t").await.unwrap();
            record.open(&key, &mut out).unwrap();
        }
        assert_eq!(out, b"bbb");
        let unwrapped = stage.keys.stats().unwrapped.load(std::sync::atomic::Ordering::Relaxed);
        assert_eq!(unwrapped, 1, "the others come from the cache");
    }

    #[tokio::test]
    async fn neither_kind_of_wrapped_key_is_taken_for_the_other() {
        let stage = stage();
        let record = KroxyliciousV2::parse(Some(&[2]), Some(&stage.record)).unwrap();
        let edek = InMemoryEdek::parse(record.edek()).unwrap();
        let own = context(edek.key.as_str());
        let (_, wrapped) = stage.local.generate(&own).await.unwrap();
        let is_corrupt = |error: ProviderError| matches!(error, ProviderError::Corrupt { .. });
        assert!(is_corrupt(stage.local.unwrap(&own, record.edek()).await.unwrap_err()));
        let ours = LegacySource::Edek(wrapped.as_bytes());
        assert!(is_corrupt(stage.keys.legacy_key("files", ours, "t").await.unwrap_err()));
        assert!(is_corrupt(stage.local.legacy_key(&own, ours).await.unwrap_err()));
    }

    #[tokio::test]
    async fn a_stored_key_is_the_first_version() {
        let stage = stage();
        let key = stage.keys.legacy_key("files", LegacySource::Stored("orders"), "t").await.unwrap();
        let first = LegacyKey::from_bytes(&[1; 32]).unwrap();
        assert_eq!(key.expose(), first.expose());
        for (provider, key) in [("files", "missing"), ("files", "no name"), ("elsewhere", "orders")] {
            let refused = stage.keys.legacy_key(provider, LegacySource::Stored(key), "t").await.unwrap_err();
            assert!(matches!(refused, ProviderError::Refused { .. }), "{provider} {key}");
        }
    }
}
