//! The provider `azureKeyVault`: Azure Key Vault and Managed HSM.
//!
//! Data keys are made here and wrapped by the current version of the named key. None of the service's ways of wrapping binds
//! them to anything: what does is a check that is derived from the data key, see [`Wrapped`].

mod answer;
#[cfg(any(feature = "fuzzing", all(test, feature = "default")))]
pub(crate) mod fuzzing;
mod login;
mod settings;

use std::fmt;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use proxy_crypto::{Dek, KeyProvider, KmsContext, ProviderError, ProviderName, WrappedKey};
use reqwest::header::CONTENT_TYPE;
use serde::Serialize;
use zeroize::Zeroizing;

pub use self::settings::{AzureAlgorithm, AzureCredentials, AzureProof, AzureSettings};

use self::answer::{Done, Operation};
use crate::connection::{Connection, body};
use crate::files::FileError;
use crate::question::{Purpose, Question};
use crate::wrapped::Wrapped;

/// Of the service's API. Key Vault and Managed HSM have it.
const API: &str = "api-version=7.4";

/// What is asked for.
#[derive(Serialize)]
struct Parameters<'a> {
    alg: &'a str,
    value: &'a str,
}

/// Keys of a vault or a managed HSM.
pub struct AzureKeyVault {
    provider: ProviderName,
    settings: AzureSettings,
    connection: Connection,
}

impl AzureKeyVault {
    /// Makes no call yet. A file that cannot be used is no error: keys are unavailable until it can.
    pub fn new(provider: ProviderName, settings: AzureSettings) -> Self {
        let connection = Connection::new(provider.clone(), settings.tls(), settings.credential_files());
        Self { provider, settings, connection }
    }

    /// Looks at the files again: credentials, and certificates for TLS. Tells whether anything changed, and what is wrong.
    /// Blocks on a few small files.
    pub fn reload(&self) -> (bool, Option<FileError>) {
        self.connection.reload(&self.provider)
    }

    /// A call on a version of the key; none is the current one.
    async fn call(
        &self,
        question: Question<'_>,
        version: Option<&str>,
        operation: Operation,
        algorithm: AzureAlgorithm,
        value: &[u8],
    ) -> Result<Done, ProviderError> {
        let context = question.context;
        let key = key_name(context)?;
        let mut url = self.settings.vault.clone();
        // Segment by segment, since the version comes out of an envelope: none of them can lead to another path.
        if let Ok(mut path) = url.path_segments_mut() {
            path.clear().extend(["keys", key, version.unwrap_or_default(), operation.path()]);
        }
        url.set_query(Some(API));
        let value = Zeroizing::new(BASE64URL.encode(value));
        let parameters = body(context, &Parameters { alg: algorithm.name(), value: &value })?;
        let request = |client: &reqwest::Client| {
            client.post(url.clone()).header(CONTENT_TYPE, "application/json").body(parameters.clone())
        };
        let (status, body) = self.connection.call(self, question, request).await?;
        match answer::read(context, operation, status, &body) {
            Err(missing) if missing.is_gone() => Err(self.look_among_deleted(question, key, missing).await),
            answer => answer,
        }
    }

    /// What a key that is not found comes to: while it can be recovered, it is not gone. Where that is not told, it is not either.
    async fn look_among_deleted(
        &self,
        question: Question<'_>,
        key: &str,
        missing: ProviderError,
    ) -> ProviderError {
        let context = question.context;
        let mut url = self.settings.vault.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.clear().extend(["deletedkeys", key]);
        }
        url.set_query(Some(API));
        let looked = async {
            let (status, body) =
                self.connection.call(self, question, |client| client.get(url.clone())).await?;
            answer::deleted(context, &missing, status, &body)
        };
        match question.request(Purpose::IsDeleted, looked).await {
            Ok(()) => answer::recoverable(context, &missing),
            Err(error) => error,
        }
    }
}

/// The service makes them of letters and digits.
fn is_version(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric())
}

fn key_name(context: &KmsContext) -> Result<&str, ProviderError> {
    let key = context.key.as_str();
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    if (1..=127).contains(&key.len()) && key.bytes().all(allowed) {
        Ok(key)
    } else {
        Err(ProviderError::refused(context, "a key of Azure Key Vault has a name of letters, digits and '-'"))
    }
}

#[async_trait]
impl KeyProvider for AzureKeyVault {
    async fn wrap(&self, context: &KmsContext, dek: &Dek) -> Result<WrappedKey, ProviderError> {
        let algorithm = self.settings.algorithm;
        let done = self.call(Question::of(context), None, Operation::Wrap, algorithm, dek.expose()).await?;
        let version = done.version(context)?;
        Ok(Wrapped::new(context, algorithm.way(), version, &done.value(context)?, dek)?.to_key())
    }

    async fn unwrap(&self, context: &KmsContext, wrapped: &[u8]) -> Result<Dek, ProviderError> {
        let question = Question::about(context, wrapped);
        let wrapped = Wrapped::parse(wrapped);
        let (wrapped, algorithm) = wrapped
            .filter(|wrapped| is_version(wrapped.version))
            .and_then(|wrapped| Some((AzureAlgorithm::of(wrapped.way)?, wrapped)))
            .map(|(algorithm, wrapped)| (wrapped, algorithm))
            .ok_or_else(|| ProviderError::corrupt(context, "it was not wrapped by Azure Key Vault"))?;
        let version = Some(wrapped.version);
        let done = self.call(question, version, Operation::Unwrap, algorithm, wrapped.blob).await?;
        wrapped.opened(context, &done.value(context)?)
    }

    fn version(&self, wrapped: &[u8]) -> Option<String> {
        Wrapped::parse(wrapped).map(|wrapped| wrapped.version.to_owned())
    }
}

impl fmt::Debug for AzureKeyVault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AzureKeyVault")
            .field("provider", &self.provider)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
