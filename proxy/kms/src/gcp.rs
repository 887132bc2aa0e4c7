//! The provider `gcpKms`: Google Cloud Key Management Service.
//!
//! Data keys are made here and encrypted by the primary version of the named key, with the context as additional
//! authenticated data. Checksums in both directions show what the way damaged: Google asks for them.

mod answer;
#[cfg(any(feature = "fuzzing", all(test, feature = "default")))]
pub(crate) mod fuzzing;
mod key_name;
mod login;
mod service_account;
mod settings;

use std::fmt;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use proxy_crypto::{Dek, KeyProvider, KmsContext, ProviderError, ProviderName, WrappedKey};
use reqwest::Client;
use reqwest::header::CONTENT_TYPE;
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

pub use self::settings::{GcpCredentials, GcpFederation, GcpSettings};

use self::answer::{Decrypted, Encrypted};
use crate::connection::{Connection, body};
use crate::files::FileError;
use crate::question::Question;
use crate::wrapped::Wrapped;

/// What wrapped data keys of this provider begin with: how the rest is to be read.
const WAY: u8 = 1;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Encrypt<'a> {
    plaintext: &'a str,
    plaintext_crc32c: &'a str,
    #[serde(flatten)]
    aad: Associated,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Decrypt {
    ciphertext: String,
    ciphertext_crc32c: String,
    #[serde(flatten)]
    aad: Associated,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Associated {
    additional_authenticated_data: String,
    additional_authenticated_data_crc32c: String,
}

impl Associated {
    fn new(context: &KmsContext) -> Self {
        let aad = context.to_bytes();
        Self {
            additional_authenticated_data: BASE64.encode(&aad),
            additional_authenticated_data_crc32c: crc32c(&aad),
        }
    }
}

/// Keys of Google Cloud KMS.
pub struct GcpKms {
    provider: ProviderName,
    settings: GcpSettings,
    connection: Connection,
}

impl GcpKms {
    /// Makes no call yet. A file that cannot be used is no error: keys are unavailable until it can.
    pub fn new(provider: ProviderName, settings: GcpSettings) -> Self {
        let connection = Connection::new(provider.clone(), settings.tls(), settings.credential_files());
        Self { provider, settings, connection }
    }

    /// Looks at the files again: credentials, and certificates for TLS. Tells whether anything changed, and what is wrong.
    /// Blocks on a few small files.
    pub fn reload(&self) -> (bool, Option<FileError>) {
        self.connection.reload(&self.provider)
    }

    /// A call on a key.
    async fn call<T: DeserializeOwned>(
        &self,
        question: Question<'_>,
        key: &str,
        operation: &str,
        parameters: &impl Serialize,
    ) -> Result<T, ProviderError> {
        let context = question.context;
        let mut url = self.settings.endpoint.clone();
        url.set_path(&format!("/v1/{key}:{operation}"));
        let parameters = body(context, parameters)?;
        let request = |client: &Client| {
            client.post(url.clone()).header(CONTENT_TYPE, "application/json").body(parameters.clone())
        };
        let (status, body) = self.connection.call(self, question, request).await?;
        answer::read(context, status, &body)
    }
}

/// Of the Castagnoli polynomial, as text: the API's numbers of 64 bits are strings in JSON.
fn crc32c(bytes: &[u8]) -> String {
    crc_fast::crc32_iscsi(bytes).to_string()
}

#[async_trait]
impl KeyProvider for GcpKms {
    async fn wrap(&self, context: &KmsContext, dek: &Dek) -> Result<WrappedKey, ProviderError> {
        let key = key_name::of(&self.settings, context)?;
        let plaintext = Zeroizing::new(BASE64.encode(dek.expose()));
        let checksum = Zeroizing::new(crc32c(dek.expose()));
        let parameters =
            Encrypt { plaintext: &plaintext, plaintext_crc32c: &checksum, aad: Associated::new(context) };
        let encrypted: Encrypted = self.call(Question::of(context), &key, "encrypt", &parameters).await?;
        let blob = encrypted.ciphertext(context)?;
        let version = key_name::version(&key, &encrypted.name).ok_or_else(|| {
            ProviderError::unavailable(context, "its answer names no version of the key that was asked for")
        })?;
        Ok(Wrapped::new(context, WAY, version, &blob, dek)?.to_key())
    }

    async fn unwrap(&self, context: &KmsContext, wrapped: &[u8]) -> Result<Dek, ProviderError> {
        let question = Question::about(context, wrapped);
        let wrapped = Wrapped::parse(wrapped)
            .filter(|wrapped| wrapped.way == WAY)
            .ok_or_else(|| ProviderError::corrupt(context, "it was not wrapped by Google Cloud KMS"))?;
        let key = key_name::of(&self.settings, context)?;
        let parameters = Decrypt {
            ciphertext: BASE64.encode(wrapped.blob),
            ciphertext_crc32c: crc32c(wrapped.blob),
            aad: Associated::new(context),
        };
        let decrypted: Decrypted = self.call(question, &key, "decrypt", &parameters).await?;
        wrapped.opened(context, &decrypted.plaintext(context)?)
    }

    fn version(&self, wrapped: &[u8]) -> Option<String> {
        Wrapped::parse(wrapped).map(|wrapped| wrapped.version.to_owned())
    }
}

impl fmt::Debug for GcpKms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GcpKms")
            .field("provider", &self.provider)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
