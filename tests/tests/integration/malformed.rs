//! Input that is wrong on purpose, from clients and from a mock of a broker. The proxy closes the connection or refuses
//! the partition, keeps its memory, and serves everybody else.

mod bomb;
mod broken;
mod endless;
mod gate;
mod held_up;
pub(crate) mod mock_broker;
mod mute;
mod produced;
mod requests;
mod trickle;
mod truncated;
mod upstream;
mod wrong_answers;

use std::time::Duration;

use kafka_protocol::messages::{
    ApiVersionsRequest, DescribeQuorumRequest, FetchRequest, MetadataRequest, ProduceRequest,
    ShareFetchRequest, WriteTxnMarkersRequest,
};
use tests::proxy::ProxyBuilder;
use tests::raw_connection::Location;
use tests::{
    Batch, By, Cluster, Pattern, Payload, PolicyFile, Proxy, RawConnection, Rule, eventually, topic,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio::task::JoinSet;
use tokio::time::timeout;

use gate::Gate;

/// In which the proxy has to act.
const PATIENCE: Duration = Duration::from_secs(10);
const MIB: u64 = 1 << 20;
/// The limits of [`rough`].
const FRAME: u64 = 8 * MIB;
const BUFFERS: u64 = 32 * MIB;
const CONNECTIONS: u32 = 200;

/// A proxy for all of this, apart from the one that everybody else uses.
async fn rough() -> &'static Proxy {
    static ROUGH: OnceCell<Proxy> = OnceCell::const_new();
    ROUGH.get_or_init(start).await
}

/// A proxy with small limits.
async fn start() -> Proxy {
    with("Reject", BUFFERS).await
}

/// What the rules do with clear records, and what all buffers together take.
async fn with(on_plaintext: &str, buffers: u64) -> Proxy {
    builder(on_plaintext, buffers).await.start().await
}

async fn builder(on_plaintext: &str, buffers: u64) -> ProxyBuilder {
    let rule = |format: &str| {
        let topics = Pattern::prefix(&format!("{format}.").to_lowercase());
        Rule::encrypt([topics], "rough").format(format).on_plaintext(on_plaintext)
    };
    Proxy::before(Cluster::shared().await)
        .policy(PolicyFile::new(["Batch", "Record"].map(rule)))
        .limit("maxFrameBytes", FRAME)
        .limit("bufferBytes", buffers)
        .limit("connections", CONNECTIONS)
}

/// What the proxy may take at most: its buffers, one batch of 128 MiB decompressed on each of its threads, and itself.
fn memory_bound() -> u64 {
    let threads = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    BUFFERS + 128 * MIB * u64::try_from(threads).unwrap() + 96 * MIB
}

/// The proxy lives, has not panicked, kept to its memory, and serves.
async fn is_unharmed(proxy: &Proxy) {
    assert!(proxy.runs());
    assert!(!proxy.log().contains("panicked"));
    let (peak, bound) = (proxy.peak_rss(), memory_bound());
    assert!(peak < bound, "{} MiB of {} MiB were taken", peak / MIB, bound / MIB);
    let (mut connection, at) = partition(proxy, "batch.unharmed").await;
    round_trips(&mut connection, &at).await;
}

/// A new topic with two partitions, and a connection to the proxy.
async fn partition(proxy: &Proxy, purpose: &str) -> (RawConnection, Location) {
    let cluster = Cluster::shared().await;
    let topic = topic(purpose);
    cluster.create_topic(&topic, 2, &[]).await;
    let at = cluster.locate(&topic, 0).await;
    (RawConnection::connect(&proxy.bootstrap()).await.unwrap(), at)
}

/// A batch of some size goes in and comes out.
async fn round_trips(connection: &mut RawConnection, at: &Location) {
    let sent = Batch::of(&Payload::new(4).random(4, 50_000));
    let appended = connection.produce(at, By::Id, sent.clone()).await.unwrap();
    assert_eq!(appended.error, None, "{:?}", appended.message);
    let fetched = connection.fetch(at, By::Id, appended.base_offset).await.unwrap();
    assert_eq!(fetched.error, None);
    assert_eq!(fetched.batches()[0].as_sent(), sent.as_sent());
}

