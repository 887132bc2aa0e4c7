//! The same mechanisms after a handshake of version 0, where tokens have no header.

mod older;

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tests::raw_connection::Location;
use tests::{
    By, Client, ConsumeOptions, ProduceOptions, Proxy, RawConnection, SentRecord, assert_same, canary,
};

use super::Stage;
use crate::security::policy;
use crate::security::tokens::{handshake, serves, token};
use older::Older;

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

/// A proxy that finds its broker older than it is.
struct Old {
    broker: Older,
    proxy: Proxy,
}

impl Old {
    async fn start(stage: &Stage) -> Self {
        let broker = Older::before(stage.cluster.sasl_address(0)).await;
        let builder = Proxy::builder(vec![broker.address.clone()], 1).policy(policy("mechanisms."));
        let builder = builder.upstream("brokers", json!({"0": broker.address}));
        let proxy = builder.listener("advertisedHost", "localhost").start().await;
        Self { broker, proxy }
    }

    /// A ticket is for the host's name.
    fn bootstrap(&self) -> String {
        self.proxy.bootstrap().replace("127.0.0.1", "localhost")
    }

    /// All who came authenticated in the old way.
    fn heard_old_handshakes(&self) {
        let versions = self.broker.handshakes();
        assert!(!versions.is_empty() && versions.iter().all(|version| *version == 0), "{versions:?}");
    }

    /// What alice's client sends is stored, encrypted, and read back.
    async fn serves(&self, stage: &Stage, client: Client, login: &[(String, String)]) {
        let topic = stage.of_alice(&format!("headerless-{client}")).await;
        let needle = canary("headerless");
        let sent = [SentRecord::of(needle.clone()).key("key").partition(0)];
        let to = ProduceOptions::to(self.bootstrap(), &topic).properties(login);
        client.produce_all(&to, &sent).await;
        let from = ConsumeOptions::from(self.bootstrap(), &topic).properties(login);
        assert_same(client.name(), &sent, &client.consume_all(&from).await);
        stage.is_encrypted(&topic, needle).await;
        self.heard_old_handshakes();
    }
}

/// The client's last token is not answered: what comes next is a request.
#[tokio::test(flavor = "multi_thread")]
async fn librdkafka_authenticates_by_a_ticket_in_tokens_that_have_no_header() {
    let stage = Stage::shared().await;
    let old = Old::start(stage).await;
    let topic = stage.of_alice("headerless-kcat").await;
    stage.kcat_round_trips(&old.bootstrap(), &topic).await;
    old.heard_old_handshakes();
}

#[tokio::test(flavor = "multi_thread")]
async fn java_authenticates_by_a_ticket_in_tokens_that_have_no_header() {
    let stage = Stage::shared().await;
    let old = Old::start(stage).await;
    let topic = stage.of_alice("headerless-java-ticket").await;
    stage.java_round_trips(&old.bootstrap(), &topic).await;
    old.heard_old_handshakes();
}

#[tokio::test(flavor = "multi_thread")]
async fn java_and_librdkafka_authenticate_by_bearer_tokens_that_have_no_header() {
    let stage = Stage::shared().await;
    let old = Old::start(stage).await;
    for client in [Client::Java, Client::Librdkafka] {
        old.serves(stage, client, &client.oauth_bearer("alice")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn libraries_authenticate_by_passwords_in_tokens_that_have_no_header() {
    let stage = Stage::shared().await;
    let old = Old::start(stage).await;
    for client in [Client::Java, Client::Librdkafka, Client::Go, Client::KafkaJs, Client::Aiokafka] {
        old.serves(stage, client, &client.sasl("PLAIN", "alice", "alice-secret", None)).await;
    }
}
