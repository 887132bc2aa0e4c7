//! The provider `pkcs11`: keys in a hardware security module, by the PKCS#11 library of its vendor.
//!
//! Data keys are made here and encrypted inside the module, with AES-256-GCM and the context as associated data, so that
//! key-encryption keys never leave it. A key is found by its `CKA_LABEL`; several with the same label are its versions, and
//! the one with the highest `CKA_ID` wraps. The library runs in this process, is trusted with it, and blocks: a few threads
//! wait for it, and no more.

mod failure;
#[cfg(any(feature = "fuzzing", all(test, feature = "default")))]
pub(crate) mod fuzzing;
mod keys;
mod module;
mod settings;
mod threads;
mod token;
mod wrapped;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use async_trait::async_trait;
use proxy_crypto::{Dek, KeyProvider, KmsContext, ProviderError, ProviderName, WrappedKey};

pub use self::settings::{Pkcs11Settings, Pkcs11Token};

use self::failure::Failure;
use self::threads::Threads;
use self::token::Token;
use self::wrapped::Wrapped;
use crate::files::{FileError, Followed, Watched};
use crate::question::{Purpose, Question};

/// Keys in a token.
pub struct Pkcs11 {
    provider: ProviderName,
    settings: Pkcs11Settings,
    token: Arc<Token>,
    threads: Threads,
    watched: Mutex<Watched>,
    epoch: AtomicU64,
}

impl Pkcs11 {
    /// Loads nothing yet. A module that cannot be used is no error: keys are unavailable until it can.
    pub fn new(provider: ProviderName, settings: Pkcs11Settings) -> Self {
        let watched =
            Mutex::new(Watched::new(provider.clone(), vec![Followed::Secret(settings.pin.clone())]));
        let token = Arc::new(Token::new(settings.clone()));
        Self { provider, settings, token, threads: Threads::new(), watched, epoch: AtomicU64::new(0) }
    }

    /// Looks at the file of the PIN again. Tells whether it changed, and what is wrong with it. Blocks on one small file.
    pub fn reload(&self) -> (bool, Option<FileError>) {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        let (changed, problem) = watched.look();
        if changed {
            self.token.forget();
            self.epoch.fetch_add(1, Ordering::Relaxed);
            tracing::info!(provider = %self.provider, "the PIN of the key provider changed");
        }
        (changed, problem)
    }

    /// Does something with the token, on a thread of its own.
    async fn call<T: Send + 'static>(
        &self,
        context: &KmsContext,
        work: impl FnOnce(&Token, &KmsContext) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, ProviderError> {
        let (token, asked) = (Arc::clone(&self.token), context.clone());
        match self.threads.run(move || work(&token, &asked)).await {
            Ok(answer) => answer.map_err(|failure| failure.into_error(context)),
            Err(error) => Err(ProviderError::unavailable(context, error.to_string())),
        }
    }
}

#[async_trait]
impl KeyProvider for Pkcs11 {
    async fn wrap(&self, context: &KmsContext, dek: &Dek) -> Result<WrappedKey, ProviderError> {
        let dek = dek.clone();
        let wrap = move |token: &Token, context: &KmsContext| {
            let question = Question::of(context);
            let wrapped = token.with_session(question, |session| keys::wrap(session, context, &dek))?;
            wrapped.to_key().ok_or_else(|| Failure::Refused("the key's CKA_ID is too long".to_owned()))
        };
        self.call(context, wrap).await
    }

    async fn unwrap(&self, context: &KmsContext, wrapped: &[u8]) -> Result<Dek, ProviderError> {
        let asked = WrappedKey::new(wrapped);
        let wrapped = Wrapped::parse(wrapped)
            .ok_or_else(|| ProviderError::corrupt(context, "it was not wrapped by a PKCS#11 token"))?;
        let unwrap = move |token: &Token, context: &KmsContext| {
            let question = Question::about(context, asked.as_bytes());
            let unwrap = || token.with_session(question, |session| keys::unwrap(session, context, &wrapped));
            let start = Instant::now();
            let unclear = match unwrap() {
                Err(unclear @ Failure::Unclear(_)) => unclear.into_error(context),
                clear => return clear,
            };
            let took = start.elapsed();
            // Is it the data key or the token? Only a token that works can tell.
            let key = (context.key.clone(), wrapped.id.clone());
            if !token.proved.holds(&key) {
                token.with_session(question, |session| keys::probe(session, question, &wrapped))?;
                token.proved.note(key);
            }
            question.tell(Purpose::Retried, Some(&unclear), took);
            match unwrap() {
                Err(Failure::Unclear(cause)) => {
                    Err(Failure::Corrupt(format!("the token fails to decrypt this one alone ({cause})")))
                }
                clear => clear,
            }
        };
        self.call(context, unwrap).await
    }

    fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Relaxed)
    }

    fn version(&self, wrapped: &[u8]) -> Option<String> {
        Wrapped::parse(wrapped).map(|wrapped| wrapped.version())
    }
}

impl fmt::Debug for Pkcs11 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pkcs11")
            .field("provider", &self.provider)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
