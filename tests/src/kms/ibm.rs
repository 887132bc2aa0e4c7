//! A stand-in for IBM Cloud: an instance of Key Protect, and IAM, which gives tokens for it.

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

/// A stand-in for IBM Cloud over TLS. Dropped, it ends.
#[derive(Debug)]
pub struct Ibm {
    https: Https,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    keys: Mutex<Keys>,
    tokens: Tokens,
    /// API keys and compute resource tokens that are good.
    proofs: Mutex<BTreeSet<String>>,
    throttled: Mutex<bool>,
}

/// An error as Key Protect words it.
pub fn ibm_error(status: u16, code: &str, message: &str) -> HttpAnswer {
    let reason =
        json!({"code": code, "message": message, "status": status, "moreInfo": "https://cloud.ibm.com"});
    let text = format!("Please see `reasons` for more details ({code})");
    let metadata = json!({"collectionType": "application/vnd.ibm.kms.error+json", "collectionTotal": 1});
    HttpAnswer::json(
        status,
        &json!({"metadata": metadata, "resources": [{"errorMsg": text, "reasons": [reason]}]}),
    )
}

impl Ibm {
    /// Its instance of Key Protect.
    pub const INSTANCE: &str = "a192d603-0b8d-452f-aac3-f9e1f95e7411";
    /// The key ring of its keys.
    pub const KEY_RING: &str = "kafka";
    /// The trusted profile of the proxies.
    pub const PROFILE: &str = "Profile-4fe24c17-f3a6-4a2f-8a9e-0123456789ab";

    /// Starts it.
    pub async fn start(identity: &Identity) -> Self {
        let shared = Arc::new(Shared::default());
        let server = Arc::clone(&shared);
        let https = Https::serve(identity, move |request| server.serve(request)).await;
        Self { https, shared }
    }

    /// Makes a root key with this alias; its id.
    pub fn make_key(&self, alias: &str) -> String {
        self.shared.keys.lock().unwrap().make(alias)
    }

    /// Makes a new version, and the current one.
    pub fn rotate(&self, alias: &str) {
        self.shared.keys.lock().unwrap().rotate(alias);
    }

    /// Enables or disables a key.
    pub fn enable(&self, alias: &str, enabled: bool) {
        self.shared.keys.lock().unwrap().enable(alias, enabled);
    }

    /// Deletes a key.
    pub fn delete(&self, alias: &str) {
        self.shared.keys.lock().unwrap().delete(alias);
    }

    /// Destroys a key that was deleted.
    pub fn purge(&self, alias: &str) {
        self.shared.keys.lock().unwrap().purge(alias);
    }

    /// Takes the rights to a key away.
    pub fn deny(&self, alias: &str) {
        self.shared.keys.lock().unwrap().deny(alias);
    }

    /// Whether all actions on keys are too many.
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

    /// A token as IAM gives it.
    pub fn token(&self) -> String {
        self.shared.tokens.issue("service-id").0
    }

    /// How many tokens were given out.
    pub fn tokens(&self) -> usize {
        self.shared.tokens.count()
    }

    /// How many calls came with a token that had ended.
    pub fn expired_tokens(&self) -> usize {
        self.shared.tokens.expired()
    }

    /// Takes an API key, or a token of a compute resource, as a proof.
    pub fn trust(&self, proof: &str) {
        self.shared.proofs.lock().unwrap().insert(proof.to_owned());
    }

    /// No proof is good any more.
    pub fn distrust_all(&self) {
        self.shared.proofs.lock().unwrap().clear();
    }
}

impl Deref for Ibm {
    type Target = Https;

    fn deref(&self) -> &Https {
        &self.https
    }
}

impl Shared {
    fn serve(&self, request: &HttpRequest) -> HttpAnswer {
        if request.method == "POST" && request.path == "/identity/token" {
            return self.token(request).unwrap_or_else(|answer| answer);
        }
        if self.tokens.whose(request.bearer()).is_none() {
            return ibm_error(
                401,
                "UNAUTHORIZED_ERR",
                "The user does not have access to the specified resource",
            );
        }
        let header = |name: &str| request.headers.get(name).map(String::as_str).unwrap_or_default();
        if header("bluemix-instance") != Ibm::INSTANCE {
            return ibm_error(401, "UNAUTHORIZED_ERR", "There is no such instance");
        }
        if !["", Ibm::KEY_RING].contains(&header("x-kms-key-ring")) {
            return ibm_error(404, "KEY_RING_NOT_FOUND_ERR", "Key ring does not exist");
        }
        if *self.throttled.lock().unwrap() {
            return ibm_error(429, "RATE_LIMIT_ERR", "Rate limit exceeded");
        }
        self.keys.lock().unwrap().call(request)
    }

    fn token(&self, request: &HttpRequest) -> Result<HttpAnswer, HttpAnswer> {
        let api_key = request.form_exactly(&["grant_type", "apikey"]);
        let form = api_key.or_else(|_| request.form_exactly(&["grant_type", "cr_token", "profile_id"]));
        let form = form.map_err(|error| iam_error(400, "BXNIM0109E", &error))?;
        let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
        let (proof, whose) = match field("grant_type") {
            "urn:ibm:params:oauth:grant-type:apikey" => (field("apikey"), "service-id"),
            "urn:ibm:params:oauth:grant-type:cr-token" => (field("cr_token"), "profile"),
            _ => return Err(iam_error(400, "BXNIM0108E", "Grant type is not supported.")),
        };
        if whose == "profile" && field("profile_id") != Ibm::PROFILE {
            return Err(iam_error(400, "BXNIM0527E", "The trusted profile could not be found."));
        }
        if !self.proofs.lock().unwrap().contains(proof) {
            return Err(iam_error(
                400,
                "BXNIM0415E",
                &format!("Provided API key {proof} could not be found."),
            ));
        }
        let (token, life) = self.tokens.issue(whose);
        let answer = json!({"access_token": token, "refresh_token": "not_supported", "token_type": "Bearer",
            "expires_in": life, "expiration": 4_102_444_800_u64, "scope": "ibm openid"});
        Ok(HttpAnswer::json(200, &answer))
    }
}

fn iam_error(status: u16, code: &str, message: &str) -> HttpAnswer {
    HttpAnswer::json(
        status,
        &json!({"errorCode": code, "errorMessage": message, "context": {"requestId": "1"}}),
    )
}
