//! OAuth 2.0: tokens for credentials.

use std::time::Duration;

use proxy_crypto::{KmsContext, ProviderError};
use reqwest::{RequestBuilder, StatusCode};
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::http::{self, line};

/// The life of a token that does not tell it. The standard lets it be left out.
const UNTOLD: Duration = Duration::from_mins(5);

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
    let unavailable = |cause: &str| ProviderError::unavailable(context, failed(cause));
    let answer = http::answer(request.send().await).await;
    let (status, body) = answer.map_err(|error| unavailable(&error.to_string()))?;
    if !status.is_success() {
        return Err(refused(context, status, &body, secret));
    }
    // The parser's words could quote what it read.
    let grant: Grant = serde_json::from_slice(&body).map_err(|_| unavailable("the answer has no token"))?;
    let life = grant.expires_in.map_or(UNTOLD, Duration::from_secs);
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
    let said = if message.is_empty() { code } else { format!("{code}: {message}") };
    let said = if secret.is_empty() { said } else { said.replace(secret, "…") };
    let cause = failed(&format!("{} ({})", line(&said), status.as_u16()));
    match status {
        StatusCode::BAD_REQUEST
        | StatusCode::UNAUTHORIZED
        | StatusCode::FORBIDDEN
        | StatusCode::NOT_FOUND => ProviderError::refused(context, cause),
        _ => ProviderError::unavailable(context, cause),
    }
}

fn failed(cause: &str) -> String {
    format!("failed to log in: {cause}")
}
