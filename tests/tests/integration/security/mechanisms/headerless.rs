//! The same mechanisms after a handshake of version 0, where tokens have no header.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tests::raw_connection::Location;
use tests::{By, RawConnection};

use super::Stage;
use crate::security::tokens::{handshake, serves, token};

/// A token for this user without a signature (RFC 7519, section 6), which is good for an hour.
fn unsigned(user: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let encode = |part: Value| URL_SAFE_NO_PAD.encode(part.to_string());
    let claims = json!({"sub": user, "iat": now, "exp": now + 3600});
    format!("{}.{}.", encode(json!({"alg": "none"})), encode(claims))
}

/// A topic of alice's alone, and a connection of this user's, whose token the broker has taken.
async fn bearer(stage: &Stage, user: &str, purpose: &str) -> (RawConnection, Location) {
    let at = stage.cluster.locate(&stage.of_alice(purpose).await, 0).await;
    let mut connection = RawConnection::connect(&stage.proxy.bootstrap()).await.unwrap();
    assert_eq!(handshake(&mut connection, "OAUTHBEARER").await, 0);
    let first = format!("n,,\x01auth=Bearer {}\x01\x01", unsigned(user));
    let answer = token(&mut connection, first.as_bytes()).await.unwrap();
    assert!(answer.is_empty(), "{}", String::from_utf8_lossy(&answer));
    (connection, at)
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_authenticate_with_bearer_tokens_that_have_no_header() {
    let stage = Stage::shared().await;
    let (mut connection, at) = bearer(stage, "alice", "bearer-headerless").await;
    serves(&mut connection, &stage.cluster, &at).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn brokers_know_whose_a_bearer_token_without_a_header_is() {
    let stage = Stage::shared().await;
    let (mut connection, at) = bearer(stage, "bob", "bearer-headerless-denied").await;
    let refused = connection.fetch(&at, By::Name, 0).await.unwrap();
    assert_eq!(refused.error.unwrap(), "TOPIC_AUTHORIZATION_FAILED");
}
