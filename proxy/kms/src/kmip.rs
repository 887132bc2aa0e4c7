//! The provider `kmip`: keys of a server that speaks the Key Management Interoperability Protocol, over mutual TLS.
//!
//! Data keys are made here and encrypted by the server with AES-256-GCM and the context as additional data (KMIP 1.4), so that
//! key-encryption keys never leave it. A key is found by its Name; what it wrapped names it by its unique identifier, so
//! that it opens after the name went to another. For servers without this, the key is fetched and does the same here, if
//! the settings say so.

mod attributes;
mod connection;
mod failure;
#[cfg(any(feature = "fuzzing", all(test, feature = "default")))]
pub(crate) mod fuzzing;
mod message;
mod pool;
mod settings;
mod ttlv;
mod wrapped;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::rand;
use proxy_crypto::{
    ClusterName, Dek, KeyName, KeyProvider, KmsContext, ProviderError, ProviderName, WrappedKey,
};
use zeroize::Zeroizing;

pub use self::settings::KmipSettings;

use self::failure::Failure;
use self::message::{Answer, Request};
use self::pool::Pool;
use self::wrapped::{NONCE, SEALED, Wrapped};
use crate::files::{FileError, Watched};
use crate::proved::Proved;

/// Keys of a KMIP server.
pub struct Kmip {
    provider: ProviderName,
    settings: KmipSettings,
    pool: Pool,
    watched: Mutex<Watched>,
    seen: Mutex<Seen>,
    proved: Proved<String>,
}

/// What was seen of the server's keys, by their ids. The server has but so many of them.
#[derive(Default)]
struct Seen {
    /// Those whose data keys are bound to their context.
    bound: HashSet<String>,
    /// Those that are keys of this name.
    named: HashMap<String, KeyName>,
}

impl Kmip {
    /// Connects to nothing yet. A file that cannot be used is no error: keys are unavailable until it can.
    pub fn new(provider: ProviderName, settings: KmipSettings) -> Self {
        let watched = Mutex::new(Watched::new(settings.files()));
        Self {
            provider,
            settings,
            pool: Pool::new(),
            watched,
            seen: Mutex::default(),
            proved: Proved::default(),
        }
    }

    /// Looks at the certificates again. Tells whether any changed, and what is wrong. Blocks on a few small files.
    pub fn reload(&self) -> (bool, Option<FileError>) {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        let (changed, problem) = watched.look();
        if changed {
            self.pool.forget();
            *self.seen() = Seen::default();
            tracing::info!(provider = %self.provider, "certificates of the key provider changed");
        }
        (changed, problem)
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn call(&self, request: Request<'_>) -> Result<Answer, Failure> {
        let answer = self.pool.call(&self.settings, &request).await;
        answer.map_err(|error| Failure::Unavailable(error.to_string()))
    }

    /// The id of the one key that goes by the name.
    async fn locate(&self, context: &KmsContext) -> Result<String, Failure> {
        let located = self.call(Request::Locate { name: context.key.as_str() }).await?.located()?;
        match <[String; 1]>::try_from(located) {
            Ok([id]) => Ok(id),
            Err(none) if none.is_empty() => {
                Err(Failure::Refused("it has no active AES-256 key of this name for us".to_owned()))
            }
            Err(_) => Err(Failure::Refused("it has several active keys of this name".to_owned())),
        }
    }

    async fn seal(&self, id: &str, context: &KmsContext, dek: &Dek) -> Result<Wrapped, Failure> {
        let mut nonce = [0; NONCE];
        rand::fill(&mut nonce).map_err(|_| Failure::Unavailable("there is no randomness".to_owned()))?;
        let (id, bound) = (id.to_owned(), context.to_bytes());
        if self.settings.fetch_keys {
            let mut sealed = Zeroizing::new(Vec::with_capacity(SEALED));
            sealed.extend_from_slice(dek.expose());
            let (key, aad) = (self.fetch(&id).await?, Aad::from(bound));
            let sealing =
                key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut *sealed);
            sealing.map_err(|_| Failure::Unavailable("failed to encrypt".to_owned()))?;
            return Ok(Wrapped { id, nonce, sealed: sealed_of(&sealed)? });
        }
        let request = Request::Encrypt { id: &id, nonce: &nonce, context: &bound, data: dek.expose() };
        let answer = self.call(request).await?;
        let sealed = sealed_of(&answer.encrypted()?)?;
        if let Some(theirs) = answer.nonce()? {
            nonce = theirs.try_into().map_err(|_| {
                Failure::Unavailable(format!("it chose a nonce of {} bytes, not {NONCE}", theirs.len()))
            })?;
        }
        Ok(Wrapped { id, nonce, sealed })
    }

