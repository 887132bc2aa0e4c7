//! Logins: with a signed token, as an application, or with a token that somebody else keeps.

use std::time::Duration;

use async_trait::async_trait;
use proxy_crypto::{KmsContext, ProviderError};
use serde::Deserialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{Login, Vault, answer};
use crate::files;
use crate::question::{Purpose, Question};
use crate::session;

/// How long a token of unknown life is used before it is looked at again.
const UNKNOWN: Duration = Duration::from_mins(5);

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

#[async_trait]
impl session::Login for Vault {
    async fn log_in(
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
        let path: Vec<&str> = ["auth"].into_iter().chain(mount.split('/')).chain(["login"]).collect();
        self.authenticate(context, &path, None, &body).await
    }
}

impl Vault {
    /// Renews a token that somebody else keeps. One that may not be renewed serves until it is replaced.
    async fn renew(
        &self,
        context: &KmsContext,
        token: Zeroizing<String>,
    ) -> Result<(Zeroizing<String>, Option<Duration>), ProviderError> {
        match self.authenticate(context, &["auth", "token", "renew-self"], Some(&token), &json!({})).await {
            Ok((_, life)) => Ok((token, life)),
            Err(ProviderError::Unavailable { cause, .. }) => Err(ProviderError::unavailable(context, cause)),
            Err(_) => Ok((token, Some(UNKNOWN))),
        }
    }

    async fn authenticate(
        &self,
        context: &KmsContext,
        path: &[&str],
        token: Option<&str>,
        body: &Value,
    ) -> Result<(Zeroizing<String>, Option<Duration>), ProviderError> {
        let request = self.client(context)?.post(self.url(path.iter().copied())).json(body);
        let asked = async {
            let (status, body) = self.send(context, request, token).await?;
            if !status.is_success() {
                return Err(answer::login_failed(context, status, &body));
            }
            serde_json::from_slice::<Answer>(&body).map_err(|_| {
                ProviderError::unavailable(context, "its answer to the login is not one of Vault's")
            })
        };
        let answer = Question::of(context).request(Purpose::Login, asked).await?;
        let life = (answer.auth.lease_duration > 0).then(|| Duration::from_secs(answer.auth.lease_duration));
        Ok((answer.auth.client_token, life))
    }
}
