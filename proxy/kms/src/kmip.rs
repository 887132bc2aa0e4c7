//! The provider `kmip`: keys of a server that speaks the Key Management Interoperability Protocol, over mutual TLS.
//!
//! Data keys are made here and encrypted by the server with AES-256-GCM and the context as additional data (KMIP 1.4), so that
//! key-encryption keys never leave it. A key is found by its Name; what it wrapped names it by its unique identifier, so
//! that it opens after the name went to another. For servers without this, the key is fetched and does the same here, if
//! the settings say so.

mod connection;
mod failure;
mod message;
mod pool;
mod settings;
mod ttlv;
mod wrapped;

use std::collections::HashSet;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

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

/// Keys of a KMIP server.
pub struct Kmip {
    provider: ProviderName,
    settings: KmipSettings,
    pool: Pool,
    watched: Mutex<Watched>,
    epoch: AtomicU64,
    /// Keys whose data keys were seen to be bound to their context.
    bound: Mutex<HashSet<KeyName>>,
}

impl Kmip {
    /// Connects to nothing yet. A file that cannot be used is no error: keys are unavailable until it can.
    pub fn new(provider: ProviderName, settings: KmipSettings) -> Self {
        let watched = Mutex::new(Watched::new(settings.files()));
        let (pool, epoch, bound) = (Pool::new(), AtomicU64::new(0), Mutex::default());
        Self { provider, settings, pool, watched, epoch, bound }
    }

    /// Looks at the certificates again. Tells whether any changed, and what is wrong. Blocks on a few small files.
    pub fn reload(&self) -> (bool, Option<FileError>) {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        let (changed, problem) = watched.look();
        if changed {
            self.pool.forget();
            self.epoch.fetch_add(1, Ordering::Relaxed);
            tracing::info!(provider = %self.provider, "certificates of the key provider changed");
        }
        (changed, problem)
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

    async fn open(&self, context: &KmsContext, wrapped: &Wrapped) -> Result<Dek, Failure> {
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
            // An old key that may only decrypt. That it was found must do.
            Err(Failure::Refused(_)) => return Ok(()),
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
    async fn check_binding(&self, context: &KmsContext, wrapped: &Wrapped) -> Result<(), Failure> {
        let seen = || self.bound.lock().unwrap_or_else(PoisonError::into_inner);
        if self.settings.fetch_keys || seen().contains(&context.key) {
            return Ok(());
        }
        let Ok(elsewhere) = ClusterName::new("another-cluster-of-this-check") else { return Ok(()) };
        match self.open(&KmsContext { cluster: elsewhere, ..context.clone() }, wrapped).await {
            Err(Failure::Unavailable(cause)) => Err(Failure::Unavailable(cause)),
            Err(_) => {
                seen().insert(context.key.clone());
                Ok(())
            }
            Ok(_) => Err(Failure::Refused(
                "the server does not bind data keys to their cluster: it needs KMIP 1.4, or fetchKeys"
                    .to_owned(),
            )),
        }
    }

    async fn wrap(&self, context: &KmsContext) -> Result<(Dek, WrappedKey), Failure> {
        let (dek, id) = (new_dek()?, self.locate(context).await?);
        let wrapped = self.seal(&id, context, &dek).await?;
        self.check_binding(context, &wrapped).await?;
        let wrapped = wrapped.to_key();
        let wrapped =
            wrapped.ok_or_else(|| Failure::Refused("the key's unique identifier is too long".to_owned()))?;
        Ok((dek, wrapped))
    }

    async fn unwrap(&self, context: &KmsContext, wrapped: &Wrapped) -> Result<Dek, Failure> {
        match self.open(context, wrapped).await {
            Err(Failure::Unclear(_)) => {}
            clear => return clear,
        }
        // Is it the data key or the server? Only a server that works can tell.
        self.probe(context, &wrapped.id).await?;
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
        self.wrap(context).await.map_err(|failure| failure.into_error(context))
    }

    async fn unwrap(&self, context: &KmsContext, wrapped: &[u8]) -> Result<Dek, ProviderError> {
        let wrapped = Wrapped::parse(wrapped)
            .ok_or_else(|| ProviderError::corrupt(context, "it was not wrapped by a key of a KMIP server"))?;
        self.unwrap(context, &wrapped).await.map_err(|failure| failure.into_error(context))
    }

    fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Relaxed)
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
