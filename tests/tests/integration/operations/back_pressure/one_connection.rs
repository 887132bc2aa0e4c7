//! One connection that asks and asks, and does not read: what waits for it is bounded by bytes and by number.

use bytes::Bytes;
use kafka_protocol::messages::{ApiVersionsRequest, ProduceRequest};
use tests::raw_connection::Location;
use tests::{Batch, By, Cluster, Payload, Proxy, RawConnection};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::OwnedReadHalf;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use uuid::Uuid;

use super::{FETCH_VERSION, PATIENCE, connect, create, encrypting, most_in, proxy, stands_still};

/// By id.
const VERSION: i16 = 13;
/// So many partitions make a request that needs no share of the proxy's buffers, and an answer that is more than a connection may
/// have waiting.
const PARTITIONS: i32 = 9_000;
/// It has 33 bytes of each.
const ANSWER: usize = 33 * 9_000;
/// Answers beyond those that sockets take: in memory they would be more than twice [`TAKEN`].
const WAITING: usize = 90;
/// What the proxy may take for one such request and its answer, with what the allocator keeps.
const TAKEN: u64 = 12 << 20;
/// Answers that a connection waits for, at most.
const AWAITED: f64 = 128.0;
const RECEIVE_BUFFER: u32 = 64 << 10;

/// Requests that the proxy has read.
async fn requests_read(proxy: &Proxy) -> f64 {
    proxy.metrics().await.sum("topic_encryption_frames_total", &[("message", "request")])
}

/// A request for a topic that nobody can name: the proxy refuses it by itself.
fn refused(at: &Location) -> ProduceRequest {
    let nameless = Location { topic_id: Uuid::nil(), ..at.clone() };
    let mut request = RawConnection::produce_request(&nameless, VERSION, -1, Bytes::new());
    let partition = request.topic_data[0].partition_data[0].clone().with_records(None);
    request.topic_data[0].partition_data =
        (0..PARTITIONS).map(|index| partition.clone().with_index(index)).collect();
    request
}

/// A connection whose end here takes little, however much comes.
async fn narrow(address: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(RECEIVE_BUFFER).unwrap();
    socket.connect(address.parse().unwrap()).await.unwrap()
}

/// Which request the next answer is for.
async fn answered(from: &mut OwnedReadHalf) -> i32 {
    let length = from.read_u32().await.unwrap();
    let mut frame = vec![0; usize::try_from(length).unwrap()];
    from.read_exact(&mut frame).await.unwrap();
    i32::from_be_bytes(frame[..4].try_into().unwrap())
}

fn is_within(proxy: &Proxy, idle: u64) {
    let taken = proxy.peak_rss().saturating_sub(idle);
    assert!(taken <= TAKEN, "{} KiB were taken, of {} that are allowed", taken >> 10, TAKEN >> 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_that_a_client_does_not_read_cost_no_memory_and_come_in_their_order() {
    let builder = Proxy::before(Cluster::shared().await).policy(encrypting("pressure."));
    // No broker hears of what is refused, so the client counts as one that has yet to authenticate.
    let proxy = builder.limit("authenticationTimeout", "10m").start().await;
    let topic = create("pressure.refused", &[]).await;
    let (mut client, at) = connect(&proxy, &topic).await;
    let request = refused(&at);
    client.call(&request, VERSION).await.unwrap();
    let (idle, before) = (proxy.rss(), requests_read(&proxy).await);

    let in_sockets = most_in("wmem").div_ceil(ANSWER);
    let requests: Vec<(i32, Bytes)> =
        (0..2 * in_sockets + WAITING).map(|_| client.encode(&request, VERSION)).collect();
    let all = f64::from(u32::try_from(requests.len()).unwrap());
    let ids: Vec<i32> = requests.iter().map(|(id, _)| *id).collect();
    let (mut answers, mut to) = narrow(&at.leader).await.into_split();
    let sending = tokio::spawn(async move {
        for (_, request) in requests {
            to.write_u32(u32::try_from(request.len()).unwrap()).await.unwrap();
            to.write_all(&request).await.unwrap();
        }
        // To drop it would end the connection.
        to
    });
    let read = stands_still(async || requests_read(&proxy).await).await - before;
    assert!(read < all, "all {all} requests were read though no answer was");
    is_within(&proxy, idle);

    let reading = async {
        for id in ids {
            assert_eq!(answered(&mut answers).await, id);
        }
    };
    timeout(3 * PATIENCE, reading).await.expect("all are answered");
    sending.await.unwrap();
    is_within(&proxy, idle);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_beyond_the_answers_that_a_connection_waits_for_are_not_read() {
    let proxy = proxy(Cluster::shared().await).await;
    let topic = create("pressure.answers", &[]).await;
    let (mut client, at) = connect(&proxy, &topic).await;
    let before = requests_read(&proxy).await;
    // The broker answers it when there is something to be fetched, and all others after it.
    let fetch = RawConnection::fetch_request(&at, FETCH_VERSION, 0, 60_000);
    let mut ids = vec![client.send(&fetch, FETCH_VERSION).await.unwrap()];
    for _ in 0..1_000 {
        ids.push(client.send(&ApiVersionsRequest::default(), 0).await.unwrap());
    }
    let read = stands_still(async || requests_read(&proxy).await).await - before;
    assert!(read <= AWAITED, "{read} requests were read before one of them was answered");

    let (mut other, _) = connect(&proxy, &topic).await;
    let appended = other.produce(&at, By::Id, Batch::of(&Payload::new(11).orders(1))).await.unwrap();
    assert_eq!(appended.error, None, "{:?}", appended.message);
    for id in ids {
        let answer = client.receive_frame().await.unwrap();
        assert_eq!(i32::from_be_bytes(answer[..4].try_into().unwrap()), id);
    }
}
