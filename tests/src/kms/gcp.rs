//! A stand-in for Google Cloud: KMS, and who gives tokens for it. Stricter than the original where the original forgives.

mod keys;
mod logins;

use std::ops::Deref;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;

use self::keys::Keys;
use super::https::{HttpAnswer, HttpRequest, Https};
use super::tokens::Tokens;
use crate::certificates::Identity;

/// A stand-in for Google Cloud over TLS. Dropped, it ends.
#[derive(Debug)]
pub struct Gcp {
    https: Https,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    keys: Mutex<Keys>,
    tokens: Tokens,
    logins: Mutex<logins::Logins>,
    throttled: Mutex<bool>,
}

/// An error as Google words it.
pub fn gcp_error(status: u16, code: &str, message: &str) -> HttpAnswer {
    HttpAnswer::json(status, &json!({"error": {"code": status, "message": message, "status": code}}))
}

impl Gcp {
    /// Where its keys are.
    pub const KEY_RING: &str = "projects/payments-1/locations/europe-west3/keyRings/kafka";
    /// The provider of its workload identity pool.
    pub const AUDIENCE: &str =
        "//iam.googleapis.com/projects/42/locations/global/workloadIdentityPools/clusters/providers/prod";
    /// Its service account.
    pub const SERVICE_ACCOUNT: &str = "proxy@payments-1.iam.gserviceaccount.com";

    /// Starts it.
    pub async fn start(identity: &Identity) -> Self {
        let shared = Arc::new(Shared::default());
        let server = Arc::clone(&shared);
        let https = Https::serve(identity, move |request| server.serve(request)).await;
        Self { https, shared }
    }

    /// Makes a key of the key ring, with one version.
    pub fn make_key(&self, key: &str) {
        self.shared.keys.lock().unwrap().make(&full(key));
    }

    /// Makes a new version, and the primary one.
    pub fn rotate(&self, key: &str) {
        self.shared.keys.lock().unwrap().rotate(&full(key));
    }

    /// Puts all versions of a key into a state such as `DISABLED`.
    pub fn set_state(&self, key: &str, state: &'static str) {
        self.shared.keys.lock().unwrap().set_state(&full(key), state);
    }

    /// Takes the rights to a key away.
    pub fn deny(&self, key: &str) {
        self.shared.keys.lock().unwrap().deny(&full(key));
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

    /// How many tokens were given out.
    pub fn tokens(&self) -> usize {
        self.shared.tokens.count()
    }

    /// How many calls came with a token that had ended.
    pub fn expired_tokens(&self) -> usize {
        self.shared.tokens.expired()
    }

    /// Takes a token of another platform for somebody whom the pool knows.
    pub fn trust_subject(&self, token: &str) {
        self.shared.logins.lock().unwrap().subjects.insert(token.to_owned());
    }

    /// No token of another platform is good any more.
    pub fn distrust_subjects(&self) {
        self.shared.logins.lock().unwrap().subjects.clear();
    }

    /// Makes a key of the service account; no other is good from now on. The file that the account's owner gets, for a
    /// server at this port.
    pub fn service_account_key(&self, port: u16) -> String {
        self.shared.logins.lock().unwrap().make_key(port)
    }
}

impl Deref for Gcp {
    type Target = Https;

    fn deref(&self) -> &Https {
        &self.https
    }
}

fn full(key: &str) -> String {
    format!("{}/cryptoKeys/{key}", Gcp::KEY_RING)
}

impl Shared {
    fn serve(&self, request: &HttpRequest) -> HttpAnswer {
        // What Google's own client asks for besides.
        let path = request.path.split_once("?%24alt=").map_or(request.path.as_str(), |(path, _)| path);
        if let Some(answer) = self.log_in(request) {
            return answer;
        }
        let call = path.strip_prefix("/v1/").and_then(|rest| rest.rsplit_once(':'));
        let Some((key, operation @ ("encrypt" | "decrypt"))) = call.filter(|_| request.method == "POST")
        else {
            return gcp_error(404, "NOT_FOUND", "Method not found.");
        };
        if *self.throttled.lock().unwrap() {
            return gcp_error(
                429,
                "RESOURCE_EXHAUSTED",
                "Quota exceeded for quota metric 'Cryptographic requests'.",
            );
        }
        if self.tokens.whose(request.bearer()).is_none_or(|whose| whose == logins::FEDERATED_FOR_IAM) {
            return gcp_error(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.");
        }
        self.keys.lock().unwrap().call(key, operation, request)
    }
}
