//! A connection to a service that takes tokens: its client, its session, and the files that both follow.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use arc_swap::ArcSwap;
use bytes::Bytes;
use proxy_crypto::{KmsContext, ProviderError, ProviderName};
use reqwest::{Client, RequestBuilder, StatusCode};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::files::{FileError, Followed, Watched};
use crate::http::{self, HttpError, TlsFiles};
use crate::question::Question;
use crate::session::{Answer, Login, Session};

/// More than any call of a provider needs, so that its body does not grow and leave parts of a data key behind.
const BODY: usize = 4096;

/// The body of a call: it may hold a data key, and is cleared when the call is over.
pub(crate) fn body(context: &KmsContext, parameters: &impl Serialize) -> Result<Bytes, ProviderError> {
    let mut text = Zeroizing::new(Vec::with_capacity(BODY));
    serde_json::to_writer(&mut *text, parameters)
        .map_err(|_| ProviderError::unavailable(context, "failed to write the call"))?;
    Ok(Bytes::from_owner(text))
}

/// A connection by HTTP, with a token in each call.
pub(crate) struct Connection {
    tls: TlsFiles,
    /// Or why there is none: a file for TLS may come later.
    client: ArcSwap<Result<Client, HttpError>>,
    session: Session,
    watched: Mutex<Watched>,
}

impl Connection {
    /// Makes no call. `credentials` are the files that the login reads.
    pub(crate) fn new(provider: ProviderName, tls: TlsFiles, credentials: Vec<PathBuf>) -> Self {
        let credentials = credentials.into_iter().map(Followed::Secret);
        let files = tls.followed().into_iter().chain(credentials).collect();
        let watched = Mutex::new(Watched::new(provider, files));
        let client = ArcSwap::from_pointee(tls.client());
        Self { tls, client, session: Session::default(), watched }
    }

    /// Looks at the files again. Tells whether anything changed, and what is wrong. Blocks on a few small files.
    pub(crate) fn reload(&self, provider: &ProviderName) -> (bool, Option<FileError>) {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        let (changed, problem) = watched.look();
        if changed {
            self.client.store(self.tls.client().into());
            self.session.forget();
            tracing::info!(%provider, "credentials of the key provider changed");
        }
        (changed, problem)
    }

    /// The client with what the files for TLS have now.
    pub(crate) fn client(&self, context: &KmsContext) -> Result<Client, ProviderError> {
        match &**self.client.load() {
            Ok(client) => Ok(client.clone()),
            Err(error) => Err(ProviderError::unavailable(context, error.to_string())),
        }
    }

    /// A call with a token, which a fresh one replaces where the server does not know it any more.
    pub(crate) async fn call(
        &self,
        login: &dyn Login,
        question: Question<'_>,
        request: impl Fn(&Client) -> RequestBuilder,
    ) -> Result<Answer, ProviderError> {
        let send = async |token: Zeroizing<String>| {
            let context = question.context;
            let request = request(&self.client(context)?).bearer_auth(token.as_str());
            http::answer(request.send().await)
                .await
                .map_err(|error| ProviderError::unavailable(context, error.to_string()))
        };
        self.session.call(login, question, StatusCode::UNAUTHORIZED, send).await
    }
}
