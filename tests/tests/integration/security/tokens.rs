//! The SASL handshake of version 0, after which tokens come in frames without a header.

use std::io;
use std::num::NonZeroU32;

use aws_lc_rs::{digest, hmac, pbkdf2};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use kafka_protocol::messages::SaslHandshakeRequest;
use kafka_protocol::protocol::StrBytes;
use serde_json::json;
use tests::{Batch, By, Cluster, Location, Proxy, RawConnection, Segments, SentRecord, canary};

use super::{PATIENCE, Secured, policy, topic};

/// Asks for a mechanism in the old way; gives the answer's error code.
pub(super) async fn handshake(connection: &mut RawConnection, mechanism: &'static str) -> i16 {
    let request = SaslHandshakeRequest::default().with_mechanism(StrBytes::from_static_str(mechanism));
    connection.call(&request, 0).await.unwrap().error_code
}

pub(super) async fn token(connection: &mut RawConnection, token: &[u8]) -> io::Result<Bytes> {
    connection.send_frame(token).await?;
    connection.receive_frame().await
}

/// As RFC 5802 has it. Tells whether the broker knows the password too.
pub(super) async fn scram(connection: &mut RawConnection, user: &str, password: &str) -> io::Result<bool> {
    let first = format!("n={user},r=rOprNGfwEbeRWgbNEkqO");
    let challenge = token(connection, format!("n,,{first}").as_bytes()).await?;
    let challenge = String::from_utf8(challenge.to_vec()).unwrap();
    let field = |name: &str| challenge.split(',').find_map(|field| field.strip_prefix(name)).unwrap();
    let (salt, iterations) =
        (STANDARD.decode(field("s=")).unwrap(), field("i=").parse::<NonZeroU32>().unwrap());
    let mut salted = [0; 32];
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, iterations, &salt, password.as_bytes(), &mut salted);
    let sign = |key: &[u8], text: &str| {
        hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
    };
    let last = format!("c=biws,r={}", field("r="));
    let signed = format!("{first},{challenge},{last}");
    let client_key = sign(&salted, "Client Key");
    let signature = sign(digest::digest(&digest::SHA256, &client_key).as_ref(), &signed);
    let proof: Vec<u8> = client_key.iter().zip(&signature).map(|(key, sign)| key ^ sign).collect();
    let verdict = token(connection, format!("{last},p={}", STANDARD.encode(proof)).as_bytes()).await?;
    let expected = format!("v={}", STANDARD.encode(sign(&sign(&salted, "Server Key"), &signed)));
    Ok(verdict == expected.as_bytes())
}

async fn proxy() -> Proxy {
    let secured = Secured::shared().await;
    secured.proxy(json!({"caFile": secured.certificates.authority()})).await
}

/// A topic of alice's alone.
async fn of_alice(purpose: &str) -> Location {
    let secured = Secured::shared().await;
    let topic = secured.create(purpose).await;
    secured.allow_only(&topic, "alice").await;
    secured.cluster.locate(&topic, 0).await
}

/// What is sent as requests on an authenticated connection is stored encrypted and read back.
pub(super) async fn serves(connection: &mut RawConnection, cluster: &Cluster, at: &Location) {
    let needle = canary("tokens");
    let sent = Batch::of(&[SentRecord::of(needle.clone())]);
    let appended = connection.produce(at, By::Name, sent.clone()).await.unwrap();
    assert_eq!(appended.error, None, "{:?}", appended.message);
    let fetched = connection.fetch(at, By::Name, 0).await.unwrap();
    assert_eq!(fetched.error, None);
    assert_eq!(fetched.batches()[0].as_sent(), sent.as_sent());
    let search = Segments::of(cluster.topic_dirs(&at.topic)).search(&[needle]).await;
    assert!(!search.found(0) && search.records > 0, "{search:?}");
}

/// Conformance: P17-40.
#[tokio::test(flavor = "multi_thread")]
async fn clients_authenticate_with_tokens_that_have_no_header() {
    let (secured, proxy) = (Secured::shared().await, proxy().await);
    let at = of_alice("tokens-plain").await;
    let mut connection = RawConnection::connect(&proxy.bootstrap()).await.unwrap();
    assert_eq!(handshake(&mut connection, "PLAIN").await, 0);
    assert!(token(&mut connection, b"\0alice\0alice-secret").await.unwrap().is_empty());
    serves(&mut connection, &secured.cluster, &at).await;

    let at = of_alice("tokens-scram").await;
    let mut connection = RawConnection::connect(&proxy.bootstrap()).await.unwrap();
    assert_eq!(handshake(&mut connection, "SCRAM-SHA-256").await, 0);
    assert!(scram(&mut connection, "alice", "alice-secret").await.unwrap());
    serves(&mut connection, &secured.cluster, &at).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_passwords_in_tokens_end_the_connection() {
    let proxy = proxy().await;
    let mut plain = RawConnection::connect(&proxy.bootstrap()).await.unwrap();
    assert_eq!(handshake(&mut plain, "PLAIN").await, 0);
    plain.send_frame(b"\0alice\0not her password").await.unwrap();
    assert!(plain.closes_within(PATIENCE).await);
    let mut connection = RawConnection::connect(&proxy.bootstrap()).await.unwrap();
    assert_eq!(handshake(&mut connection, "SCRAM-SHA-256").await, 0);
    scram(&mut connection, "alice", "not her password").await.unwrap_err();
    assert!(!proxy.log().contains("not her password"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mechanism_whose_end_the_proxy_would_not_know_is_refused() {
    let proxy = proxy().await;
    let mut connection = RawConnection::connect(&proxy.bootstrap()).await.unwrap();
    assert_eq!(handshake(&mut connection, "CUSTOM").await, 33, "UNSUPPORTED_SASL_MECHANISM");
    assert_eq!(handshake(&mut connection, "PLAIN").await, 0, "another one may be asked for");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_in_the_place_of_a_token_is_never_stored() {
    let (secured, proxy) = (Secured::shared().await, proxy().await);
    let topic = secured.create("tokens-smuggled").await;
    let at = secured.cluster.locate(&topic, 0).await;
    for mechanism in ["PLAIN", "SCRAM-SHA-256"] {
        let mut connection = RawConnection::connect(&proxy.bootstrap()).await.unwrap();
        assert_eq!(handshake(&mut connection, mechanism).await, 0);
        let records = Batch::of(&[SentRecord::of("in clear")]).into();
        connection.send(&RawConnection::produce_request(&at, 12, -1, records), 12).await.unwrap();
        assert!(connection.closes_within(PATIENCE).await, "{mechanism}");
    }
    let (mut leader, at) = secured.cluster.leader(&topic, 0).await;
    assert_eq!(leader.list_offset(&at, -1).await.unwrap(), 0);
}

/// Brokers take what follows for a request, so the proxy must too.
#[tokio::test(flavor = "multi_thread")]
async fn after_a_refused_handshake_requests_are_requests() {
    let cluster = Cluster::shared().await;
    let proxy = Proxy::builder(vec![cluster.bootstrap()], 1).policy(policy("secured.")).start().await;
    let topic = topic("secured.tokens-refused");
    cluster.create_topic(&topic, 1, &[]).await;
    let at = cluster.locate(&topic, 0).await;
    let mut connection = RawConnection::connect(&proxy.bootstrap()).await.unwrap();
    assert_eq!(handshake(&mut connection, "PLAIN").await, 34, "ILLEGAL_SASL_STATE");
    serves(&mut connection, cluster, &at).await;
}
