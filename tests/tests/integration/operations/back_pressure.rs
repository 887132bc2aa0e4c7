//! Who does not read is waited for: in the socket of whoever sends, not in the proxy's memory.

mod one_connection;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use kafka_protocol::messages::ProduceRequest;
use tests::raw_connection::Location;
use tests::{Batch, By, Cluster, KafkaErrorName, Payload, Proxy, RawConnection, eventually};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::{PATIENCE, connect, create, encrypting, fill};

const BUDGET: u64 = 32 << 20;
const CLIENTS: usize = 16;
/// Of each client, of about a megabyte.
const REQUESTS: usize = 24;
const PRODUCERS: usize = 4;
const RECORD: usize = 900_000;
const FETCH_VERSION: i16 = 12;
const PRODUCE_VERSION: i16 = 9;
/// No more bytes for so long: everything stands still.
const STILL: std::time::Duration = std::time::Duration::from_secs(1);

async fn proxy(cluster: &Cluster) -> Proxy {
    let builder = Proxy::before(cluster).policy(encrypting("pressure."));
    let builder = builder.limit("maxFrameBytes", 4 << 20).limit("bufferBytes", BUDGET);
    builder.limit("fetchMaxBytes", 1 << 20).start().await
}

/// Waits until what `moved` counts stands still, and says where.
async fn stands_still(moved: impl AsyncFn() -> f64) -> f64 {
    let mut last = (moved().await, Instant::now());
    let still = async || {
        let now = moved().await;
        if now > last.0 {
            last = (now, Instant::now());
        }
        last.1.elapsed() > STILL
    };
    eventually("everything stands still", PATIENCE, still).await;
    moved().await
}

fn is_within(peak: u64, idle: u64) {
    let bound = idle + 2 * BUDGET;
    assert!(peak <= bound, "{} MiB at most, of {} that are allowed", peak >> 20, bound >> 20);
}

/// Conformance: TE-24.
#[tokio::test(flavor = "multi_thread")]
async fn consumers_that_do_not_read_cost_no_memory_and_give_way_to_those_who_read() {
    let proxy = proxy(Cluster::shared().await).await;
    let idle = proxy.rss();
    let topic = create("pressure.fetch", &[]).await;
    fill(&proxy, &topic, 2, 1).await;
    let (_, at) = connect(&proxy, &topic).await;
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        let mut client = RawConnection::connect(&at.leader).await.unwrap();
        for _ in 0..REQUESTS {
            client
                .send(&RawConnection::fetch_request(&at, FETCH_VERSION, 0, 500), FETCH_VERSION)
                .await
                .unwrap();
        }
        clients.push(client);
    }
    let relayed = async || {
        let metrics = proxy.metrics().await;
        metrics.sum("topic_encryption_upstream_bytes_total", &[])
    };
    let asked = f64::from(u32::try_from(CLIENTS * REQUESTS * 900_000).unwrap());
    let came = stands_still(relayed).await;
    assert!(came < asked / 2.0, "{came} bytes of {asked} came from the broker though nobody read any");
    is_within(proxy.peak_rss(), idle);

    // Others do not wait long for what these hold, and those who read get all.
    let mut reader = RawConnection::connect(&at.leader).await.unwrap();
    let batches =
        timeout(PATIENCE, reader.fetch_all(&at, By::Name)).await.expect("who reads is served").unwrap();
    assert_eq!(batches.len(), 2);
    is_within(proxy.peak_rss(), idle);
}

/// Conformance: TE-24.
#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_does_not_read_stops_producers_and_costs_the_proxy_no_memory() {
    let cluster = Cluster::builder().start().await;
    let proxy = proxy(&cluster).await;
    let topic = tests::topic("pressure.produce");
    cluster.create_topic(&topic, 1, &[]).await;
    fill(&proxy, &topic, 1, 1).await;
    let (_, at) = connect(&proxy, &topic).await;
    let idle = proxy.rss();
    let sent = Arc::new(AtomicUsize::new(0));
    // More than both sockets on the way may hold, so that what stops producers is that nobody takes anything from these.
    let requests = 2 * most_in_a_socket() / RECORD + REQUESTS;
    cluster.pause_node(0);
    let mut producers = JoinSet::new();
    for _ in 0..PRODUCERS {
        producers.spawn(produce(at.clone(), Arc::clone(&sent), requests));
    }
    stands_still(async || f64::from(u32::try_from(sent.load(Ordering::Relaxed)).unwrap())).await;
    let taken = sent.load(Ordering::Relaxed);
    let all = PRODUCERS * requests;
    assert!(taken <= all - PRODUCERS, "{taken} requests of {all} were taken though the broker read none");
    is_within(proxy.peak_rss(), idle);

    cluster.unpause_node(0);
    let answered = timeout(3 * PATIENCE, producers.join_all()).await.expect("all are answered");
    assert_eq!(answered, [requests; PRODUCERS]);
    is_within(proxy.peak_rss(), idle);
}

/// Bytes that the system lets wait between two ends of a connection, at most.
fn most_in_a_socket() -> usize {
    most_in("rmem") + most_in("wmem")
}

/// The same at one of the ends: "rmem" at that of who reads, "wmem" at that of who writes.
fn most_in(end: &str) -> usize {
    let text = std::fs::read_to_string(format!("/proc/sys/net/ipv4/tcp_{end}")).unwrap();
    text.split_whitespace().next_back().unwrap().parse().unwrap()
}

/// Sends all requests at once, counts those that left, and then the answers.
async fn produce(at: Location, sent: Arc<AtomicUsize>, requests: usize) -> usize {
    let batch = Batch::of(&Payload::new(11).random(1, RECORD));
    let mut connection = RawConnection::connect(&at.leader).await.unwrap();
    for _ in 0..requests {
        let request = RawConnection::produce_request(&at, PRODUCE_VERSION, -1, batch.clone().into());
        connection.send(&request, PRODUCE_VERSION).await.unwrap();
        sent.fetch_add(1, Ordering::Relaxed);
    }
    for _ in 0..requests {
        let (_, answer) = connection.receive::<ProduceRequest>(PRODUCE_VERSION).await.unwrap();
        let partition = &answer.responses[0].partition_responses[0];
        assert_eq!(KafkaErrorName::from_code(partition.error_code), None);
    }
    requests
}