/// Sends bytes on a connection of their own and expects to be shut out, without an answer.
async fn is_shut_out(what: &str, bytes: &[u8]) {
    let mut connection = RawConnection::connect(&rough().await.bootstrap()).await.unwrap();
    connection.send_bytes(bytes).await.unwrap();
    assert!(connection.closes_within(PATIENCE).await, "{what}: the connection stays open");
}

/// Conformance: TE-19.
#[tokio::test(flavor = "multi_thread")]
async fn impossible_frame_lengths_close_the_connection() {
    let too_large = i32::try_from(FRAME).unwrap() + 1;
    for length in [i32::MIN, -1, 0, 1, 7, too_large, i32::MAX] {
        let mut bytes = length.to_be_bytes().to_vec();
        bytes.extend([0; 7]);
        is_shut_out(&format!("length {length}"), &bytes).await;
    }
    let proxy = rough().await;
    let told = format!("frame of {too_large} bytes is outside 0..={FRAME}");
    let says = async || proxy.log().lines().any(|line| line.contains("DEBUG") && line.contains(&told));
    eventually("the log says which length is the largest", PATIENCE, says).await;
    is_unharmed(proxy).await;
}

/// Conformance: TE-19.
#[tokio::test(flavor = "multi_thread")]
async fn requests_in_single_bytes_are_served() {
    let (mut connection, at) = partition(rough().await, "batch.slow").await;
    let sent = Batch::of(&Payload::new(6).orders(3));
    for version in [3, 13] {
        let request = RawConnection::produce_request(&at, version, -1, sent.clone().into());
        let (correlation, frame) = connection.encode(&request, version);
        let mut bytes = u32::try_from(frame.len()).unwrap().to_be_bytes().to_vec();
        bytes.extend_from_slice(&frame);
        for byte in bytes {
            connection.send_bytes(&[byte]).await.unwrap();
        }
        let (answered, answer) = connection.receive::<ProduceRequest>(version).await.unwrap();
        assert_eq!(answered, correlation);
        assert_eq!(answer.responses[0].partition_responses[0].error_code, 0);
    }
    let read = connection.fetch(&at, By::Id, 0).await.unwrap();
    assert!(read.batches().iter().all(|batch| batch.as_sent() == sent.as_sent()));
    assert_eq!(read.batches().len(), 2);
}

