//! What the server's answers mean.

use proxy_crypto::{KmsContext, ProviderError};
use reqwest::StatusCode;
use serde::Deserialize;
use zeroize::Zeroizing;

/// The longest part of the server's own words that is repeated.
const LONGEST: usize = 200;

/// What a call gave.
#[derive(Deserialize)]
pub(super) struct Data {
    pub(super) plaintext: Option<Zeroizing<String>>,
    pub(super) ciphertext: Option<String>,
}

#[derive(Deserialize)]
struct Success {
    data: Data,
}

#[derive(Deserialize, Default)]
struct Failure {
    #[serde(default)]
    errors: Vec<String>,
}

/// What became of a call on a key.
pub(super) fn data(context: &KmsContext, status: StatusCode, body: &[u8]) -> Result<Data, ProviderError> {
    if status.is_success() {
        let answer: Result<Success, _> = serde_json::from_slice(body);
        // The parser's words could quote what it read.
        return answer
            .map(|answer| answer.data)
            .map_err(|_| ProviderError::unavailable(context, "its answer is not one of Vault's"));
    }
    let said = said(body);
    let has = |part: &str| said.contains(part);
    let cause = describe(status, &said);
    Err(match status {
        // So says a node that has not seen a rotation yet, or a server that was restored from before it.
        StatusCode::BAD_REQUEST if has("version is too new") => ProviderError::unavailable(context, cause),
        StatusCode::BAD_REQUEST if has("authentication failed") || has("invalid ciphertext") => {
            ProviderError::corrupt(context, cause)
        }
        StatusCode::BAD_REQUEST if has("encryption key not found") => {
            ProviderError::gone(context, "the server has no such key")
        }
        // No more than that: `min_decryption_version` can be lowered again. The server says the same of a version that was
        // trimmed away.
        StatusCode::BAD_REQUEST if has("too old") => {
            ProviderError::refused(context, format!("this version of the key is disabled ({cause})"))
        }
        StatusCode::BAD_REQUEST | StatusCode::METHOD_NOT_ALLOWED => ProviderError::refused(context, cause),
        StatusCode::FORBIDDEN => ProviderError::refused(
            context,
            "the server denies it (403): the token's policies must allow update on datakey/plaintext/KEY and decrypt/KEY \
             of the mount, and on encrypt/KEY to wrap a pseudonym key again",
        ),
        StatusCode::NOT_FOUND => ProviderError::refused(
            context,
            "the server has no secrets engine at this mount and namespace (404)",
        ),
        _ => ProviderError::unavailable(context, cause),
    })
}

/// What a failed login means: the credentials may be withdrawn, or there was no answer.
pub(super) fn login_failed(context: &KmsContext, status: StatusCode, body: &[u8]) -> ProviderError {
    let cause = format!("failed to log in: {}", describe(status, &said(body)));
    match status {
        StatusCode::BAD_REQUEST
        | StatusCode::UNAUTHORIZED
        | StatusCode::FORBIDDEN
        | StatusCode::NOT_FOUND => ProviderError::refused(context, cause),
        _ => ProviderError::unavailable(context, cause),
    }
}

fn describe(status: StatusCode, said: &str) -> String {
    let code = status.as_u16();
    match status {
        StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT => {
            format!("the server is a standby that redirects ({code}): give the address of the active one")
        }
        StatusCode::TOO_MANY_REQUESTS => format!("the server limits its calls ({code})"),
        _ if said.is_empty() => format!("the server answered {code}"),
        _ => format!("the server answered {code}: {said}"),
    }
}

/// The server's first error, as far as it can stand in a line.
fn said(body: &[u8]) -> String {
    let failure: Failure = serde_json::from_slice(body).unwrap_or_default();
    let said = failure.errors.into_iter().next().unwrap_or_default();
    let line = said.chars().map(|c| if c.is_control() { ' ' } else { c });
    line.take(LONGEST).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proxy_crypto::{ClusterName, KeyName, ProviderName};

    /// Conformance: TE-B11.
    #[test]
    fn only_a_key_that_the_server_does_not_have_is_gone() {
        let context = KmsContext {
            cluster: ClusterName::new("c").unwrap(),
            provider: ProviderName::new("p").unwrap(),
            key: KeyName::new("k").unwrap(),
        };
        let answer = |status: u16, said: &str| {
            let body = format!(r#"{{"errors": ["{said}"]}}"#);
            let answer = data(&context, StatusCode::from_u16(status).unwrap(), body.as_bytes());
            answer.err().unwrap()
        };
        assert!(answer(400, "encryption key not found").is_gone());
        for (status, said) in [
            (400, "ciphertext or signature version is disallowed by policy (too old)"),
            (400, "invalid ciphertext: no prefix"),
            (400, "invalid ciphertext: version is too new"),
            (400, "cipher: message authentication failed"),
            (400, "error performing token check"),
            (403, "permission denied"),
            (404, "no handler for route 'transit/decrypt/k'"),
            (503, "Vault is sealed"),
        ] {
            assert!(!answer(status, said).is_gone(), "{said}");
        }
        let login = login_failed(&context, StatusCode::BAD_REQUEST, br#"{"errors": ["key not found"]}"#);
        assert!(!login.is_gone());
    }
}
