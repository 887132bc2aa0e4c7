//! Clients that open a connection to a listener with TLS and do not go on. Each takes a place that somebody else could have.

use std::time::Duration;

use tests::{Certificates, Cluster, Proxy, RawConnection, eventually};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{interval, timeout};

use super::{PATIENCE, closed, policy};

/// A record of a handshake with a `ClientHello` of 508 bytes, of which this is the beginning.
const HALF_A_HELLO: [u8; 11] = [0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3];
/// Between two bytes of a client that never stops.
const DRIP: Duration = Duration::from_millis(100);
/// So many bytes are sent like that at most: for longer than [`PATIENCE`], and fewer than the hello has.
const REST: usize = 400;

async fn open(proxy: &Proxy, first: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(proxy.bootstrap()).await.unwrap();
    stream.write_all(first).await.unwrap();
    stream
}

/// Whether the proxy closes the connection. It says nothing before, but for an alert.
async fn is_closed(stream: &mut TcpStream) -> bool {
    let mut said = Vec::new();
    timeout(PATIENCE, stream.read_to_end(&mut said)).await.is_ok()
}

/// Whether the proxy closes the connection of a client that goes on with its hello, a byte at a time.
async fn is_closed_while_it_writes(mut stream: TcpStream) -> bool {
    let (mut read, mut write) = stream.split();
    let drip = async {
        let mut ticks = interval(DRIP);
        for _ in 0..REST {
            ticks.tick().await;
            if write.write_all(&[0]).await.is_err() {
                return true;
            }
        }
        false
    };
    let mut said = Vec::new();
    tokio::select! {
        closed = drip => closed,
        _ = read.read_to_end(&mut said) => true,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_do_not_go_on_with_their_handshake_are_cut_off() {
    let certificates = Certificates::new();
    let proxy = Proxy::before(Cluster::shared().await).policy(policy("tls."));
    // As many as there are clients here that do not go on.
    let proxy = proxy.limit("connections", 3).tls(&certificates.server("proxy", &[]), None).start().await;
    let mut silent = open(&proxy, &[]).await;
    let mut half = open(&proxy, &HALF_A_HELLO).await;
    let slow = open(&proxy, &HALF_A_HELLO).await;
    let counts = async || proxy.metrics().await.sum("topic_encryption_connections_open", &[]) > 2.5;
    eventually("all places are taken", PATIENCE, counts).await;

    let authority = std::fs::read_to_string(certificates.authority()).unwrap();
    let next = async {
        let mut next = RawConnection::connect_tls(&proxy.bootstrap(), "localhost", &authority, None).await?;
        next.api_versions().await
    };
    let (silent, half, slow, next) = tokio::join!(
        is_closed(&mut silent),
        is_closed(&mut half),
        is_closed_while_it_writes(slow),
        timeout(PATIENCE, next)
    );
    assert!(silent, "who says nothing stays connected");
    assert!(half, "who sends half a hello stays connected");
    assert!(slow, "who sends a hello byte by byte stays connected");
    next.expect("somebody who waits gets a place").unwrap();
    eventually("all three are counted", PATIENCE, async || closed(&proxy, "handshake").await >= 3.0).await;
}
