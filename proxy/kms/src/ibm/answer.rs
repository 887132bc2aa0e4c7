//! What Key Protect's answers mean.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use proxy_crypto::{KmsContext, ProviderError};
use reqwest::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::http::line;

/// What a wrap gave.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Wrap {
    ciphertext: String,
    /// The version of the key that wrapped.
    pub(super) key_version: Version,
}

#[derive(Deserialize)]
pub(super) struct Version {
    pub(super) id: String,
}

/// What an unwrap gave. After a rotation there is more, which is not needed: new data keys are wrapped by the new version.
#[derive(Deserialize)]
pub(super) struct Unwrapped {
    plaintext: Zeroizing<String>,
}

#[derive(Deserialize, Default)]
struct Failure {
    resources: Vec<Problem>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Problem {
    error_msg: String,
    reasons: Vec<Reason>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Reason {
    code: String,
    message: String,
}

impl Wrap {
    pub(super) fn ciphertext(&self, context: &KmsContext) -> Result<Vec<u8>, ProviderError> {
        BASE64
            .decode(&self.ciphertext)
            .map_err(|_| ProviderError::unavailable(context, "its answer has no ciphertext in base64"))
    }
}

impl Unwrapped {
    pub(super) fn plaintext(&self, context: &KmsContext) -> Result<Zeroizing<Vec<u8>>, ProviderError> {
        let bytes = BASE64.decode(self.plaintext.as_bytes()).ok().map(Zeroizing::new);
        bytes.ok_or_else(|| ProviderError::unavailable(context, "its answer has no plaintext in base64"))
    }
}

/// What became of an action on a key; `is_unique` where no other is meant by what the key is asked for by.
pub(super) fn read<T: DeserializeOwned>(
    context: &KmsContext,
    is_unique: bool,
    status: StatusCode,
    body: &[u8],
) -> Result<T, ProviderError> {
    if status.is_success() {
        // The parser's words could quote what it read.
        return serde_json::from_slice(body)
            .map_err(|_| ProviderError::unavailable(context, "its answer is not one of Key Protect's"));
    }
    let failure: Failure = serde_json::from_slice(body).unwrap_or_default();
    let Some(problem) = failure.resources.into_iter().next() else {
        let cause = format!("its answer ({}) is not one of Key Protect's", status.as_u16());
        return Err(ProviderError::unavailable(context, cause));
    };
    let cause = match problem.reasons.first() {
        Some(reason) => format!("{}: {} ({})", line(&reason.code), line(&reason.message), status.as_u16()),
        None => format!("{} ({})", line(&problem.error_msg), status.as_u16()),
    };
    let code = problem.reasons.first().map(|reason| reason.code.as_str()).unwrap_or_default();
    Err(match status {
        // Of the key, and not of its ring or of a path.
        StatusCode::NOT_FOUND if code == "KEY_NOT_FOUND_ERR" && is_unique => {
            ProviderError::gone(context, cause)
        }
        StatusCode::UNPROCESSABLE_ENTITY => ProviderError::corrupt(context, cause),
        StatusCode::BAD_REQUEST
        | StatusCode::FORBIDDEN
        | StatusCode::NOT_FOUND
        | StatusCode::CONFLICT
        // Deleted, but for a time it can be restored; once it is purged, it is not found.
        | StatusCode::GONE => ProviderError::refused(context, cause),
        // In our own words: the server may quote the token.
        StatusCode::UNAUTHORIZED => {
            ProviderError::refused(context, "the credentials are unknown there (401)")
        }
        _ => ProviderError::unavailable(context, cause),
    })
}
