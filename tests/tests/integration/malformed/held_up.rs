//! Batches that are small and much work for whoever looks into them. While some clients have the proxy do it, others are served.

use kafka_protocol::messages::{FetchRequest, ProduceRequest};
use kafka_protocol::protocol::Request;
use tests::raw_connection::Location;
use tests::{By, Codec, Proxy, RawConnection};
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
