//! Batches that are small and much work for whoever looks into them. While some clients have the proxy do it, others are served.

use kafka_protocol::messages::{FetchRequest, ProduceRequest};
use kafka_protocol::protocol::Request;
use tests::raw_connection::Location;
use tests::{Batch, By, Cluster, Codec, KafkaErrorName, Proxy, RawConnection, eventually, topic};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::{BUFFERS, PATIENCE, bomb, builder, is_unharmed, partition};

/// Threads of the proxy, so that as many clients could keep all of them.
const THREADS: usize = 2;

async fn with_few_threads() -> Proxy {
    let builder = builder("Reject", BUFFERS).await;
    builder.variable("TOKIO_WORKER_THREADS", THREADS.to_string()).start().await
}

/// For each of the threads a connection of its own, and a topic.
async fn clients(proxy: &Proxy, purpose: &str) -> Vec<(RawConnection, Location)> {
    let mut clients = Vec::new();
    for index in 0..THREADS {
        clients.push(partition(proxy, &format!("{purpose}-{index}")).await);
    }
    clients
}

/// Each client sends its request, and another one is answered before long. Returns the clients' answers.
async fn others_are_answered<R: Request>(
    proxy: &Proxy,
    clients: &mut [(RawConnection, Location)],
    request: impl Fn(&Location) -> R,
    version: i16,
) -> Vec<R::Response> {
    let mut other = RawConnection::connect(&proxy.bootstrap()).await.unwrap();
    other.metadata(&[]).await.unwrap();
    for (connection, at) in &mut *clients {
        connection.send(&request(at), version).await.unwrap();
    }
    let answered = timeout(PATIENCE, other.metadata(&[])).await;
    assert!(answered.is_ok(), "nobody else is answered");
    let mut answers = Vec::new();
    for (connection, _) in clients {
        answers.push(connection.receive::<R>(version).await.unwrap().1);
    }
    answers
}

/// LZ4 frames whose blocks may be of 4 MiB and are of a byte each.
#[tokio::test(flavor = "multi_thread")]
async fn frames_of_tiny_blocks_hold_nobody_up() {
    let proxy = with_few_threads().await;
    let sent = bomb::batch(Codec::Lz4, 150_000);
    for purpose in ["batch.blocks", "record.blocks", "clear.blocks"] {
        let mut clients = clients(&proxy, purpose).await;
        let produce = |at: &Location| RawConnection::produce_request(at, 13, -1, sent.clone().into());
        for answer in others_are_answered::<ProduceRequest>(&proxy, &mut clients, produce, 13).await {
            assert_eq!(answer.responses[0].partition_responses[0].error_code, 0, "{purpose}");
        }
        let fetch = |at: &Location| RawConnection::fetch_request(at, 17, 0, 500);
        for answer in others_are_answered::<FetchRequest>(&proxy, &mut clients, fetch, 17).await {
            assert_eq!(answer.responses[0].partitions[0].error_code, 0, "{purpose}");
        }
        let (connection, at) = &mut clients[0];
        let read = connection.fetch(at, By::Id, 0).await.unwrap().batches();
        if purpose.starts_with("record") {
            assert!(read[0].records().len() > 150_000, "{purpose}");
        } else {
            assert_eq!(read[0].as_sent(), sent.as_sent(), "{purpose}");
        }
    }
    is_unharmed(&proxy).await;
}

/// Each of as many clients as there are threads sends its request, which takes seconds; another client that comes when the
/// proxy is at it, as this metric tells, is answered before any of them is done. Returns the clients' answers.
async fn others_are_answered_first<R: Request>(
    proxy: &Proxy,
    requests: Vec<R>,
    version: i16,
    (metric, labels): (&str, &[(&str, &str)]),
) -> Vec<R::Response>
where
    R::Response: Send + 'static,
{
    let mut other = RawConnection::connect(&proxy.bootstrap()).await.unwrap();
    other.metadata(&[]).await.unwrap();
    let mut running = JoinSet::new();
    for request in requests {
        let mut connection = RawConnection::connect(&proxy.bootstrap()).await.unwrap();
        connection.send(&request, version).await.unwrap();
        running.spawn(async move { connection.receive::<R>(version).await.unwrap().1 });
    }
    let begun = async || proxy.metrics().await.sum(metric, labels) >= 1.0;
    eventually("the proxy is at it", PATIENCE, begun).await;
    tokio::select! {
        answered = other.metadata(&[]) => drop(answered.unwrap()),
        Some(_) = running.join_next() => panic!("others wait until a whole request is done"),
    }
    running.join_all().await
}

/// Zstandard frames of some KiB that stand for more than anybody may decompress, one for each partition of a request.
#[tokio::test(flavor = "multi_thread")]
async fn bombs_for_many_partitions_hold_nobody_up() {
    const PARTITIONS: i32 = 48;
    let (cluster, proxy) = (Cluster::shared().await, with_few_threads().await);
    let topic = topic("batch.many-bombs");
    cluster.create_topic(&topic, PARTITIONS, &[]).await;
    let at = cluster.locate(&topic, 0).await;
    let bomb = bomb::batch(Codec::Zstd, 200 << 20);
    let mut request = RawConnection::produce_request(&at, 13, -1, bomb.into());
    let partitions = &mut request.topic_data[0].partition_data;
    let first = partitions.remove(0);
    partitions.extend((0..PARTITIONS).map(|index| first.clone().with_index(index)));
    let refused = ("topic_encryption_refused_partitions_total", &[("reason", "invalid_record")][..]);
    let requests = vec![request; THREADS];
    for answer in others_are_answered_first::<ProduceRequest>(&proxy, requests, 13, refused).await {
        let partitions = &answer.responses[0].partition_responses;
        let errors = partitions.iter().map(|partition| KafkaErrorName::from_code(partition.error_code));
        let expected = vec![Some(KafkaErrorName::new("INVALID_RECORD")); PARTITIONS.try_into().unwrap()];
        assert_eq!(errors.collect::<Vec<_>>(), expected);
    }
    is_unharmed(&proxy).await;
}

/// The same in one partition of an answer, where each is within the limit.
#[tokio::test(flavor = "multi_thread")]
async fn many_stored_bombs_hold_nobody_up() {
    const BATCHES: usize = 32;
    let proxy = with_few_threads().await;
    let (_, at) = partition(&proxy, "clear.many-bombs").await;
    let mut direct = RawConnection::connect(&Cluster::shared().await.bootstrap()).await.unwrap();
    let bomb = bomb::batch(Codec::Zstd, 100 << 20);
    for _ in 0..BATCHES {
        let appended = direct.produce(&at, By::Id, bomb.clone()).await.unwrap();
        assert_eq!(appended.error, None, "the broker does not take it: {:?}", appended.message);
    }
    let requests = vec![RawConnection::fetch_request(&at, 17, 0, 500); THREADS];
    let passed = ("topic_encryption_clear_batches_total", &[("direction", "fetch")][..]);
    for answer in others_are_answered_first::<FetchRequest>(&proxy, requests, 17, passed).await {
        let partition = &answer.responses[0].partitions[0];
        assert_eq!(partition.error_code, 0);
        let batches = Batch::split(partition.records.as_deref().unwrap_or_default());
        assert_eq!(batches.len(), BATCHES);
    }
    is_unharmed(&proxy).await;
}
