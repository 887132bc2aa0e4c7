//! What the service's answers mean.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use proxy_crypto::{KmsContext, ProviderError};
use reqwest::StatusCode;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::http::line;

/// What is asked of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Wrap,
    Unwrap,
}

/// What a call gave.
#[derive(Deserialize)]
pub(super) struct Done {
    kid: String,
    value: Zeroizing<String>,
}

#[derive(Deserialize, Default)]
struct Failure {
    error: Words,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Words {
    code: String,
    message: String,
    innererror: Option<Inner>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Inner {
    code: String,
}

impl Operation {
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Wrap => "wrapkey",
            Self::Unwrap => "unwrapkey",
        }
    }
}

impl Done {
    /// The version that did it: the last part of the key's address, after its name.
    pub(super) fn version(&self, context: &KmsContext) -> Result<&str, ProviderError> {
        let mut parts = self.kid.rsplit('/');
        match (parts.next(), parts.next(), parts.next()) {
            (Some(version), Some(key), Some("keys"))
                if key.eq_ignore_ascii_case(context.key.as_str()) && super::is_version(version) =>
            {
                Ok(version)
            }
            _ => Err(ProviderError::unavailable(
                context,
                "its answer names no version of the key that was asked for",
            )),
        }
    }

    pub(super) fn value(&self, context: &KmsContext) -> Result<Zeroizing<Vec<u8>>, ProviderError> {
        let bytes = BASE64URL.decode(self.value.as_bytes()).ok().map(Zeroizing::new);
        bytes.ok_or_else(|| ProviderError::unavailable(context, "its answer has no value in base64url"))
    }
}

/// What became of a call on a key.
pub(super) fn read(
    context: &KmsContext,
    operation: Operation,
    status: StatusCode,
    body: &[u8],
) -> Result<Done, ProviderError> {
    if status.is_success() {
        // The parser's words could quote what it read.
        return serde_json::from_slice(body)
            .map_err(|_| ProviderError::unavailable(context, "its answer is not one of Key Vault's"));
    }
    let Failure { error } = serde_json::from_slice(body).unwrap_or_default();
    if error.code.is_empty() {
        let cause = format!("its answer ({}) is not one of Key Vault's", status.as_u16());
        return Err(ProviderError::unavailable(context, cause));
    }
    Err(failed(context, operation, status, &error))
}

/// Whether a key that is not found is among the deleted ones, by the answer to that question; else what it comes to: it is gone
/// only where it is not there either.
pub(super) fn deleted(
    context: &KmsContext,
    missing: &ProviderError,
    status: StatusCode,
    body: &[u8],
) -> Result<(), ProviderError> {
    let Failure { error } = serde_json::from_slice(body).unwrap_or_default();
    Err(match status {
        status if status.is_success() => return Ok(()),
        StatusCode::NOT_FOUND if error.code == "KeyNotFound" => missing.clone(),
        StatusCode::FORBIDDEN => {
            ProviderError::refused(context, said(missing, "whether it can be recovered may not be asked"))
        }
        // No answer to that, so it is asked again.
        _ => {
            let more = format!("whether it can be recovered is not known: {}", status.as_u16());
            ProviderError::unavailable(context, said(missing, &more))
        }
    })
}

/// What a key that is not found comes to where it is among the deleted ones.
pub(super) fn recoverable(context: &KmsContext, missing: &ProviderError) -> ProviderError {
    ProviderError::refused(context, said(missing, "it was deleted, and can be recovered"))
}

fn said(missing: &ProviderError, more: &str) -> String {
    format!("{} ({more})", missing.cause())
}

fn failed(context: &KmsContext, operation: Operation, status: StatusCode, error: &Words) -> ProviderError {
    // The inner code is the closer one: both a disabled key and a missing right are Forbidden.
    let inner = error.innererror.as_ref().map(|inner| inner.code.as_str()).unwrap_or_default();
    let code =
        if inner.is_empty() { line(&error.code) } else { format!("{}/{}", line(&error.code), line(inner)) };
    let cause = if error.message.is_empty() { code } else { format!("{code}: {}", line(&error.message)) };
    match status {
        // The key is one that may unwrap in this way: it did wrap. What is left is the value.
        StatusCode::BAD_REQUEST if operation == Operation::Unwrap => ProviderError::corrupt(context, cause),
        // So it is said of a key that was deleted too, although it can be recovered for a time: see `deleted`.
        StatusCode::NOT_FOUND if operation == Operation::Unwrap && error.code == "KeyNotFound" => {
            ProviderError::gone(context, cause)
        }
        StatusCode::BAD_REQUEST | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => {
            ProviderError::refused(context, cause)
        }
        // In our own words: the server may quote the token.
        StatusCode::UNAUTHORIZED => ProviderError::refused(
            context,
            "the credentials are unknown there, or for another audience (401)",
        ),
        _ => ProviderError::unavailable(context, cause),
    }
}
