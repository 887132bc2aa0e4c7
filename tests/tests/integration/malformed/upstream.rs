//! The one connection to a broker behind each client's, seen from the broker.

mod every_api;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use kafka_protocol::messages::{
    CreateTopicsRequest, ListOffsetsRequest, ListTransactionsRequest, OffsetCommitRequest,
};
use tests::{Payload, PolicyFile, Proxy, RawConnection, eventually};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};

use super::mock_broker::frame;
use super::{PATIENCE, requests};

/// What the mock answers behind the number of a request, whatever was asked: as many bytes, and other ones.
fn answer(request: &[u8]) -> Vec<u8> {
    request.iter().rev().map(|byte| !byte).collect()
}

/// A mock of a broker that answers everything and counts its connections.
struct Broker {
    address: String,
    open: Arc<AtomicUsize>,
    /// The last request.
    asked: Arc<Mutex<Vec<u8>>>,
    task: JoinHandle<()>,
}

impl Broker {
    /// Takes connections once `ready` says so; until then they wait with what is sent on them.
    async fn start(ready: impl Future<Output = ()> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let open = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&open);
        let asked = Arc::<Mutex<Vec<u8>>>::default();
        let last = Arc::clone(&asked);
        let task = tokio::spawn(async move {
            ready.await;
            // Ends with the task, and with it every connection.
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (connection, last) = (Counted::new(&counted), Arc::clone(&last));
                connections.spawn(async move {
                    let _connection = connection;
                    serve(stream, &last).await
                });
            }
        });
        Self { address, open, asked, task }
    }

    async fn proxy(&self) -> Proxy {
        Proxy::builder(vec![self.address.clone()], 1).policy(PolicyFile::default()).start().await
    }

    async fn has_open(&self, count: usize) {
        let there = async || self.open.load(Ordering::SeqCst) == count;
        eventually(&format!("the broker has {count} connections"), PATIENCE, there).await;
    }
}

struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(open: &Arc<AtomicUsize>) -> Self {
        open.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(open))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Until the other side ends.
async fn serve(mut stream: TcpStream, last: &Mutex<Vec<u8>>) -> std::io::Result<()> {
    loop {
        let length = stream.read_u32().await?;
        let mut request = vec![0; usize::try_from(length).unwrap()];
        stream.read_exact(&mut request).await?;
        let correlation = i32::from_be_bytes(request[4..8].try_into().unwrap());
        let answer = frame(correlation, &answer(&request));
        *last.lock().unwrap() = request;
        stream.write_all(&answer).await?;
    }
}

async fn ask(connection: &mut RawConnection) -> i32 {
    connection.send(&ListTransactionsRequest::default(), 0).await.unwrap()
}

async fn answered(connection: &mut RawConnection) -> i32 {
    let frame = connection.receive_frame().await.unwrap();
    i32::from_be_bytes(frame[..4].try_into().unwrap())
}

/// The broker gets the request as it is, and the client what the broker says.
async fn goes_through(broker: &Broker, client: &mut RawConnection, what: &str, request: &[u8]) {
    client.send_frame(request).await.unwrap();
    let said = client.receive_frame().await.unwrap_or_else(|error| panic!("{what}: {error}"));
    assert!(*broker.asked.lock().unwrap() == request, "{what} came as another request");
    assert!(said == [&request[4..8], &answer(request)].concat(), "{what} got another answer");
}

/// TE-20: each client has a connection of its own at the broker, and whichever of the two ends, the other one ends.
#[tokio::test(flavor = "multi_thread")]
async fn connections_of_clients_and_to_brokers_end_together() {
    let broker = Broker::start(async {}).await;
    let proxy = broker.proxy().await;
    let mut clients = Vec::new();
    for _ in 0..5 {
        let mut client = RawConnection::connect(&proxy.bootstrap()).await.unwrap();
        assert_eq!(ask(&mut client).await, answered(&mut client).await);
        clients.push(client);
    }
    broker.has_open(5).await;
    clients.truncate(3);
    broker.has_open(3).await;
    broker.task.abort();
    for client in &mut clients {
        assert!(client.closes_within(PATIENCE).await, "a client is not told that its broker is gone");
    }
    broker.has_open(0).await;
    let counted = async || {
        let metrics = proxy.metrics().await;
        let closed = |reason| metrics.sum("topic_encryption_connections_closed_total", &[("reason", reason)]);
        (closed("upstream") + closed("io") - 3.0).abs() < 0.5
    };
    eventually("three ends are the broker's doing", PATIENCE, counted).await;
}

/// TE-B15: what a client sends before the broker has taken the connection is kept, and sent in its order.
#[tokio::test(flavor = "multi_thread")]
async fn requests_wait_for_a_broker_that_takes_its_time() {
    let (open, ready) = oneshot::channel();
    let broker = Broker::start(async { ready.await.unwrap() }).await;
    let proxy = broker.proxy().await;
    let mut client = RawConnection::connect(&proxy.bootstrap()).await.unwrap();
    let mut asked = Vec::new();
    for _ in 0..3 {
        asked.push(ask(&mut client).await);
    }
    // The proxy has read them all, while the broker has read nothing.
    let read = async || proxy.metrics().await.sum("topic_encryption_frames_total", &[]) >= 3.0;
    eventually("the proxy has read the requests", PATIENCE, read).await;
    broker.has_open(0).await;
    open.send(()).unwrap();
    for id in asked {
        assert_eq!(answered(&mut client).await, id);
    }
}

/// P17-03: what is neither Produce nor Fetch nor about brokers' addresses goes through as it is, in both directions, whether or
/// not it makes sense.
#[tokio::test(flavor = "multi_thread")]
async fn other_requests_and_answers_go_through_byte_for_byte() {
    let broker = Broker::start(async {}).await;
    let proxy = broker.proxy().await;
    let mut client = RawConnection::connect(&proxy.bootstrap()).await.unwrap();
    client.introduce("größe-鍵-🔑", 7, b"a field of tomorrow");
    let mut frames = vec![
        client.encode(&ListOffsetsRequest::default(), 1).1,
        client.encode(&ListOffsetsRequest::default(), 7).1,
        client.encode(&OffsetCommitRequest::default(), 8).1,
        client.encode(&CreateTopicsRequest::default(), 7).1,
    ];
    for (key, version, flexible) in [(11, 4, false), (14, 5, true), (44, 1, true)] {
        let body = Payload::new(31).bytes(300);
        frames.push(Bytes::from([requests::head(key, version, flexible), body].concat()));
    }
    for frame in frames {
        goes_through(&broker, &mut client, &format!("{frame:?}"), &frame).await;
    }
}
