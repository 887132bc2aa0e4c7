//! Data keys that Kroxylicious had AWS KMS wrap: without an encryption context.

use async_trait::async_trait;
use aws_sdk_kms::primitives::Blob;
use proxy_crypto::{
    AwsEdek, EdekError, KeyName, KmsContext, LegacyKey, LegacyProvider, LegacySource, ProviderError,
};
use zeroize::Zeroizing;

use super::{AwsKms, answer, key_id, quietly};

#[async_trait]
impl LegacyProvider for AwsKms {
    fn named_key(&self, edek: &[u8]) -> Result<KeyName, EdekError> {
        AwsEdek::parse(edek).map(|edek| edek.key)
    }

    async fn legacy_key(
        &self,
        context: &KmsContext,
        source: LegacySource<'_>,
    ) -> Result<LegacyKey, ProviderError> {
        let LegacySource::Edek(edek) = source else {
            return Err(ProviderError::refused(context, "keys of AWS KMS do not leave it"));
        };
        let edek =
            AwsEdek::parse(edek).map_err(|error| ProviderError::corrupt(context, error.to_string()))?;
        // Without a key id, KMS would take the key that the blob names.
        let call = self.client(context).await?.decrypt().key_id(key_id::of(&context.key));
        let call = call.ciphertext_blob(Blob::new(edek.blob));
        let answer = quietly(context, call.send())
            .await
            .map_err(|error| answer::failed(context, &self.settings.region, &error))?;
        let plaintext = Zeroizing::new(answer.plaintext.map(Blob::into_inner).unwrap_or_default());
        LegacyKey::from_bytes(&plaintext)
            .ok_or_else(|| ProviderError::corrupt(context, "it holds no data key of 32 bytes"))
    }
}
