//! Clients that begin and do not end, and more of everything than there is room for.

use std::time::{Duration, Instant};

use kafka_protocol::messages::ApiVersionsRequest;
use tests::{Batch, By, Cluster, Payload, Proxy, RawConnection, eventually, topic};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::{
    BUFFERS, CONNECTIONS, FRAME, MIB, PATIENCE, is_unharmed, partition, requests, round_trips, start, with,
};

/// Together they announce three times what the buffers hold.
const STALLED: u32 = 12;

/// Within which a small frame must be whole.
const FRAME_TIME: Duration = Duration::from_secs(30);
/// Within which a part of a large one must come, once it holds memory.
const WINDOW: Duration = Duration::from_secs(5);

/// The most that a client can announce without sending it.
fn announcement() -> Vec<u8> {
    let mut bytes = u32::try_from(FRAME).unwrap().to_be_bytes().to_vec();
    bytes.extend(requests::head(0, 9, true));
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_without_end_keep_nobody_else_waiting() {
    let proxy = start().await;
    let (mut connection, at) = partition(&proxy, "batch.waiting").await;
    let mut stalled = Vec::new();
    for _ in 0..STALLED {
        let mut stream = TcpStream::connect(proxy.bootstrap()).await.unwrap();
        stream.write_all(&announcement()).await.unwrap();
        stalled.push(stream);
    }
    let open = async || {
        let open = proxy.metrics().await.sum("topic_encryption_connections_open", &[]);
        open >= f64::from(STALLED)
    };
    eventually("the proxy has them all", PATIENCE, open).await;
    let served = timeout(PATIENCE, round_trips(&mut connection, &at)).await;
    assert!(served.is_ok(), "a client waits for those that send nothing");
}

/// Conformance: TE-24.
#[tokio::test(flavor = "multi_thread")]
async fn frames_without_end_take_no_more_than_the_buffers() {
    let proxy = start().await;
    let before = proxy.rss();
    let part = vec![0; usize::try_from(FRAME - MIB).unwrap()];
    let mut running = JoinSet::new();
    for _ in 0..20 {
        let (address, part) = (proxy.bootstrap(), part.clone());
        running.spawn(async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(&announcement()).await.unwrap();
            // The proxy stops reading when its buffers are full.
            let _ = timeout(Duration::from_secs(2), stream.write_all(&part)).await;
            stream
        });
    }
    let stalled: Vec<TcpStream> = running.join_all().await;
    let taken = proxy.peak_rss().saturating_sub(before);
    assert!(taken < BUFFERS + 24 * MIB, "{} MiB were taken", taken / MIB);
    assert!(taken > 4 * MIB, "nothing was taken, so nothing was tried");
    drop(stalled);
    is_unharmed(&proxy).await;
}

/// A client that was served before begins a frame like this, and goes on a byte a second until it is shut out: within `bound`,
/// and for that reason.
async fn is_shut_out_who_drips(proxy: &Proxy, begun: &[u8], bound: Duration) {
    let mut client = RawConnection::connect(&proxy.bootstrap()).await.unwrap();
    // Before that, it would have no more time than to authenticate.
    client.metadata(&[]).await.unwrap();
    let start = Instant::now();
    client.send_bytes(begun).await.unwrap();
    while !client.closes_within(Duration::from_secs(1)).await {
        assert!(start.elapsed() < bound + PATIENCE, "the connection stays open");
        // The peer may go before it has taken the byte.
        let _ = client.send_bytes(&[0]).await;
    }
    let stalled = async || {
        let metrics = proxy.metrics().await;
        metrics.sum("topic_encryption_connections_closed_total", &[("reason", "stalled")]) >= 1.0
    };
    eventually("it is counted as stalled", PATIENCE, stalled).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_that_come_a_byte_a_second_close_the_connection() {
    is_shut_out_who_drips(&start().await, &1_000_u32.to_be_bytes(), FRAME_TIME).await;
}

/// Others may wait for the memory that it holds.
#[tokio::test(flavor = "multi_thread")]
async fn large_frames_that_come_a_byte_a_second_close_the_connection_sooner() {
    // More than is read before there is memory for it.
    let begun = [announcement(), vec![0; 96 << 10]].concat();
    is_shut_out_who_drips(&start().await, &begun, WINDOW).await;
}

/// More than the buffers hold comes in at once, from clients who mean well.
#[tokio::test(flavor = "multi_thread")]
async fn large_requests_beyond_the_buffers_take_turns() {
    let proxy = with("Reject", FRAME).await;
    let cluster = Cluster::shared().await;
    let topic = topic("batch.turns");
    cluster.create_topic(&topic, 1, &[("max.message.bytes", "8388608")]).await;
    let at = cluster.locate(&topic, 0).await;
    let sent = Batch::of(&Payload::new(7).random(5, 1_000_000));
    let mut running = JoinSet::new();
    for _ in 0..8 {
        let (address, at, sent) = (proxy.bootstrap(), at.clone(), sent.clone());
        running.spawn(async move {
            let mut connection = RawConnection::connect(&address).await.unwrap();
            let appended = connection.produce(&at, By::Id, sent).await.unwrap();
            assert_eq!(appended.error, None);
        });
    }
    let served = timeout(2 * PATIENCE, running.join_all()).await;
    assert!(served.is_ok(), "they wait for each other");
}

/// Conformance: TE-20.
#[tokio::test(flavor = "multi_thread")]
async fn connections_beyond_the_limit_wait() {
    let proxy = start().await;
    let open = async || proxy.metrics().await.sum("topic_encryption_connections_open", &[]);
    let mut idle = Vec::new();
    for _ in 0..CONNECTIONS + 50 {
        idle.push(TcpStream::connect(proxy.bootstrap()).await.unwrap());
    }
    eventually("the limit is reached", PATIENCE, async || open().await >= f64::from(CONNECTIONS)).await;
    let mut late = RawConnection::connect(&proxy.bootstrap()).await.unwrap();
    let (_, request) = late.encode(&ApiVersionsRequest::default(), 0);
    late.send_frame(&request).await.unwrap();
    assert!(
        timeout(Duration::from_millis(500), late.receive_frame()).await.is_err(),
        "a connection beyond the limit is served"
    );
    assert!(open().await <= f64::from(CONNECTIONS));
    drop(idle);
    late.receive_frame().await.unwrap();
    is_unharmed(&proxy).await;
}
