//! Clients that have not authenticated take no more of the proxy than of brokers.

use super::client::{encoded, next_frame};
use super::script::{Script, framed};
use super::stage::Stage;
use super::*;
use crate::metrics::labels::CloseReason;
use crate::strangers::MOST;
use crate::wire::write;
use bytes::Bytes;
use kafka_protocol::messages::{SaslAuthenticateResponse, SaslHandshakeRequest, SaslHandshakeResponse};
use kafka_protocol::protocol::StrBytes;
use tokio::io::AsyncWriteExt;

const VERSIONS: i16 = 18;
const HANDSHAKE: i16 = 17;
const AUTHENTICATE: i16 = 36;
/// `ListGroups`, whose version 0 has nothing in it, and which is relayed whatever follows.
const GROUPS: i16 = 16;

/// A request that is a frame with a header, and the broker's answer behind the correlation id.
type Call = (Vec<u8>, Vec<u8>);

fn request(key: i16, version: i16, body: &[u8]) -> Vec<u8> {
    write::request(key, version, 1, &[&[0xff, 0xff], body].concat())
}

fn handshake(version: i16, mechanism: &'static str, error_code: i16) -> Call {
    let asked = SaslHandshakeRequest::default().with_mechanism(StrBytes::from_static_str(mechanism));
    let answer = SaslHandshakeResponse::default().with_error_code(error_code);
    (request(HANDSHAKE, version, &encoded(&asked, version).unwrap()), encoded(&answer, version).unwrap())
}

fn token(error_code: i16, token: &'static [u8]) -> Call {
    let answer = SaslAuthenticateResponse::default()
        .with_error_code(error_code)
        .with_auth_bytes(Bytes::from_static(token));
    (request(AUTHENTICATE, 1, &[0, 0, 0, 0]), encoded(&answer, 1).unwrap())
}

fn versions() -> Call {
    (request(VERSIONS, 0, &[]), vec![0; 6])
}

fn groups() -> Call {
    (request(GROUPS, 0, &[]), vec![0; 6])
}

/// Makes these calls one after the other, and says whether a large request reaches the broker then.
async fn may_send_much(stage: &Stage, calls: &[Call]) -> bool {
    let (mut client, theirs) = tokio::io::duplex(1 << 20);
    let client_halves = split_tls(Box::new(theirs));
    let (mut broker, theirs) = tokio::io::duplex(1 << 20);
    let (shared, advertised) = stage.parts();
    let broker_halves = split_tls(Box::new(theirs));
    let relaying =
        Box::pin(relay(shared, advertised, broker_halves, client_halves, CancellationToken::new()));
    let talk = async {
        for (request, answer) in calls {
            client.write_all(&framed(request)).await.unwrap();
            next_frame(&mut broker).await.expect("it is passed on");
            // A bare token of the handshake's version 0 has no correlation id, and nor has its answer.
            let id = if request.starts_with(&[0]) { &[0, 0, 0, 1][..] } else { &[] };
            broker.write_all(&framed(&[id, answer].concat())).await.unwrap();
            next_frame(&mut client).await.expect("it is answered");
        }
        let large = request(GROUPS, 0, &vec![0; MOST]);
        client.write_all(&framed(&large)).await.unwrap();
        next_frame(&mut broker).await.is_some_and(|frame| frame.len() == large.len())
    };
    tokio::select! {
        ended = relaying => {
            assert_eq!(ended.unwrap_err().reason(), CloseReason::Protocol);
            false
        }
        taken = talk => taken,
    }
}

#[tokio::test(start_paused = true)]
async fn where_brokers_want_authentication_much_is_taken_only_after_it() {
    let stage = Stage::new(&Script::parse(&[]));
    assert!(may_send_much(&stage, &[versions()]).await, "nobody knows yet");
    assert!(!may_send_much(&stage, &[versions(), handshake(1, "PLAIN", 0)]).await);
    assert!(!may_send_much(&stage, &[]).await);
    assert!(!may_send_much(&stage, &[versions()]).await);
    for said in
        [token(58, b""), token(0, b"r=nonce,s=QSXC,i=4096"), token(0, b"{\"status\":\"invalid_token\"}")]
    {
        assert!(!may_send_much(&stage, &[handshake(1, "SCRAM-SHA-256", 0), said]).await);
    }
    let first = token(0, b"r=nonce,s=QSXC,i=4096");
    assert!(may_send_much(&stage, &[handshake(1, "SCRAM-SHA-256", 0), first, token(0, b"v=rmF9")]).await);
    assert!(may_send_much(&stage, &[versions(), handshake(1, "PLAIN", 0), token(0, b"")]).await);
    let served = [handshake(1, "OWN", 0), token(0, b"r=own"), groups()];
    assert!(may_send_much(&stage, &served).await, "whatever its mechanism said");
    assert!(!may_send_much(&stage, &[versions()]).await, "others are strangers still");
}

#[tokio::test(start_paused = true)]
async fn tokens_without_a_header_authenticate_too() {
    let stage = Stage::new(&Script::parse(&[]));
    let bare = |token: &[u8], answer: &[u8]| (token.to_vec(), answer.to_vec());
    let ticket = || bare(b"\x60\x82", b"\x60\x82");
    assert!(!may_send_much(&stage, &[handshake(0, "SCRAM-SHA-256", 0), bare(b"n,,n=a", b"r=b")]).await);
    assert!(may_send_much(&stage, &[handshake(0, "PLAIN", 0), bare(b"a\0a\0b", b"")]).await);
    let scram = [handshake(0, "SCRAM-SHA-256", 0), bare(b"n,,n=a", b"r=b"), bare(b"c=", b"v=")];
    assert!(may_send_much(&stage, &scram).await);
    assert!(may_send_much(&stage, &[handshake(0, "GSSAPI", 0), ticket(), ticket()]).await);
    assert!(!may_send_much(&stage, &[versions()]).await);
}

#[tokio::test(start_paused = true)]
async fn where_brokers_serve_anybody_there_are_no_strangers() {
    let stage = Stage::new(&Script::parse(&[]));
    assert!(may_send_much(&stage, &[handshake(1, "PLAIN", 34)]).await, "they want no SASL");
    assert!(may_send_much(&stage, &[groups()]).await);
    // As where only some of the brokers' listeners want it.
    assert!(may_send_much(&stage, &[handshake(1, "PLAIN", 0)]).await);
}
