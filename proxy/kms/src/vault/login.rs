//! Tokens: got by a login, replaced or renewed before they end.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use proxy_crypto::{KmsContext, ProviderError};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::{Login, Vault, answer};
use crate::files;

/// Part of a token's life after which the next one is fetched.
const USED: (u32, u32) = (2, 3);
/// How long a token of unknown life is used before it is looked at again.
const UNKNOWN: Duration = Duration::from_mins(5);
/// After a failed login, a token that has not ended serves for so long before the next attempt.
const RETRY: Duration = Duration::from_secs(5);
/// One login because of a denial in so long: a server that denies a key does not deny it less to another token.
const DENIALS: Duration = Duration::from_secs(30);

/// A token in use.
#[derive(Clone)]
pub(super) struct Token {
    pub(super) value: Zeroizing<String>,
    since: Instant,
    /// When it ends; never, for some.
    end: Option<Instant>,
    /// The count of changes of the credentials, when it was fetched.
    credentials: u64,
}

/// The token in use, if any. One login at a time.
#[derive(Default)]
pub(super) struct Session {
    state: Mutex<State>,
    credentials: AtomicU64,
}

#[derive(Default)]
struct State {
    token: Option<Arc<Token>>,
    /// When the token is replaced or renewed; never, for one that does not end.
    due: Option<Instant>,
    /// The last login because of a denial.
    denied: Option<Instant>,
}

#[derive(Deserialize)]
struct Answer {
    auth: Auth,
}

#[derive(Deserialize)]
struct Auth {
    client_token: Zeroizing<String>,
    #[serde(default)]
    lease_duration: u64,
}

impl Token {
    pub(super) fn age(&self) -> Duration {
        self.since.elapsed()
    }
}

impl Session {
    /// Logs in anew at the next call, since the credentials are others.
    pub(super) fn forget(&self) {
        self.credentials.fetch_add(1, Ordering::Relaxed);
    }

    /// A token that should serve.
    pub(super) async fn token(
        &self,
        vault: &Vault,
        context: &KmsContext,
    ) -> Result<Arc<Token>, ProviderError> {
        let mut state = self.state.lock().await;
        let credentials = self.credentials.load(Ordering::Relaxed);
        let due = |state: &State| state.due.is_some_and(|due| Instant::now() >= due);
        let held = state.token.clone();
        match held {
            Some(token) if token.credentials == credentials && !due(&state) => Ok(token),
            // While it has not ended, a login that fails takes nothing away from it.
            Some(token) if token.end.is_none_or(|end| Instant::now() < end) => {
                match self.log_in(vault, context, credentials, &mut state).await {
                    Ok(token) => Ok(token),
                    Err(error) => {
                        tracing::warn!(provider = %context.provider, %error, "no new token, the earlier one serves to its end");
                        state.due = Some(Instant::now() + RETRY);
                        let same = Token { credentials, ..Token::clone(&token) };
                        Ok(Arc::clone(state.token.insert(Arc::new(same))))
                    }
                }
            }
            _ => self.log_in(vault, context, credentials, &mut state).await,
        }
    }

    /// Another token than one that was denied, unless there was another for such a reason of late.
    pub(super) async fn another(
        &self,
        vault: &Vault,
        context: &KmsContext,
        denied: &Arc<Token>,
    ) -> Result<Option<Arc<Token>>, ProviderError> {
        let mut state = self.state.lock().await;
        if let Some(token) = state.token.as_ref().filter(|token| token.since > denied.since) {
            return Ok(Some(Arc::clone(token)));
        }
        if state.denied.is_some_and(|last| last.elapsed() < DENIALS) {
            return Ok(None);
        }
        let credentials = self.credentials.load(Ordering::Relaxed);
        let token = self.log_in(vault, context, credentials, &mut state).await?;
        // Not after a login that failed: then the next denial may still be of a token that has ended.
        state.denied = Some(Instant::now());
        Ok(Some(token))
    }

    async fn log_in(
        &self,
        vault: &Vault,
        context: &KmsContext,
        credentials: u64,
        state: &mut State,
    ) -> Result<Arc<Token>, ProviderError> {
        let (value, life) = vault.login(context).await?;
        let since = Instant::now();
        let token = Arc::new(Token { value, since, end: life.map(|life| since + life), credentials });
        state.due = life.map(|life| since + life * USED.0 / USED.1);
        Ok(Arc::clone(state.token.insert(token)))
    }
}

impl Vault {
    /// A token, and how long it lives; `None` for ever.
    async fn login(
        &self,
        context: &KmsContext,
    ) -> Result<(Zeroizing<String>, Option<Duration>), ProviderError> {
        let read = |path| {
            files::read_text(path)
                .map_err(|error| ProviderError::unavailable(context, format!("failed to log in: {error}")))
        };
        let (mount, body) = match &self.settings.login {
            Login::TokenFile(path) => return self.renew(context, read(path)?).await,
            Login::Jwt { mount, role, token } => (mount, json!({"role": role, "jwt": read(token)?.as_str()})),
            Login::AppRole { mount, role_id, secret_id } => {
                (mount, json!({"role_id": read(role_id)?.as_str(), "secret_id": read(secret_id)?.as_str()}))
            }
        };
        let path = ["auth"].into_iter().chain(mount.split('/')).chain(["login"]);
        self.authenticate(context, path, None, &body).await
    }

    /// Renews a token that somebody else keeps. One that may not be renewed serves until it is replaced.
    async fn renew(
        &self,
        context: &KmsContext,
        token: Zeroizing<String>,
    ) -> Result<(Zeroizing<String>, Option<Duration>), ProviderError> {
        let path = ["auth", "token", "renew-self"];
        match self.authenticate(context, path, Some(&token), &json!({})).await {
            Ok((_, life)) => Ok((token, life)),
            Err(ProviderError::Unavailable { cause, .. }) => Err(ProviderError::unavailable(context, cause)),
            Err(_) => Ok((token, Some(UNKNOWN))),
        }
    }

    async fn authenticate<'a>(
        &self,
        context: &KmsContext,
        path: impl IntoIterator<Item = &'a str>,
        token: Option<&str>,
        body: &Value,
    ) -> Result<(Zeroizing<String>, Option<Duration>), ProviderError> {
        let request = self.client(context)?.post(self.url(path)).json(body);
        let (status, body) = self.send(context, request, token).await?;
        if !status.is_success() {
            return Err(answer::login_failed(context, status, &body));
        }
        let answer: Answer = serde_json::from_slice(&body).map_err(|_| {
            ProviderError::unavailable(context, "its answer to the login is not one of Vault's")
        })?;
        let life = (answer.auth.lease_duration > 0).then(|| Duration::from_secs(answer.auth.lease_duration));
        Ok((answer.auth.client_token, life))
    }
}
