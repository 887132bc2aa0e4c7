//! OAuth 2.0: tokens for credentials.

use std::time::Duration;

use proxy_crypto::{KmsContext, ProviderError};
use reqwest::{RequestBuilder, Response, StatusCode};
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::http::{self, line};
use crate::question::{Purpose, Question};

/// The life of a token that does not tell it. The standard lets it be left out.
const UNTOLD: Duration = Duration::from_mins(5);
/// What a longer life is taken for. The number is the server's, and need not fit into a clock.
const LONGEST: Duration = Duration::from_hours(24);

/// A token, and how long it lives.
pub(crate) type Granted = (Zeroizing<String>, Option<Duration>);

#[derive(Deserialize)]
struct Grant {
    access_token: Zeroizing<String>,
    expires_in: Option<u64>,
}

/// In the words of the standard, of IBM, or of an API of Google.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Failure {
    error: serde_json::Value,
    error_description: String,
    #[serde(rename = "errorCode")]
    code: String,
    #[serde(rename = "errorMessage")]
    message: String,
}

/// Asks for a token. `secret` is what proves the caller; it is not repeated, whatever the server says.
pub(crate) async fn ask(
    context: &KmsContext,
    request: RequestBuilder,
    secret: &str,
) -> Result<Granted, ProviderError> {
    let asked = async { granted(context, request.send().await, secret).await };
    Question::of(context).request(Purpose::Login, asked).await
}

/// What an answer to somebody who asks for a token means.
pub(crate) async fn granted(
    context: &KmsContext,
    response: Result<Response, reqwest::Error>,
    secret: &str,
) -> Result<Granted, ProviderError> {
    let unavailable = |cause: &str| ProviderError::unavailable(context, failed(cause));
    let answer = http::answer(response).await;
    let (status, body) = answer.map_err(|error| unavailable(&error.to_string()))?;
    if !status.is_success() {
        return Err(refused(context, status, &body, secret));
    }
    // The parser's words could quote what it read.
    let grant: Grant = serde_json::from_slice(&body)
        .map_err(|_| unavailable("its answer is not one of a token service's"))?;
    let life = grant.expires_in.map_or(UNTOLD, Duration::from_secs).min(LONGEST);
    Ok((grant.access_token, Some(life)))
}

/// What a failed login means: the credentials may be withdrawn, or there was no answer.
pub(crate) fn refused(context: &KmsContext, status: StatusCode, body: &[u8], secret: &str) -> ProviderError {
    let failure: Failure = serde_json::from_slice(body).unwrap_or_default();
    let (code, message) = match &failure.error {
        serde_json::Value::String(code) => (code.clone(), failure.error_description),
        // An API of Google.
        serde_json::Value::Object(error) => {
            let text =
                |name| error.get(name).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
            (text("status"), text("message"))
        }
        _ => (failure.code, failure.message),
    };
    let not_now = is_trouble(&code, &message);
    let said = if message.is_empty() { code } else { format!("{code}: {message}") };
    let said = if secret.is_empty() { said } else { said.replace(secret, "…") };
    let cause = failed(&format!("{} ({})", line(&said), status.as_u16()));
    match status {
        _ if not_now => ProviderError::unavailable(context, cause),
        StatusCode::BAD_REQUEST
        | StatusCode::UNAUTHORIZED
        | StatusCode::FORBIDDEN
        | StatusCode::NOT_FOUND => ProviderError::refused(context, cause),
        _ => ProviderError::unavailable(context, cause),
    }
}

/// Whether the server tells of trouble of its own, or of reaching those who vouch for the credentials, with the status of a no.
fn is_trouble(code: &str, message: &str) -> bool {
    matches!(code, "temporarily_unavailable" | "server_error")
        || (code == "invalid_grant" && message.contains("Error connecting to the given credential's issuer"))
}

fn failed(cause: &str) -> String {
    format!("failed to log in: {cause}")
}
