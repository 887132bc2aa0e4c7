//! Clients cannot take more than the configuration allows.

use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::messages::{FetchRequest, ProduceRequest};
use tests::raw_connection::Location;
use tests::{Batch, By, Cluster, Pattern, Payload, PolicyFile, Proxy, RawConnection, Rule, eventually_ok};
use tokio::time::timeout;
use uuid::Uuid;

use super::{PATIENCE, connect, counts, create, encrypting, fill};

/// Conformance: TE-20, TE-24.
#[tokio::test(flavor = "multi_thread")]
async fn as_many_clients_as_allowed_are_served_and_no_more() {
    const LIMIT: usize = 4;
    let cluster = Cluster::shared().await;
    // More ports than connections are allowed.
    let builder = Proxy::builder(vec![cluster.bootstrap()], 6).policy(encrypting("matched."));
    let proxy = builder.limit("connections", LIMIT as u64).start().await;
    let mut served = Vec::new();
    for index in 0..LIMIT {
        let mut connection = RawConnection::connect(&proxy.bootstrap()).await.unwrap();
        let answer = timeout(Duration::from_secs(10), connection.api_versions()).await;
        assert!(answer.is_ok_and(|answer| answer.is_ok()), "client {index} of {LIMIT} is served");
        served.push(connection);
    }
    let mut surplus = RawConnection::connect(&proxy.bootstrap()).await.unwrap();
    let early = timeout(Duration::from_secs(1), surplus.api_versions()).await;
    assert!(!early.is_ok_and(|answer| answer.is_ok()), "one more is not served");
    counts(&proxy.metrics().await, "connections_open", &[], u32::try_from(LIMIT).unwrap());
    served.pop();
    let next = async || {
        let mut connection = RawConnection::connect(&proxy.bootstrap()).await?;
        let answer = timeout(Duration::from_millis(500), connection.api_versions()).await;
        answer.map_err(std::io::Error::from)?.map(drop)
    };
    drop(surplus);
    eventually_ok("a place that becomes free is given to the next", PATIENCE, next).await;
}

/// The proxy's own answers wait behind a broker's, which needs memory too.
#[tokio::test(flavor = "multi_thread")]
async fn refusals_behind_a_large_answer_do_not_stop_it() {
    const REFUSED: usize = 20;
    // Enough for an answer that is larger than what a connection may have waiting.
    const PARTITIONS: i32 = 9_000;
    let builder = Proxy::before(Cluster::shared().await).policy(encrypting("behind."));
    let proxy = builder.limit("maxFrameBytes", 1 << 20).limit("bufferBytes", 1 << 20).start().await;
    let topic = create("behind.", &[]).await;
    let (mut connection, at) = connect(&proxy, &topic).await;
    let batch = Batch::of(&Payload::new(11).random(3, 100_000));
    assert_eq!(connection.produce(&at, By::Id, batch).await.unwrap().error, None);
    let fetch = RawConnection::fetch_request(&at, 12, 0, 2_000).with_min_bytes(50 << 20);
    connection.send(&fetch, 12).await.unwrap();
    let nameless = Location { topic_id: Uuid::nil(), ..at };
    let mut refused = RawConnection::produce_request(&nameless, 13, -1, Bytes::new());
    let partition = refused.topic_data[0].partition_data[0].clone().with_records(None);
    refused.topic_data[0].partition_data =
        (0..PARTITIONS).map(|index| partition.clone().with_index(index)).collect();
    for _ in 0..REFUSED {
        connection.send(&refused, 13).await.unwrap();
    }
    let answers = async {
        let (_, fetched) = connection.receive::<FetchRequest>(12).await.unwrap();
        let bytes = fetched.responses[0].partitions[0].records.as_ref().map_or(0, Bytes::len);
        assert!(bytes > 300_000, "{bytes} bytes fetched");
        for _ in 0..REFUSED {
            let (_, answer) = connection.receive::<ProduceRequest>(13).await.unwrap();
            assert_eq!(answer.responses[0].partition_responses.len(), 9_000);
        }
    };
    timeout(PATIENCE, answers).await.expect("all are answered");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_no_topic_can_have_are_refused_and_not_remembered() {
    let proxy = Proxy::before(Cluster::shared().await).policy(encrypting("named.")).start().await;
    let topic = create("clear.named", &[]).await;
    let (mut connection, at) = connect(&proxy, &topic).await;
    let long = Location { topic: "n".repeat(250), ..at };
    let batch = Batch::of(&Payload::new(1).orders(1));
    let appended = connection.produce(&long, By::Name, batch).await.unwrap();
    assert_eq!(appended.error.unwrap(), "INVALID_TOPIC");
    let topics = proxy.topics().await;
    assert!(!topics.to_string().contains(&long.topic), "{topics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_stays_within_its_bound_where_batches_open_in_place() {
    memory_stays_within_its_bound("Batch", 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_stays_within_its_bound_where_stubs_are_compressed() {
    memory_stays_within_its_bound("Batch", 100).await;
}

/// Conformance: TE-24.
#[tokio::test(flavor = "multi_thread")]
async fn memory_stays_within_its_bound_where_values_open_one_by_one() {
    memory_stays_within_its_bound("Record", 100).await;
}

/// The budget, what the process needs anyway, and as much again for the work on what the budget holds; round after
/// round, with clients that stay connected and idle and others that come anew.
async fn memory_stays_within_its_bound(format: &str, records: usize) {
    const BUDGET: u64 = 32 << 20;
    const CLIENTS: usize = 32;
    const ROUNDS: usize = 4;
    let rule = Rule::encrypt([Pattern::prefix("memory.")], "operations").format(format);
    let builder = Proxy::before(Cluster::shared().await).policy(PolicyFile::new([rule]));
    let proxy = builder.limit("maxFrameBytes", 16 << 20).limit("bufferBytes", BUDGET).start().await;
    let idle = proxy.rss();
    let topic = create("memory.", &[]).await;
    fill(&proxy, &topic, 10, records).await;
    let (_, at) = connect(&proxy, &topic).await;
    let mut peaks = Vec::new();
    let mut idlers = Vec::new();
    for round in 0..ROUNDS {
        let clients: Vec<_> = (0..CLIENTS).map(|_| tokio::spawn(fetch_all(at.clone()))).collect();
        for client in clients {
            let (bytes, connection) = client.await.unwrap();
            assert!(bytes > 9_000_000, "all is delivered, not {bytes} bytes");
            idlers.extend((round % 2 == 0).then_some(connection));
        }
        peaks.push((proxy.peak_rss() >> 20, proxy.rss() >> 20));
    }
    let bound = idle + 2 * BUDGET;
    let peak = proxy.peak_rss();
    assert!(
        peak <= bound,
        "{format} {records}: (peak, then) MiB {peaks:?}, bound {} MiB, idle {} MiB",
        bound >> 20,
        idle >> 20
    );
}

/// Reads a partition in portions as large as the proxy lets pass, and returns the number of bytes.
async fn fetch_all(at: Location) -> (usize, RawConnection) {
    let mut connection = RawConnection::connect(&at.leader).await.unwrap();
    let batches = connection.fetch_all(&at, By::Name).await.unwrap();
    (batches.iter().map(|batch| batch.bytes().len()).sum(), connection)
}
