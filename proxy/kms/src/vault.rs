//! The provider `vault`: the Transit secrets engine of HashiCorp Vault and OpenBao.
//!
//! The server makes a data key and hands it out twice: in clear, and wrapped by a version of the named key, which never
//! leaves the server. A wrapped data key of this provider is one byte that says what it is [bound](Binding) to, then the
//! server's text (`vault:v3:…`).

mod answer;
mod calls;
#[cfg(any(feature = "fuzzing", all(test, feature = "default")))]
pub(crate) mod fuzzing;
mod legacy;
mod login;
mod settings;
mod wrapped;

use std::collections::HashSet;
use std::fmt;
use std::sync::Mutex;
use std::sync::PoisonError;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use proxy_crypto::{
    ClusterName, Dek, KeyName, KeyProvider, KmsContext, LegacyProvider, ProviderError, ProviderName,
    WrappedKey,
};
use reqwest::Client;
use serde::Serialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

pub use self::settings::{Binding, Login, VaultSettings};

use self::answer::Data;
use self::wrapped::Wrapped;
use crate::files::{FileError, Watched};
use crate::http::HttpError;
use crate::question::{Purpose, Question};
use crate::session::Session;

/// Keys of a Transit secrets engine.
pub struct Vault {
    provider: ProviderName,
    settings: VaultSettings,
    /// Or why there is none: a file for TLS may come later.
    client: ArcSwap<Result<Client, HttpError>>,
    session: Session,
    watched: Mutex<Watched>,
    /// Keys whose data keys were seen not to unwrap in another context.
    bound: Mutex<HashSet<KeyName>>,
}

impl Vault {
    /// Makes no call yet. A file that cannot be used is no error: keys are unavailable until it can.
    pub fn new(provider: ProviderName, settings: VaultSettings) -> Self {
        let watched = Mutex::new(Watched::new(provider.clone(), settings.files()));
        let client = ArcSwap::from_pointee(settings.tls.client());
        Self { provider, settings, client, session: Session::default(), watched, bound: Mutex::default() }
    }

    /// Has the server decrypt, as what is bound to a context.
    async fn decrypt(
        &self,
        question: Question<'_>,
        wrapped: &Wrapped<'_>,
        context: &KmsContext,
    ) -> Result<Zeroizing<Vec<u8>>, ProviderError> {
        let mut parameters = bound(wrapped.binding, context);
        parameters.insert("ciphertext".to_owned(), json!(wrapped.text));
        let data = self.call(question, &["decrypt"], &parameters).await?;
        plaintext(question.context, data.plaintext.as_ref())
    }

    /// Sees once for each key that its data keys do not unwrap in another context: the server ignores what it is told to derive
    /// for where the key is none to derive from.
    async fn check_binding(
        &self,
        question: Question<'_>,
        wrapped: &Wrapped<'_>,
    ) -> Result<(), ProviderError> {
        let context = question.context;
        let seen = || self.bound.lock().unwrap_or_else(PoisonError::into_inner);
        if wrapped.binding == Binding::None || seen().contains(&context.key) {
            return Ok(());
        }
        let Ok(elsewhere) = ClusterName::new("another-cluster-of-this-check") else { return Ok(()) };
        // That it decrypts in its own context is seen by whoever asked for it, before anything is sealed with it.
        let elsewhere = KmsContext { cluster: elsewhere, ..context.clone() };
        let decrypted = self.decrypt(question, wrapped, &elsewhere);
        match question.request(Purpose::CheckBinding, decrypted).await {
            Err(ProviderError::Corrupt { .. }) => {
                seen().insert(context.key.clone());
                Ok(())
            }
            Err(no) => Err(no),
            Ok(_) => Err(ProviderError::refused(
                context,
                "the server does not bind data keys of this key to their cluster: make the key with derived=true for \
                 binding: DerivedKey, or say binding: None",
            )),
        }
    }

    /// The wrapped data key of an answer.
    async fn wrapped(&self, context: &KmsContext, data: Data) -> Result<WrappedKey, ProviderError> {
        let Some(text) = data.ciphertext else {
            return Err(ProviderError::unavailable(context, "its answer has no wrapped data key"));
        };
        let wrapped = Wrapped::new(self.settings.binding, &text)
            .ok_or_else(|| ProviderError::unavailable(context, "its wrapped data key is not Transit's"))?;
        let key = wrapped.to_key();
        self.check_binding(Question::about(context, key.as_bytes()), &wrapped).await?;
        Ok(key)
    }

