//! What KMS's answers mean.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use proxy_crypto::{KmsContext, ProviderError};
use reqwest::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use super::crc32c;
use crate::http::line;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Encrypted {
    /// The version of the key that encrypted.
    pub(super) name: String,
    ciphertext: String,
    ciphertext_crc32c: String,
    #[serde(default)]
    verified_plaintext_crc32c: bool,
    #[serde(default)]
    verified_additional_authenticated_data_crc32c: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Decrypted {
    /// Left out where it is empty.
    #[serde(default)]
    plaintext: Zeroizing<String>,
    plaintext_crc32c: String,
}

#[derive(Deserialize, Default)]
struct Failure {
    error: Status,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Status {
    #[serde(rename = "status")]
    code: String,
    message: String,
    details: Vec<Detail>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Detail {
    violations: Vec<Violation>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Violation {
    #[serde(rename = "type")]
    kind: String,
}

impl Encrypted {
    pub(super) fn ciphertext(&self, context: &KmsContext) -> Result<Vec<u8>, ProviderError> {
        let verified = self.verified_plaintext_crc32c && self.verified_additional_authenticated_data_crc32c;
        let bytes = BASE64.decode(&self.ciphertext).ok();
        match bytes.filter(|bytes| verified && crc32c(bytes) == self.ciphertext_crc32c) {
            Some(bytes) => Ok(bytes),
            None => Err(damaged(context)),
        }
    }
}

impl Decrypted {
    pub(super) fn plaintext(&self, context: &KmsContext) -> Result<Zeroizing<Vec<u8>>, ProviderError> {
        let bytes = BASE64.decode(self.plaintext.as_bytes()).ok().map(Zeroizing::new);
        let bytes = bytes.filter(|bytes| crc32c(bytes) == self.plaintext_crc32c);
        bytes.ok_or_else(|| damaged(context))
    }
}

fn damaged(context: &KmsContext) -> ProviderError {
    ProviderError::unavailable(context, "the checksums show that the call was damaged on its way")
}

/// What became of a call on a key.
pub(super) fn read<T: DeserializeOwned>(
    context: &KmsContext,
    status: StatusCode,
    body: &[u8],
) -> Result<T, ProviderError> {
    if status.is_success() {
        // The parser's words could quote what it read.
        return serde_json::from_slice(body)
            .map_err(|_| ProviderError::unavailable(context, "its answer is not one of Cloud KMS's"));
    }
    let Failure { error } = serde_json::from_slice(body).unwrap_or_default();
    Err(failed(context, status, &error))
}

fn failed(context: &KmsContext, status: StatusCode, error: &Status) -> ProviderError {
    let Status { code, message, details } = error;
    let cause = match (code.as_str(), message.as_str()) {
        ("", _) => format!("its answer ({}) is not one of Cloud KMS's", status.as_u16()),
        (code, "") => line(code),
        (code, message) => format!("{}: {}", line(code), line(message)),
    };
    let message = message.to_ascii_lowercase();
    let external =
        details.iter().find_map(|detail| detail.violations.get(1)).map(|second| second.kind.as_str());
    match code.as_str() {
        "INVALID_ARGUMENT" if message.contains("checksum") || message.contains("crc32c") => damaged(context),
        "INVALID_ARGUMENT" if message.contains("decryption failed") => ProviderError::corrupt(context, cause),
        // Where the key is in an external manager, a second violation tells what became of the attempt to use it there.
        "FAILED_PRECONDITION" if external.is_some_and(|kind| kind != "EXTERNAL_PERMISSION_DENIED") => {
            ProviderError::unavailable(context, cause)
        }
        // A version whose destruction is only scheduled can be restored, and is DESTROY_SCHEDULED.
        "FAILED_PRECONDITION" if message.contains("current state is: destroyed") => {
            ProviderError::gone(context, cause)
        }
        // Not of a method, a location or a key ring, whatever their names.
        "NOT_FOUND" if is_about_key(&message) && message.contains(" not found") => {
            ProviderError::gone(context, cause)
        }
        "INVALID_ARGUMENT" | "FAILED_PRECONDITION" | "NOT_FOUND" | "PERMISSION_DENIED" => {
            ProviderError::refused(context, cause)
        }
        // In our own words: the server may quote the token.
        "UNAUTHENTICATED" => {
            ProviderError::refused(context, "the credentials are unknown there (UNAUTHENTICATED)")
        }
        _ => ProviderError::unavailable(context, cause),
    }
}

/// Of `cryptokey projects/… not found.` and `keyring projects/… not found.`, the first.
fn is_about_key(message: &str) -> bool {
    ["cryptokey ", "cryptokeyversion "].iter().any(|kind| message.starts_with(kind))
}
