//! A stand-in for what a Kubernetes API server says about tokens of its `ServiceAccount`s.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::https::{HttpAnswer, HttpRequest, Https};
use crate::certificates::Identity;

/// A server over TLS. Dropped, it ends.
#[derive(Debug)]
pub struct TokenReviews {
    https: Https,
    shared: Arc<Shared>,
}

/// Tokens that it gave out, to whom and for which audience.
#[derive(Debug, Default)]
struct Shared(Mutex<HashMap<String, (Value, String)>>);

impl TokenReviews {
    /// The token of who may ask.
    pub const REVIEWER: &str = "token-of-the-reviewer";

    /// Starts it.
    pub async fn start(identity: &Identity) -> Self {
        let shared = Arc::new(Shared::default());
        let server = Arc::clone(&shared);
        let https = Https::serve(identity, move |request| server.serve(request)).await;
        Self { https, shared }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.https.address()
    }

    /// Knows this token from now on, as that of a user with this name and id.
    pub fn know(&self, token: &str, user: &str, id: &str, audience: &str) {
        let user = json!({"username": user, "uid": id});
        self.shared.0.lock().unwrap().insert(token.to_owned(), (user, audience.to_owned()));
    }
}

impl Shared {
    fn serve(&self, request: &HttpRequest) -> HttpAnswer {
        let reviews = "/apis/authentication.k8s.io/v1/tokenreviews";
        if request.method != "POST" || request.path != reviews {
            return HttpAnswer::text(404, "");
        }
        if request.bearer() != Some(TokenReviews::REVIEWER) {
            return HttpAnswer::text(401, "");
        }
        let spec = &request.json()["spec"];
        let known = self.0.lock().unwrap();
        let status = match spec["token"].as_str().and_then(|token| known.get(token)) {
            None => json!({"error": "invalid bearer token"}),
            Some((_, audience))
                if !spec["audiences"].as_array().is_some_and(|all| all.contains(&json!(audience))) =>
            {
                json!({"error": "token audiences are invalid for the target audiences"})
            }
            Some((user, audience)) => json!({"authenticated": true, "user": user, "audiences": [audience]}),
        };
        HttpAnswer::json(
            201,
            &json!({"kind": "TokenReview", "apiVersion": "authentication.k8s.io/v1", "spec": spec, "status": status}),
        )
    }
}