    /// Looks at the files again: certificates for TLS, tokens and credentials to log in with. Tells whether anything changed,
    /// and what is wrong. Blocks on a few small files.
    pub fn reload(&self) -> (bool, Option<FileError>) {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        let (changed, problem) = watched.look();
        if changed {
            self.client.store(self.settings.tls.client().into());
            self.session.forget();
            self.bound.lock().unwrap_or_else(PoisonError::into_inner).clear();
            tracing::info!(provider = %self.provider, "credentials of the key provider changed");
        }
        (changed, problem)
    }
}

#[async_trait]
impl KeyProvider for Vault {
    async fn generate(&self, context: &KmsContext) -> Result<(Dek, WrappedKey), ProviderError> {
        let mut parameters = bound(self.settings.binding, context);
        parameters.insert("bits".to_owned(), json!(256));
        let data = self.call(Question::of(context), &["datakey", "plaintext"], &parameters).await?;
        let dek = data_key(context, data.plaintext.as_ref())?;
        Ok((dek, self.wrapped(context, data).await?))
    }

    async fn wrap(&self, context: &KmsContext, dek: &Dek) -> Result<WrappedKey, ProviderError> {
        let plaintext = Zeroizing::new(BASE64.encode(dek.expose()));
        let call = Encrypt { plaintext: &plaintext, bound: bound(self.settings.binding, context) };
        let data = self.call(Question::of(context), &["encrypt"], &call).await?;
        self.wrapped(context, data).await
    }

    async fn unwrap(&self, context: &KmsContext, wrapped: &[u8]) -> Result<Dek, ProviderError> {
        let question = Question::about(context, wrapped);
        let wrapped = Wrapped::parse(wrapped).ok_or_else(|| {
            ProviderError::corrupt(context, "it was not wrapped by a Transit secrets engine")
        })?;
        if wrapped.binding == Binding::None && self.settings.binding != Binding::None {
            let cause = "it is bound to nothing, which binding: None alone allows";
            return Err(ProviderError::corrupt(context, cause));
        }
        let plaintext = self.decrypt(question, &wrapped, context).await?;
        let corrupt = || ProviderError::corrupt(context, "it holds no data key of 32 bytes");
        Dek::from_bytes(&plaintext).ok_or_else(corrupt)
    }

    fn version(&self, wrapped: &[u8]) -> Option<String> {
        Wrapped::parse(wrapped).map(|wrapped| wrapped.version.to_owned())
    }

    fn legacy(&self) -> Option<&dyn LegacyProvider> {
        Some(self)
    }
}

/// What the server is to wrap.
#[derive(Serialize)]
struct Encrypt<'a> {
    plaintext: &'a str,
    #[serde(flatten)]
    bound: serde_json::Map<String, Value>,
}

/// The parameters of a call that bind a data key to its context.
fn bound(binding: Binding, context: &KmsContext) -> serde_json::Map<String, Value> {
    let bytes = BASE64.encode(context.to_bytes());
    let parameter = match binding {
        Binding::AssociatedData => Some("associated_data"),
        Binding::DerivedKey => Some("context"),
        Binding::None => None,
    };
    parameter.map(|name| (name.to_owned(), bytes.into())).into_iter().collect()
}

fn data_key(context: &KmsContext, text: Option<&Zeroizing<String>>) -> Result<Dek, ProviderError> {
    let garbage = || ProviderError::unavailable(context, "its answer has no data key of 32 bytes");
    Dek::from_bytes(&plaintext(context, text)?).ok_or_else(garbage)
}

fn plaintext(
    context: &KmsContext,
    text: Option<&Zeroizing<String>>,
) -> Result<Zeroizing<Vec<u8>>, ProviderError> {
    let bytes = text.and_then(|text| BASE64.decode(text.as_bytes()).ok()).map(Zeroizing::new);
    bytes.ok_or_else(|| ProviderError::unavailable(context, "its answer has no plaintext in base64"))
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault")
            .field("provider", &self.provider)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
