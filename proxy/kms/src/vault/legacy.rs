//! Data keys that Kroxylicious had a Transit secrets engine wrap: bound to nothing, whatever the binding of ours.

use async_trait::async_trait;
use proxy_crypto::{
    EdekError, KeyName, KmsContext, LegacyKey, LegacyProvider, LegacySource, ProviderError, VaultEdek,
};

use super::wrapped::Wrapped;
use super::{Binding, Vault};
use crate::question::Question;

#[async_trait]
impl LegacyProvider for Vault {
    fn named_key(&self, edek: &[u8]) -> Result<KeyName, EdekError> {
        VaultEdek::parse(edek).map(|edek| edek.key)
    }

    async fn legacy_key(
        &self,
        context: &KmsContext,
        source: LegacySource<'_>,
    ) -> Result<LegacyKey, ProviderError> {
        let LegacySource::Edek(edek) = source else {
            return Err(ProviderError::refused(context, "keys of a Transit secrets engine do not leave it"));
        };
        let question = Question::about(context, edek);
        let corrupt = |cause: String| ProviderError::corrupt(context, cause);
        let edek = VaultEdek::parse(edek).map_err(|error| corrupt(error.to_string()))?;
        let wrapped = Wrapped::new(Binding::None, edek.text)
            .ok_or_else(|| corrupt("it was not wrapped by a Transit secrets engine".to_owned()))?;
        let plaintext = self.decrypt(question, &wrapped, context).await?;
        LegacyKey::from_bytes(&plaintext)
            .ok_or_else(|| corrupt("it holds no data key of 32 bytes".to_owned()))
    }
}
