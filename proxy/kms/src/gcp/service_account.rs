//! The key of a service account: a file of Google's form, and what it signs.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD as BASE64, URL_SAFE_NO_PAD};
use reqwest::Url;
use serde::Deserialize;
use serde_json::{Value, json};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::files::{self, FileError};

/// How long an assertion is good for: it is used at once.
const LIFE: Duration = Duration::from_mins(10);

/// Why a service account's key is of no use.
#[derive(Debug, Error)]
pub(super) enum ServiceAccountError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("{0} is not the JSON key file of a service account")]
    Form(String),
    #[error("{0} has no usable RSA key")]
    Key(String),
    #[error("{0} names a token_uri that is not an https:// address")]
    TokenUri(String),
    #[error("failed to sign with the key of the service account")]
    Sign,
}

/// A service account that can sign.
pub(super) struct ServiceAccount {
    email: String,
    key_id: String,
    key: RsaKeyPair,
    /// Where tokens are to be had.
    pub(super) token_uri: Url,
}

#[derive(Deserialize)]
struct KeyFile {
    #[serde(rename = "type")]
    kind: String,
    client_email: String,
    private_key_id: String,
    private_key: Zeroizing<String>,
    token_uri: String,
}

impl ServiceAccount {
    pub(super) fn read(path: &Path) -> Result<Self, ServiceAccountError> {
        Self::parse(&files::read_text(path)?, || path.display().to_string())
    }

    /// `name` is what messages call the file.
    pub(super) fn parse(text: &str, name: impl Fn() -> String) -> Result<Self, ServiceAccountError> {
        // The parser's words could quote the key.
        let file: KeyFile = serde_json::from_str(text).map_err(|_| ServiceAccountError::Form(name()))?;
        if file.kind != "service_account" {
            return Err(ServiceAccountError::Form(name()));
        }
        let token_uri: Option<Url> = file.token_uri.parse().ok();
        let token_uri = token_uri
            .filter(|uri| uri.scheme() == "https")
            .ok_or_else(|| ServiceAccountError::TokenUri(name()))?;
        let key = der(&file.private_key).and_then(|der| RsaKeyPair::from_pkcs8(&der).ok());
        let key = key.ok_or_else(|| ServiceAccountError::Key(name()))?;
        let KeyFile { client_email: email, private_key_id: key_id, .. } = file;
        Ok(Self { email, key_id, key, token_uri })
    }

    /// A signed statement of who asks for a token.
    pub(super) fn assertion(&self, scope: &str) -> Result<Zeroizing<String>, ServiceAccountError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let header = json!({"alg": "RS256", "typ": "JWT", "kid": self.key_id});
        let claims = json!({
            "iss": self.email,
            "scope": scope,
            "aud": self.token_uri.as_str(),
            "iat": now.as_secs(),
            "exp": (now + LIFE).as_secs(),
        });
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&header), part(&claims));
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
            .map_err(|_| ServiceAccountError::Sign)?;
        Ok(Zeroizing::new(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))))
    }
}

/// What is in a private key's PEM.
fn der(pem: &str) -> Option<Zeroizing<Vec<u8>>> {
    let (_, rest) = pem.split_once("-----BEGIN PRIVATE KEY-----")?;
    let (body, _) = rest.split_once("-----END PRIVATE KEY-----")?;
    let text = Zeroizing::new(body.split_whitespace().collect::<String>());
    BASE64.decode(text.as_bytes()).ok().map(Zeroizing::new)
}