    /// Sees that a key is the one of the context and not given up. Its id comes from whoever stored the record, and could
    /// be of any key that the client may use; and whoever holds a fetched key must look at its state himself.
    async fn check_key(&self, context: &KmsContext, id: &str) -> Result<(), Failure> {
        let named = self.seen().named.get(id) == Some(&context.key);
        if named && !self.settings.fetch_keys {
            return Ok(());
        }
        let attributes = self.call(Request::Attributes { id }).await?.attributes()?;
        if !attributes.is_named(&context.key) {
            return Err(Failure::Corrupt(format!(
                "the key that wrapped it has neither this Name nor the Object Group {}",
                attributes::group(&context.key)
            )));
        }
        self.seen().named.insert(id.to_owned(), context.key.clone());
        if self.settings.fetch_keys { attributes.may_decrypt() } else { Ok(()) }
    }

    async fn open(&self, context: &KmsContext, wrapped: &Wrapped) -> Result<Dek, Failure> {
        self.check_key(context, &wrapped.id).await?;
        self.decrypt(context, wrapped).await
    }

    async fn decrypt(&self, context: &KmsContext, wrapped: &Wrapped) -> Result<Dek, Failure> {
        let (id, bound) = (&wrapped.id, context.to_bytes());
        if self.settings.fetch_keys {
            let (mut sealed, key) = (Zeroizing::new(wrapped.sealed.to_vec()), self.fetch(id).await?);
            let nonce = Nonce::assume_unique_for_key(wrapped.nonce);
            let opened = key.open_in_place(nonce, Aad::from(bound), &mut sealed);
            return opened.ok().and_then(|bytes| Dek::from_bytes(bytes)).ok_or_else(|| {
                Failure::Corrupt("it does not decrypt with the key that it names".to_owned())
            });
        }
        let (data, tag) = wrapped.parts();
        let request = Request::Decrypt { id, nonce: &wrapped.nonce, context: &bound, data, tag };
        self.call(request).await?.decrypted()
    }

    async fn fetch(&self, id: &str) -> Result<LessSafeKey, Failure> {
        let answer = self.call(Request::Get { id }).await?;
        let key = UnboundKey::new(&AES_256_GCM, answer.key()?);
        key.map(LessSafeKey::new).map_err(|_| Failure::Refused("the key is not one of 256 bits".to_owned()))
    }

    /// Whether the key would have opened what it wrapped. A failure tells that the server is to blame.
    async fn probe(&self, context: &KmsContext, id: &str) -> Result<(), Failure> {
        let dek = new_dek()?;
        let wrapped = match self.seal(id, context, &dek).await {
            Ok(wrapped) => wrapped,
            // An old key that may only decrypt cannot tell; better too late than to call corrupt what is not.
            Err(Failure::Refused(cause) | Failure::Gone(cause)) => {
                return Err(Failure::Unavailable(format!(
                    "it fails to decrypt, and whether it can cannot be seen, since it does not encrypt ({cause})"
                )));
            }
            Err(failure) => return Err(failure),
        };
        if self.open(context, &wrapped).await?.same_as(&dek) {
            Ok(())
        } else {
            Err(Failure::Unavailable("it does not give back what it encrypted".to_owned()))
        }
    }

