//! A stand-in for Azure: a vault or a managed HSM, and who gives tokens for it.

mod keys;

use std::collections::BTreeSet;
use std::ops::Deref;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;

use self::keys::Keys;
use super::https::{HttpAnswer, HttpRequest, Https};
use super::tokens::Tokens;
use crate::certificates::Identity;

const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const FEDERATED: [&str; 5] =
    ["grant_type", "client_id", "scope", "client_assertion_type", "client_assertion"];
const SECRET: [&str; 4] = ["grant_type", "client_id", "scope", "client_secret"];

/// A stand-in for Azure over TLS. Dropped, it ends.
#[derive(Debug)]
pub struct Azure {
    https: Https,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    keys: Mutex<Keys>,
    tokens: Tokens,
    /// Federated tokens and client secrets that are good.
    proofs: Mutex<BTreeSet<String>>,
    throttled: Mutex<bool>,
}

/// An error as the service words it; an inner code where it has one.
pub fn azure_error(status: u16, code: &str, inner: &str, message: &str) -> HttpAnswer {
    let mut error = json!({"code": code, "message": message});
    if !inner.is_empty() {
        error["innererror"] = json!({"code": inner});
    }
    HttpAnswer::json(status, &json!({"error": error}))
}

impl Azure {
    /// Its tenant.
    pub const TENANT: &str = "9f7c1f5e-1111-4222-8333-0123456789ab";
    /// Its application.
    pub const CLIENT: &str = "5a6b7c8d-4444-4555-8666-ba9876543210";
    /// For whom tokens must be.
    pub const AUDIENCE: &str = "https://vault.azure.net";

    /// A vault, whose keys are RSA keys.
    pub async fn vault(identity: &Identity) -> Self {
        Self::start(identity, Keys::rsa()).await
    }

    /// A managed HSM, whose keys are AES keys.
    pub async fn managed_hsm(identity: &Identity) -> Self {
        Self::start(identity, Keys::aes()).await
    }

    async fn start(identity: &Identity, keys: Keys) -> Self {
        let (tokens, proofs, throttled) = (Tokens::default(), Mutex::default(), Mutex::default());
        let shared = Arc::new(Shared { keys: Mutex::new(keys), tokens, proofs, throttled });
        let server = Arc::clone(&shared);
        let https = Https::serve(identity, move |request| server.serve(request)).await;
        Self { https, shared }
    }

    /// Makes a key with one version.
    pub fn make_key(&self, key: &str) {
        self.shared.keys.lock().unwrap().make(key);
    }

    /// Makes a new version, and the current one.
    pub fn rotate(&self, key: &str) {
        self.shared.keys.lock().unwrap().rotate(key);
    }

    /// Enables or disables all versions of a key.
    pub fn enable(&self, key: &str, enabled: bool) {
        self.shared.keys.lock().unwrap().enable(key, enabled);
    }

    /// Deletes a key, which can be recovered.
    pub fn delete(&self, key: &str) {
        self.shared.keys.lock().unwrap().delete(key);
    }

    /// Ends a deleted key for ever.
    pub fn purge(&self, key: &str) {
        self.shared.keys.lock().unwrap().purge(key);
    }

    /// Nobody may see deleted keys any more.
    pub fn hide_deleted(&self) {
        self.shared.keys.lock().unwrap().hide_deleted();
    }

    /// Takes the rights to a key away.
    pub fn deny(&self, key: &str) {
        self.shared.keys.lock().unwrap().deny(key);
    }

    /// Whether all calls on keys are too many.
    pub fn throttle(&self, throttled: bool) {
        *self.shared.throttled.lock().unwrap() = throttled;
    }

    /// Tokens from now on live so long.
    pub fn tokens_live(&self, life: Duration) {
        self.shared.tokens.live(life);
    }

    /// Ends all tokens.
    pub fn withdraw_tokens(&self) {
        self.shared.tokens.withdraw();
    }

    /// A token as the authority gives it.
    pub fn token(&self) -> String {
        self.shared.tokens.issue("application").0
    }

    /// How many tokens were given out.
    pub fn tokens(&self) -> usize {
        self.shared.tokens.count()
    }

    /// How many calls came with a token that had ended.
    pub fn expired_tokens(&self) -> usize {
        self.shared.tokens.expired()
    }

    /// Takes a federated token, or a client secret, as a proof of the application.
    pub fn trust(&self, proof: &str) {
        self.shared.proofs.lock().unwrap().insert(proof.to_owned());
    }

    /// No proof is good any more.
    pub fn distrust_all(&self) {
        self.shared.proofs.lock().unwrap().clear();
    }
}

impl Deref for Azure {
    type Target = Https;

    fn deref(&self) -> &Https {
        &self.https
    }
}

impl Shared {
    fn serve(&self, request: &HttpRequest) -> HttpAnswer {
        if request.method == "POST" && request.path.ends_with("/oauth2/v2.0/token") {
            return self.token(request).unwrap_or_else(|answer| answer);
        }
        if self.tokens.whose(request.bearer()).is_none() {
            let message = "AKV10000: Request is missing a Bearer or PoP token.";
            let authority = format!("https://login.microsoftonline.com/{}", Azure::TENANT);
            let challenge = format!("Bearer authorization=\"{authority}\", resource=\"{}\"", Azure::AUDIENCE);
            return HttpAnswer {
                challenge: Some(challenge),
                header: None,
                ..azure_error(401, "Unauthorized", "", message)
            };
        }
        if *self.throttled.lock().unwrap() {
            return azure_error(
                429,
                "Throttled",
                "",
                "Request was not processed because too many requests were received.",
            );
        }
        self.keys.lock().unwrap().call(request)
    }

    fn token(&self, request: &HttpRequest) -> Result<HttpAnswer, HttpAnswer> {
        let form = request.form_exactly(&FEDERATED).or_else(|_| request.form_exactly(&SECRET));
        let form = form.map_err(|error| entra_error(400, "invalid_request", &error))?;
        let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
        if request.path != format!("/{}/oauth2/v2.0/token", Azure::TENANT) {
            return Err(entra_error(400, "invalid_request", "AADSTS90002: Tenant not found."));
        }
        if field("client_id") != Azure::CLIENT {
            return Err(entra_error(400, "unauthorized_client", "AADSTS700016: Application was not found."));
        }
        let assertion = field("client_assertion_type");
        if field("grant_type") != "client_credentials" || !["", ASSERTION].contains(&assertion) {
            return Err(entra_error(
                400,
                "unsupported_grant_type",
                "AADSTS70003: The grant type is not supported.",
            ));
        }
        if field("scope") != format!("{}/.default", Azure::AUDIENCE) {
            return Err(entra_error(400, "invalid_scope", "AADSTS70011: The scope is not valid."));
        }
        let proof = if assertion.is_empty() { field("client_secret") } else { field("client_assertion") };
        if !self.proofs.lock().unwrap().contains(proof) {
            let message = format!("AADSTS7000215: Invalid client secret or assertion provided: {proof}.");
            return Err(entra_error(401, "invalid_client", &message));
        }
        let (token, life) = self.tokens.issue("application");
        let answer = json!({"token_type": "Bearer", "expires_in": life, "ext_expires_in": life, "access_token": token});
        Ok(HttpAnswer::json(200, &answer))
    }
}

fn entra_error(status: u16, code: &str, description: &str) -> HttpAnswer {
    HttpAnswer::json(status, &json!({"error": code, "error_description": description, "error_codes": [1]}))
}
