//! The provider `awsKms`: AWS Key Management Service, or what speaks its protocol.
//!
//! KMS makes a data key and hands it out twice: in clear, and as a blob that only the named KMS key opens, together with the
//! encryption context of cluster, provider and key. A wrapped data key of this provider is the byte 1, then the blob.

mod answer;
mod bounded;
mod client;
mod key_id;
mod legacy;
mod logins;
mod settings;
#[cfg(test)]
mod tests;
mod web_identity;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use async_trait::async_trait;
use aws_sdk_kms::Client;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::DataKeySpec;
use proxy_crypto::{Dek, KeyProvider, KmsContext, LegacyProvider, ProviderError, ProviderName, WrappedKey};
use tokio::sync::OnceCell;
use zeroize::Zeroizing;

pub use self::settings::{AwsCredentials, AwsRole, AwsSettings, AwsWebIdentity};

use self::logins::quietly;
use crate::files::{FileError, Watched};

/// The first byte of what is wrapped: how the rest is to be read.
const FORMAT: u8 = 1;

/// Keys of AWS KMS.
pub struct AwsKms {
    provider: ProviderName,
    settings: AwsSettings,
    /// Made by the first call after a change: finding credentials is not at once.
    client: ArcSwap<OnceCell<Client>>,
    watched: Mutex<Watched>,
}

impl AwsKms {
    /// Makes no call yet. A file that cannot be used is no error: keys are unavailable until it can.
    pub fn new(provider: ProviderName, settings: AwsSettings) -> Self {
        let watched = Mutex::new(Watched::new(provider.clone(), settings.files()));
        Self { provider, settings, client: ArcSwap::default(), watched }
    }

    /// Looks at the files again: credentials, and certificates for TLS. Tells whether anything changed, and what is wrong.
    /// Blocks on a few small files.
    pub fn reload(&self) -> (bool, Option<FileError>) {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        let (changed, problem) = watched.look();
        if changed {
            self.client.store(Arc::default());
            tracing::info!(provider = %self.provider, "credentials of the key provider changed");
        }
        (changed, problem)
    }

    async fn client(&self, context: &KmsContext) -> Result<Client, ProviderError> {
        let cell = self.client.load_full();
        match quietly(context, cell.get_or_try_init(|| Box::pin(self.settings.connect()))).await {
            Ok(client) => Ok(client.clone()),
            Err(error) => Err(ProviderError::unavailable(context, error.to_string())),
        }
    }
}

/// What KMS binds the data key to. It stands in the clear in CloudTrail, so it holds names alone.
fn encryption_context(context: &KmsContext) -> HashMap<String, String> {
    let entries = [
        ("cluster", context.cluster.as_str()),
        ("provider", context.provider.as_str()),
        ("key", context.key.as_str()),
    ];
    entries.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn data_key(context: &KmsContext, plaintext: Option<Blob>) -> Result<Dek, ProviderError> {
    let bytes = Zeroizing::new(plaintext.map(Blob::into_inner).unwrap_or_default());
    Dek::from_bytes(&bytes)
        .ok_or_else(|| ProviderError::unavailable(context, "its answer has no data key of 32 bytes"))
}

fn wrapped_key(context: &KmsContext, blob: Option<Blob>) -> Result<WrappedKey, ProviderError> {
    let blob = blob.map(Blob::into_inner).unwrap_or_default();
    if blob.is_empty() {
        return Err(ProviderError::unavailable(context, "its answer has no wrapped data key"));
    }
    Ok(WrappedKey::new(std::iter::once(FORMAT).chain(blob).collect::<Vec<u8>>()))
}

#[async_trait]
impl KeyProvider for AwsKms {
    async fn generate(&self, context: &KmsContext) -> Result<(Dek, WrappedKey), ProviderError> {
        let call = self.client(context).await?.generate_data_key();
        let call = call
            .key_id(key_id::of(&context.key))
            .key_spec(DataKeySpec::Aes256)
            .set_encryption_context(Some(encryption_context(context)));
        let answer = quietly(context, call.send())
            .await
            .map_err(|error| answer::failed(context, &self.settings.region, &error))?;
        let dek = data_key(context, answer.plaintext)?;
        Ok((dek, wrapped_key(context, answer.ciphertext_blob)?))
    }

    async fn wrap(&self, context: &KmsContext, dek: &Dek) -> Result<WrappedKey, ProviderError> {
        let call = self.client(context).await?.encrypt().key_id(key_id::of(&context.key));
        let call =
            call.plaintext(Blob::new(dek.expose())).set_encryption_context(Some(encryption_context(context)));
        let answer = quietly(context, call.send())
            .await
            .map_err(|error| answer::failed(context, &self.settings.region, &error))?;
        wrapped_key(context, answer.ciphertext_blob)
    }

    async fn unwrap(&self, context: &KmsContext, wrapped: &[u8]) -> Result<Dek, ProviderError> {
        let blob = match wrapped.split_first() {
            Some((&FORMAT, blob)) if !blob.is_empty() => blob,
            _ => return Err(ProviderError::corrupt(context, "it was not wrapped by AWS KMS")),
        };
        // Without a key id, KMS would take the key that the blob names.
        let call = self.client(context).await?.decrypt().key_id(key_id::of(&context.key));
        let call =
            call.ciphertext_blob(Blob::new(blob)).set_encryption_context(Some(encryption_context(context)));
        let answer = quietly(context, call.send())
            .await
            .map_err(|error| answer::failed(context, &self.settings.region, &error))?;
        // Whoever may encrypt under the key can make it wrap anything.
        match &answer.plaintext {
            Some(bytes) if bytes.as_ref().len() != Dek::LEN => {
                Err(ProviderError::corrupt(context, "it holds no data key of 32 bytes"))
            }
            _ => data_key(context, answer.plaintext),
        }
    }

    fn legacy(&self) -> Option<&dyn LegacyProvider> {
        Some(self)
    }
}

impl fmt::Debug for AwsKms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsKms")
            .field("provider", &self.provider)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