    /// Sees once for each key that its data keys do not unwrap in another context: servers of an older version ignore the
    /// additional data.
    async fn check_binding(&self, context: &KmsContext, dek: &Dek, wrapped: &Wrapped) -> Result<(), Failure> {
        if self.settings.fetch_keys || self.seen().bound.contains(&wrapped.id) {
            return Ok(());
        }
        // That it decrypts in its own context tells that what fails in another fails for that alone.
        if !self.decrypt(context, wrapped).await?.same_as(dek) {
            return Err(Failure::Unavailable("it does not give back what it encrypted".to_owned()));
        }
        let Ok(elsewhere) = ClusterName::new("another-cluster-of-this-check") else { return Ok(()) };
        match self.decrypt(&KmsContext { cluster: elsewhere, ..context.clone() }, wrapped).await {
            Err(Failure::Corrupt(_) | Failure::Unclear(_)) => {
                self.seen().bound.insert(wrapped.id.clone());
                Ok(())
            }
            Err(other) => Err(other),
            Ok(_) => Err(Failure::Refused(
                "the server does not bind data keys to their cluster: it needs KMIP 1.4, or fetchKeys"
                    .to_owned(),
            )),
        }
    }

    async fn wrap(&self, context: &KmsContext, dek: &Dek) -> Result<WrappedKey, Failure> {
        let id = self.locate(context).await?;
        self.seen().named.insert(id.clone(), context.key.clone());
        let wrapped = self.seal(&id, context, dek).await?;
        self.check_binding(context, dek, &wrapped).await?;
        wrapped.to_key().ok_or_else(|| Failure::Refused("the key's unique identifier is too long".to_owned()))
    }

    async fn unwrap(&self, context: &KmsContext, wrapped: &Wrapped) -> Result<Dek, Failure> {
        match self.open(context, wrapped).await {
            Err(Failure::Unclear(_)) => {}
            clear => return clear,
        }
        // Is it the data key or the server? Only a server that works can tell.
        if !self.proved.holds(&wrapped.id) {
            self.probe(context, &wrapped.id).await?;
            self.proved.note(wrapped.id.clone());
        }
        match self.open(context, wrapped).await {
            Err(Failure::Unclear(cause)) => {
                Err(Failure::Corrupt(format!("the server fails to decrypt this one alone ({cause})")))
            }
            clear => clear,
        }
    }
}

fn new_dek() -> Result<Dek, Failure> {
    Dek::generate().map_err(|error| Failure::Unavailable(error.to_string()))
}

fn sealed_of(bytes: &[u8]) -> Result<[u8; SEALED], Failure> {
    bytes.try_into().map_err(|_| {
        Failure::Unavailable(format!("it made {} bytes of a data key and its tag, not {SEALED}", bytes.len()))
    })
}

#[async_trait]
impl KeyProvider for Kmip {
    async fn generate(&self, context: &KmsContext) -> Result<(Dek, WrappedKey), ProviderError> {
        let dek = new_dek().map_err(|failure| failure.into_error(context))?;
        let wrapped = KeyProvider::wrap(self, context, &dek).await?;
        Ok((dek, wrapped))
    }

    async fn wrap(&self, context: &KmsContext, dek: &Dek) -> Result<WrappedKey, ProviderError> {
        self.wrap(context, dek).await.map_err(|failure| failure.into_error(context))
    }

    async fn unwrap(&self, context: &KmsContext, wrapped: &[u8]) -> Result<Dek, ProviderError> {
        let wrapped = Wrapped::parse(wrapped)
            .ok_or_else(|| ProviderError::corrupt(context, "it was not wrapped by a key of a KMIP server"))?;
        self.unwrap(context, &wrapped).await.map_err(|failure| failure.into_error(context))
    }

    fn version(&self, wrapped: &[u8]) -> Option<String> {
        Wrapped::parse(wrapped).map(|wrapped| wrapped.id)
    }
}

impl fmt::Debug for Kmip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kmip")
            .field("provider", &self.provider)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
