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
use tokio::time::Instant;
use zeroize::Zeroizing;

pub use self::settings::KmipSettings;

use self::failure::Failure;
use self::message::{Answer, Request};
use self::pool::Pool;
use self::wrapped::{NONCE, SEALED, Wrapped};
use crate::files::{FileError, Watched};
use crate::proved::Proved;
use crate::question::{Purpose, Question};

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
        let watched = Mutex::new(Watched::new(provider.clone(), settings.files()));
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

    async fn call(&self, question: Question<'_>, request: Request<'_>) -> Result<Answer, Failure> {
        // A handshake may be part of it; whoever waits for a call need not be as large as that.
        let answer = Box::pin(self.pool.call(&self.settings, question, &request)).await;
        answer.map_err(|error| Failure::Unavailable(error.to_string()))
    }

    /// The id of the one key that goes by the name.
    async fn locate(&self, question: Question<'_>) -> Result<String, Failure> {
        let request = Request::Locate { name: question.context.key.as_str() };
        let asked = async { self.call(question, request).await?.located() };
        let located = question.request(Purpose::Locate, asked).await?;
        match <[String; 1]>::try_from(located) {
            Ok([id]) => Ok(id),
            Err(none) if none.is_empty() => {
                Err(Failure::Refused("it has no active AES-256 key of this name for us".to_owned()))
            }
            Err(_) => Err(Failure::Refused("it has several active keys of this name".to_owned())),
        }
    }

    async fn seal(&self, question: Question<'_>, id: &str, dek: &Dek) -> Result<Wrapped, Failure> {
        let mut nonce = [0; NONCE];
        rand::fill(&mut nonce).map_err(|_| Failure::Unavailable("there is no randomness".to_owned()))?;
        let (id, bound) = (id.to_owned(), question.context.to_bytes());
        if self.settings.fetch_keys {
            let mut sealed = Zeroizing::new(Vec::with_capacity(SEALED));
            sealed.extend_from_slice(dek.expose());
            let (key, aad) = (self.fetch(question, &id).await?, Aad::from(bound));
            let sealing =
                key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut *sealed);
            sealing.map_err(|_| Failure::Unavailable("failed to encrypt".to_owned()))?;
            return Ok(Wrapped { id, nonce, sealed: sealed_of(&sealed)? });
        }
        let request = Request::Encrypt { id: &id, nonce: &nonce, context: &bound, data: dek.expose() };
        let answer = self.call(question, request).await?;
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
    async fn check_key(&self, question: Question<'_>, id: &str) -> Result<(), Failure> {
        let context = question.context;
        let named = self.seen().named.get(id) == Some(&context.key);
        if named && !self.settings.fetch_keys {
            return Ok(());
        }
        let asked = async { self.call(question, Request::Attributes { id }).await?.attributes() };
        let attributes = question.request(Purpose::Attributes, asked).await?;
        if !attributes.is_named(&context.key) {
            return Err(Failure::Corrupt(format!(
                "the key that wrapped it has neither this Name nor the Object Group {}",
                attributes::group(&context.key)
            )));
        }
        self.seen().named.insert(id.to_owned(), context.key.clone());
        if self.settings.fetch_keys { attributes.may_decrypt() } else { Ok(()) }
    }

    async fn open(&self, question: Question<'_>, wrapped: &Wrapped) -> Result<Dek, Failure> {
        self.check_key(question, &wrapped.id).await?;
        self.decrypt(question, wrapped, question.context).await
    }

    /// Decrypts as what is bound to a context.
    async fn decrypt(
        &self,
        question: Question<'_>,
        wrapped: &Wrapped,
        context: &KmsContext,
    ) -> Result<Dek, Failure> {
        let (id, bound) = (&wrapped.id, context.to_bytes());
        if self.settings.fetch_keys {
            let (mut sealed, key) =
                (Zeroizing::new(wrapped.sealed.to_vec()), self.fetch(question, id).await?);
            let nonce = Nonce::assume_unique_for_key(wrapped.nonce);
            let opened = key.open_in_place(nonce, Aad::from(bound), &mut sealed);
            return opened.ok().and_then(|bytes| Dek::from_bytes(bytes)).ok_or_else(|| {
                Failure::Corrupt("it does not decrypt with the key that it names".to_owned())
            });
        }
        let (data, tag) = wrapped.parts();
        let request = Request::Decrypt { id, nonce: &wrapped.nonce, context: &bound, data, tag };
        self.call(question, request).await?.decrypted()
    }

    async fn fetch(&self, question: Question<'_>, id: &str) -> Result<LessSafeKey, Failure> {
        let asked = async {
            let answer = self.call(question, Request::Get { id }).await?;
            let key = UnboundKey::new(&AES_256_GCM, answer.key()?);
            key.map(LessSafeKey::new)
                .map_err(|_| Failure::Refused("the key is not one of 256 bits".to_owned()))
        };
        question.request(Purpose::Get, asked).await
    }

    /// Whether the key would have opened what it wrapped. A failure tells that the server is to blame.
    async fn probe(&self, question: Question<'_>, id: &str) -> Result<(), Failure> {
        let dek = Dek::generate().map_err(|error| Failure::Unavailable(error.to_string()))?;
        let wrapped = match question.request(Purpose::Trial, self.seal(question, id, &dek)).await {
            Ok(wrapped) => wrapped,
            // An old key that may only decrypt cannot tell; better too late than to call corrupt what is not.
            Err(Failure::Refused(cause) | Failure::Gone(cause)) => {
                return Err(Failure::Unavailable(format!(
                    "it fails to decrypt, and whether it can cannot be seen, since it does not encrypt ({cause})"
                )));
            }
            Err(failure) => return Err(failure),
        };
        self.check_key(question, id).await?;
        let opened = self.decrypt(question, &wrapped, question.context);
        if question.request(Purpose::Trial, opened).await?.same_as(&dek) {
            Ok(())
        } else {
            Err(Failure::Unavailable("it does not give back what it encrypted".to_owned()))
        }
    }

    /// Sees once for each key that its data keys do not unwrap in another context: servers of an older version ignore the
    /// additional data.
    async fn check_binding(
        &self,
        question: Question<'_>,
        dek: &Dek,
        wrapped: &Wrapped,
    ) -> Result<(), Failure> {
        let context = question.context;
        if self.settings.fetch_keys || self.seen().bound.contains(&wrapped.id) {
            return Ok(());
        }
        // That it decrypts in its own context tells that what fails in another fails for that alone.
        let opened = question.request(Purpose::CheckBinding, self.decrypt(question, wrapped, context));
        if !opened.await?.same_as(dek) {
            return Err(Failure::Unavailable("it does not give back what it encrypted".to_owned()));
        }
        let Ok(elsewhere) = ClusterName::new("another-cluster-of-this-check") else { return Ok(()) };
        let elsewhere = KmsContext { cluster: elsewhere, ..context.clone() };
        let opened = async {
            self.decrypt(question, wrapped, &elsewhere).await.map_err(|failure| match failure {
                Failure::Unclear(cause) => Failure::Corrupt(cause),
                clear => clear,
            })
        };
        match question.request(Purpose::CheckBinding, opened).await {
            Err(Failure::Corrupt(_)) => {
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
        let question = Question::of(context);
        let id = self.locate(question).await?;
        self.seen().named.insert(id.clone(), context.key.clone());
        let wrapped = self.seal(question, &id, dek).await?;
        let key = wrapped.to_key();
        let key =
            key.ok_or_else(|| Failure::Refused("the key's unique identifier is too long".to_owned()))?;
        self.check_binding(Question::about(context, key.as_bytes()), dek, &wrapped).await?;
        Ok(key)
    }

    async fn unwrap(&self, question: Question<'_>, wrapped: &Wrapped) -> Result<Dek, Failure> {
        let start = Instant::now();
        let unclear = match self.open(question, wrapped).await {
            Err(unclear @ Failure::Unclear(_)) => unclear.into_error(question.context),
            clear => return clear,
        };
        let took = start.elapsed();
        // Is it the data key or the server? Only a server that works can tell.
        if !self.proved.holds(&wrapped.id) {
            self.probe(question, &wrapped.id).await?;
            self.proved.note(wrapped.id.clone());
        }
        question.tell(Purpose::Retried, Some(&unclear), took);
        match self.open(question, wrapped).await {
            Err(Failure::Unclear(cause)) => {
                Err(Failure::Corrupt(format!("the server fails to decrypt this one alone ({cause})")))
            }
            clear => clear,
        }
    }
}

fn sealed_of(bytes: &[u8]) -> Result<[u8; SEALED], Failure> {
    bytes.try_into().map_err(|_| {
        Failure::Unavailable(format!("it made {} bytes of a data key and its tag, not {SEALED}", bytes.len()))
    })
}

#[async_trait]
impl KeyProvider for Kmip {
    async fn wrap(&self, context: &KmsContext, dek: &Dek) -> Result<WrappedKey, ProviderError> {
        self.wrap(context, dek).await.map_err(|failure| failure.into_error(context))
    }

    async fn unwrap(&self, context: &KmsContext, wrapped: &[u8]) -> Result<Dek, ProviderError> {
        let question = Question::about(context, wrapped);
        let wrapped = Wrapped::parse(wrapped)
            .ok_or_else(|| ProviderError::corrupt(context, "it was not wrapped by a key of a KMIP server"))?;
        self.unwrap(question, &wrapped).await.map_err(|failure| failure.into_error(context))
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
