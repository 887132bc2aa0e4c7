//! Peers that hold a connection and do nothing with it are given up.

use super::client::next_frame;
use super::script::{Script, framed};
use super::stage::Stage;
use super::*;
use crate::metrics::labels::CloseReason;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

/// Bytes that a frame announces, and that come of it: a small one, and a large one once it holds its share of the budget.
const PARTS: [(i32, usize); 2] = [(1000, 10), (1 << 20, 1 << 16)];
/// A request whose answer is relayed: `ListGroups`, version 0.
const REQUEST: &[u8] = &[0, 16, 0, 0, 0, 0, 0, 1, 0xff, 0xff];

/// Why the relay ends that stands between these two; they stay as long as it takes.
async fn ends<C: Future, B: Future>(
    client: impl FnOnce(DuplexStream) -> C,
    broker: impl FnOnce(DuplexStream) -> B,
) -> CloseReason {
    let stage = Stage::new(&Script::parse(&[]));
    let (client_ours, client_theirs) = tokio::io::duplex(64);
    let (broker_ours, broker_theirs) = tokio::io::duplex(64);
    let (shared, advertised) = stage.parts();
    let halves = (split_tls(Box::new(broker_theirs)), split_tls(Box::new(client_theirs)));
    let relaying = Box::pin(relay(shared, advertised, halves.0, halves.1, CancellationToken::new()));
    let ended = tokio::select! {
        ended = tokio::time::timeout(LONGEST, relaying) => ended,
        _ = async { tokio::join!(client(client_ours), broker(broker_ours)) } => panic!("both stay"),
    };
    stage.is_clean();
    ended.expect("the connection ends").expect_err("not by a wish of the client").reason()
}

/// Writes this and stays, with nothing read.
async fn writes(mut to: DuplexStream, bytes: Vec<u8>) {
    to.write_all(&bytes).await.expect("the proxy reads");
    stays(to).await;
}

async fn stays(_held: DuplexStream) {
    std::future::pending::<()>().await;
}

async fn reads(mut from: DuplexStream) {
    let _ = from.read_to_end(&mut Vec::new()).await;
    stays(from).await;
}

/// Takes a request, and answers with these bytes.
async fn answers(mut with: DuplexStream, bytes: Vec<u8>) {
    next_frame(&mut with).await.expect("a request comes");
    writes(with, bytes).await;
}

/// Conformance: TE-24.
#[tokio::test(start_paused = true)]
async fn a_client_that_stops_within_a_frame_is_given_up() {
    for (announced, come) in PARTS {
        // It is known as a client by then: before, it has no more time than to authenticate.
        let begun = [&framed(REQUEST)[..], &announced.to_be_bytes(), &vec![0; come]].concat();
        let reason = ends(|client| writes(client, begun), reads).await;
        assert_eq!(reason, CloseReason::Stalled, "{come} of {announced} bytes");
    }
}

/// Conformance: TE-24.
#[tokio::test(start_paused = true)]
async fn a_broker_that_stops_within_a_frame_is_given_up() {
    for (announced, come) in PARTS {
        let begun = [&announced.to_be_bytes()[..], &[0, 0, 0, 1], &vec![0; come]].concat();
        let ending = ends(|client| writes(client, framed(REQUEST)), |broker| answers(broker, begun));
        let reason = Box::pin(ending).await;
        assert_eq!(reason, CloseReason::Stalled, "{come} of {announced} bytes");
    }
}

/// Conformance: TE-24.
#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_is_given_up() {
    let answer = framed(&[&[0, 0, 0, 1], &[0; 1000][..]].concat());
    let ending = ends(|client| writes(client, framed(REQUEST)), |broker| answers(broker, answer));
    let reason = Box::pin(ending).await;
    assert_eq!(reason, CloseReason::Stalled);
}

/// Conformance: TE-24.
#[tokio::test(start_paused = true)]
async fn a_broker_that_does_not_read_is_given_up() {
    let request = framed(&[REQUEST, &[0; 1000]].concat());
    let reason = ends(|client| writes(client, request), stays).await;
    assert_eq!(reason, CloseReason::Stalled);
}
