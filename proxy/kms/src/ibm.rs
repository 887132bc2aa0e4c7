//! The provider `ibmKeyProtect`: IBM Key Protect for IBM Cloud.
//!
//! Data keys are made here and wrapped by the current version of the named root key, with the names of the context as additional
//! authenticated data.

mod answer;
#[cfg(any(feature = "fuzzing", all(test, feature = "default")))]
pub(crate) mod fuzzing;
mod login;
mod settings;

use std::fmt;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use proxy_crypto::{Dek, KeyProvider, KmsContext, ProviderError, ProviderName, WrappedKey};
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

pub use self::settings::{IbmCredentials, IbmSettings};

use self::answer::{Unwrapped, Wrap};
use crate::connection::{Connection, body};
use crate::files::FileError;
use crate::id::is_uuid;
use crate::question::Question;
use crate::wrapped::Wrapped;

/// What wrapped data keys of this provider begin with: how the rest is to be read.
const WAY: u8 = 1;
const KEY_ACTION: &str = "application/vnd.ibm.kms.key_action+json";
/// Stands before the names of a context, so that nothing else that is wrapped under the key is taken for a data key.
const LABEL: &str = "strimzi topic encryption";

#[derive(Serialize)]
struct ToWrap<'a> {
    plaintext: &'a str,
    aad: [&'a str; 4],
}

#[derive(Serialize)]
struct ToUnwrap<'a> {
    ciphertext: String,
    aad: [&'a str; 4],
}

/// Root keys of an instance of Key Protect.
pub struct IbmKeyProtect {
    provider: ProviderName,
    settings: IbmSettings,
    connection: Connection,
}

impl IbmKeyProtect {
    /// Makes no call yet. A file that cannot be used is no error: keys are unavailable until it can.
    pub fn new(provider: ProviderName, settings: IbmSettings) -> Self {
        let connection = Connection::new(provider.clone(), settings.tls(), settings.credential_files());
        Self { provider, settings, connection }
    }

    /// Looks at the files again: credentials, and certificates for TLS. Tells whether anything changed, and what is wrong.
    /// Blocks on a few small files.
    pub fn reload(&self) -> (bool, Option<FileError>) {
        self.connection.reload(&self.provider)
    }

    /// An action on the key.
    async fn act<T: DeserializeOwned>(
        &self,
        question: Question<'_>,
        action: &str,
        parameters: &impl Serialize,
    ) -> Result<T, ProviderError> {
        let context = question.context;
        let key = key_name(context)?;
        let mut url = self.settings.endpoint.clone();
        url.set_path(&format!("/api/v2/keys/{key}/actions/{action}"));
        let parameters = body(context, parameters)?;
        let request = |client: &reqwest::Client| {
            let request = client.post(url.clone()).body(parameters.clone());
            let request = request.header(CONTENT_TYPE, KEY_ACTION).header(ACCEPT, KEY_ACTION);
            let request = request.header("bluemix-instance", &self.settings.instance);
            match &self.settings.key_ring {
                Some(ring) => request.header("x-kms-key-ring", ring),
                None => request,
            }
        };
        let (status, body) = self.connection.call(self, question, request).await?;
        // An alias can be deleted, and a key moved to another ring, without any harm to the key.
        let is_unique = is_uuid(key) && self.settings.key_ring.is_none();
        answer::read(context, is_unique, status, &body)
    }
}

/// Each string may have 255 bytes, and a name has no more than 253.
fn aad(context: &KmsContext) -> [&str; 4] {
    [LABEL, context.cluster.as_str(), context.provider.as_str(), context.key.as_str()]
}

/// The id of a key, or an alias.
fn key_name(context: &KmsContext) -> Result<&str, ProviderError> {
    let key = context.key.as_str();
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    if (1..=90).contains(&key.len()) && key.bytes().all(allowed) {
        Ok(key)
    } else {
        let cause = "a key of Key Protect has an id, or an alias of up to 90 letters, digits, '-' and '_'";
        Err(ProviderError::refused(context, cause))
    }
}

#[async_trait]
impl KeyProvider for IbmKeyProtect {
    async fn wrap(&self, context: &KmsContext, dek: &Dek) -> Result<WrappedKey, ProviderError> {
        let plaintext = Zeroizing::new(BASE64.encode(dek.expose()));
        let parameters = ToWrap { plaintext: &plaintext, aad: aad(context) };
        let done: Wrap = self.act(Question::of(context), "wrap", &parameters).await?;
        let blob = done.ciphertext(context)?;
        Ok(Wrapped::new(context, WAY, &done.key_version.id, &blob, dek)?.to_key())
    }

    async fn unwrap(&self, context: &KmsContext, wrapped: &[u8]) -> Result<Dek, ProviderError> {
        let question = Question::about(context, wrapped);
        let wrapped = Wrapped::parse(wrapped)
            .filter(|wrapped| wrapped.way == WAY)
            .ok_or_else(|| ProviderError::corrupt(context, "it was not wrapped by IBM Key Protect"))?;
        let parameters = ToUnwrap { ciphertext: BASE64.encode(wrapped.blob), aad: aad(context) };
        let done: Unwrapped = self.act(question, "unwrap", &parameters).await?;
        wrapped.opened(context, &done.plaintext(context)?)
    }

    fn version(&self, wrapped: &[u8]) -> Option<String> {
        Wrapped::parse(wrapped).map(|wrapped| wrapped.version.to_owned())
    }
}

impl fmt::Debug for IbmKeyProtect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IbmKeyProtect")
            .field("provider", &self.provider)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
