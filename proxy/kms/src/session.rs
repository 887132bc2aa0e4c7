//! Tokens: got by a login, replaced or renewed before they end.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use proxy_crypto::{KmsContext, ProviderError};
use reqwest::StatusCode;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};
use zeroize::Zeroizing;

use crate::question::{Purpose, Question};

/// Part of a token's life after which the next one is fetched.
const USED: (u32, u32) = (2, 3);
/// What a longer life of a token is taken for.
const LONGEST: Duration = Duration::from_hours(24);
/// After a failed login, a token that has not ended serves for so long before the next attempt.
const RETRY: Duration = Duration::from_secs(5);
/// So long a call waits for the next token, while there is one that has not ended.
const PATIENCE: Duration = Duration::from_secs(2);
/// One login because of a denial in so long: a server that denies a key does not deny it less to another token.
const DENIALS: Duration = Duration::from_secs(30);
/// A token that was fetched so shortly before is not to blame for a denial.
const FRESH: Duration = Duration::from_secs(2);

/// Status and body of an answer.
pub(crate) type Answer = (StatusCode, Zeroizing<Vec<u8>>);

/// A way to get tokens.
#[async_trait]
pub(crate) trait Login: Sync {
    /// A token, and how long it lives; `None` for ever.
    async fn log_in(
        &self,
        context: &KmsContext,
    ) -> Result<(Zeroizing<String>, Option<Duration>), ProviderError>;
}

/// A token in use.
#[derive(Clone)]
struct Token {
    value: Zeroizing<String>,
    since: Instant,
    /// When it ends; never, for some.
    end: Option<Instant>,
    /// The count of changes of the credentials, when it was fetched.
    credentials: u64,
}

/// The token in use, if any. One login at a time.
#[derive(Default)]
pub(crate) struct Session {
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

impl Session {
    /// Logs in anew at the next call, since the credentials are others.
    pub(crate) fn forget(&self) {
        self.credentials.fetch_add(1, Ordering::Relaxed);
    }

    /// A call with a token. An answer with the status `denied` counts only after a fresh login, since servers do not tell a
    /// token that has ended from one that may not.
    pub(crate) async fn call<F>(
        &self,
        login: &dyn Login,
        question: Question<'_>,
        denied: StatusCode,
        send: impl Fn(Zeroizing<String>) -> F,
    ) -> Result<Answer, ProviderError>
    where
        F: Future<Output = Result<Answer, ProviderError>>,
    {
        let context = question.context;
        let token = self.token(login, context).await?;
        let start = Instant::now();
        let answer = send(token.value.clone()).await?;
        if answer.0 != denied || token.since.elapsed() < FRESH {
            return Ok(answer);
        }
        let took = start.elapsed();
        let tell = || {
            let error = ProviderError::refused(context, format!("its answer is {}", denied.as_u16()));
            question.tell(Purpose::Retried, Some(&error), took);
        };
        match self.another(login, context, &token, tell).await? {
            Some(token) => send(token.value.clone()).await,
            // It says that the token is not known, and nothing of the key.
            None if denied == StatusCode::UNAUTHORIZED => Err(ProviderError::unavailable(
                context,
                "its answer is 401, and to a fresh token was so of late",
            )),
            None => Ok(answer),
        }
    }

    /// A token that should serve.
    async fn token(&self, login: &dyn Login, context: &KmsContext) -> Result<Arc<Token>, ProviderError> {
        let mut state = self.state.lock().await;
        let credentials = self.credentials.load(Ordering::Relaxed);
        let due = |state: &State| state.due.is_some_and(|due| Instant::now() >= due);
        let held = state.token.clone();
        match held {
            Some(token) if token.credentials == credentials && !due(&state) => Ok(token),
            // While it has not ended, a login that fails takes nothing away from it.
            Some(token) if token.end.is_none_or(|end| Instant::now() < end) => {
                let next = timeout(PATIENCE, log_in(login, context, credentials, &mut state)).await;
                match next
                    .unwrap_or_else(|_| Err(ProviderError::unavailable(context, "no answer to the login")))
                {
                    Ok(token) => Ok(token),
                    Err(error) => {
                        tracing::warn!(provider = %context.provider, %error, "no new token, the earlier one serves to its end");
                        state.due = Some(Instant::now() + RETRY);
                        let same = Token { credentials, ..Token::clone(&token) };
                        Ok(Arc::clone(state.token.insert(Arc::new(same))))
                    }
                }
            }
            _ => log_in(login, context, credentials, &mut state).await,
        }
    }

    /// Another token than one that was denied, unless there was another for such a reason of late. Where there is one, or will be,
    /// it tells first.
    async fn another(
        &self,
        login: &dyn Login,
        context: &KmsContext,
        denied: &Arc<Token>,
        tell: impl FnOnce() + Send,
    ) -> Result<Option<Arc<Token>>, ProviderError> {
        let mut state = self.state.lock().await;
        if let Some(token) = state.token.as_ref().filter(|token| token.since > denied.since) {
            tell();
            return Ok(Some(Arc::clone(token)));
        }
        if state.denied.is_some_and(|last| last.elapsed() < DENIALS) {
            return Ok(None);
        }
        tell();
        let credentials = self.credentials.load(Ordering::Relaxed);
        let token = log_in(login, context, credentials, &mut state).await?;
        // Not after a login that failed: then the next denial may still be of a token that has ended.
        state.denied = Some(Instant::now());
        Ok(Some(token))
    }
}

async fn log_in(
    login: &dyn Login,
    context: &KmsContext,
    credentials: u64,
    state: &mut State,
) -> Result<Arc<Token>, ProviderError> {
    let (value, life) = login.log_in(context).await?;
    // So that no number of a server's overflows a clock.
    let life = life.map(|life| life.min(LONGEST));
    let since = Instant::now();
    let token = Arc::new(Token { value, since, end: life.map(|life| since + life), credentials });
    state.due = life.map(|life| since + life * USED.0 / USED.1);
    Ok(Arc::clone(state.token.insert(token)))
}

#[cfg(test)]
mod tests;