/// TE-19: where one write ends says nothing of where a request does.
#[tokio::test(flavor = "multi_thread")]
async fn requests_in_one_write_are_each_answered_in_turn() {
    let (mut connection, at) = partition(rough().await, "batch.together").await;
    let sent = Batch::of(&Payload::new(8).orders(3));
    let (mut bytes, mut correlations) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        let request = RawConnection::produce_request(&at, 13, -1, sent.clone().into());
        let (correlation, frame) = connection.encode(&request, 13);
        bytes.extend(requests::framed(&frame));
        correlations.push(correlation);
    }
    // Two whole requests and half of a third one, whose rest comes when the two are answered.
    let (now, later) = bytes.split_at(bytes.len() * 5 / 6);
    connection.send_bytes(now).await.unwrap();
    for (index, correlation) in correlations.into_iter().enumerate() {
        if index == 2 {
            connection.send_bytes(later).await.unwrap();
        }
        let (answered, answer) = connection.receive::<ProduceRequest>(13).await.unwrap();
        assert_eq!(answered, correlation);
        let partition = &answer.responses[0].partition_responses[0];
        assert_eq!((partition.error_code, partition.base_offset), (0, 3 * i64::try_from(index).unwrap()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_and_lengths_without_bytes_behind_them_close_the_connection() {
    for (what, frame) in requests::with_huge_counts() {
        is_shut_out(what, &requests::framed(&frame)).await;
    }
    is_unharmed(rough().await).await;
}

/// TE-B06, P17-38: it is the proxy that refuses them, and no broker sees them.
#[tokio::test(flavor = "multi_thread")]
async fn unknown_and_internal_apis_close_the_connection() {
    let gate = Gate::new().await;
    // Unknown, below zero, and those that brokers speak among themselves.
    let among_brokers =
        [4, 5, 6, 7, 27, 52, 53, 54, 56, 58, 59, 62, 63, 67, 70, 73, 80, 81, 82, 83, 84, 85, 86, 87];
    for key in [94, 999, i16::MAX, -1, i16::MIN].into_iter().chain(among_brokers) {
        gate.refuses(&format!("API {key}"), &requests::head(key, 0, false)).await;
    }
    // Whoever is let to a broker's end of transactions ends those of others.
    let (_, markers) = gate.connect().await.encode(&WriteTxnMarkersRequest::default(), 1);
    gate.refuses("WriteTxnMarkers version 1", &markers).await;
    gate.says("API key 81 version 0 does not go through: RemoveRaftVoter: ").await;
    gate.lets_others_through().await;
}

/// TE-B06, P17-38: a version that is newer than the proxy goes to no broker, which might serve it.
#[tokio::test(flavor = "multi_thread")]
async fn unsupported_versions_close_the_connection() {
    let gate = Gate::new().await;
    for (key, version) in [
        (0, 14),
        (0, -1),
        (1, 19),
        (1, i16::MAX),
        (2, 12),
        (3, 14),
        (10, 99),
        (17, 2),
        (60, 3),
        (78, 3),
        (79, 3),
        (93, 1),
    ] {
        let mut frame = requests::head(key, version, true);
        frame.extend([0; 64]);
        gate.refuses(&format!("API {key} version {version}"), &frame).await;
    }
    // Brokers serve it, and its answer carries their addresses.
    let (_, quorum) = gate.connect().await.encode(&DescribeQuorumRequest::default(), 2);
    gate.refuses("DescribeQuorum version 2", &quorum).await;
    gate.lets_others_through().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_closes_the_connection() {
    for seed in 0..20 {
        let garbage = Payload::new(seed).bytes(4096);
        is_shut_out("garbage in a frame", &requests::framed(&garbage)).await;
    }
    is_shut_out("HTTP", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    is_shut_out("TLS", &[22, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3, 0, 0, 0, 0]).await;
    is_unharmed(rough().await).await;
}

/// Every request that the proxy looks into, cut off in every place and with nonsense in every place, on a connection of
/// its own. Whatever happens to the request, the connection ends when the client has ended its side.
#[tokio::test(flavor = "multi_thread")]
async fn mutilated_requests_end_and_harm_nobody() {
    let proxy = rough().await;
    let (mut connection, at) = partition(proxy, "batch.mutilated").await;
    let records: bytes::Bytes = Batch::of(&Payload::new(1).orders(1)).into();
    let mut frames = Vec::new();
    for version in [3, 9, 13] {
        let request = RawConnection::produce_request(&at, version, -1, records.clone());
        frames.push(connection.encode::<ProduceRequest>(&request, version).1);
    }
    for version in [4, 12, 17] {
        let request = RawConnection::fetch_request(&at, version, 0, 100);
        frames.push(connection.encode::<FetchRequest>(&request, version).1);
    }
    for version in [1, 12] {
        frames.push(connection.encode(&MetadataRequest::default(), version).1);
    }
    frames.push(connection.encode(&ShareFetchRequest::default(), 1).1);
    frames.push(connection.encode(&ApiVersionsRequest::default(), 3).1);
    let mut running = JoinSet::new();
    for mutilated in frames.iter().flat_map(|frame| requests::mutilated(frame)) {
        while running.len() >= 32 {
            running.join_next().await.unwrap().unwrap();
        }
        let address = proxy.bootstrap();
        running.spawn(async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            // The peer may be gone before all of it is sent.
            let _ = stream.write_all(&requests::framed(&mutilated)).await;
            let _ = stream.shutdown().await;
            let mut answer = Vec::new();
            let read = timeout(Duration::from_secs(30), stream.read_to_end(&mut answer)).await;
            assert!(read.is_ok(), "the connection stays open after {mutilated:02x?}");
        });
    }
    while let Some(ended) = running.join_next().await {
        ended.unwrap();
    }
    is_unharmed(proxy).await;
}
