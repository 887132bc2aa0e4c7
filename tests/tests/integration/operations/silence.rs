//! Clients that hold a connection and do not use it.

use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::messages::FetchRequest;
use tests::{Batch, By, Cluster, Payload, Proxy, RawConnection, eventually};

use super::{PATIENCE, connect, create, encrypting};

/// The least that `idleTimeout` may be, and so the time that a test of it takes.
const IDLE: Duration = Duration::from_mins(1);
const FETCH_VERSION: i16 = 12;

/// Connections that were closed for their client's silence.
async fn idle(proxy: &Proxy) -> f64 {
    proxy.metrics().await.sum("topic_encryption_connections_closed_total", &[("reason", "idle")])
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_ask_for_nothing_lose_their_connection_and_others_do_not() {
    let builder = Proxy::before(Cluster::shared().await).policy(encrypting("silent."));
    let proxy = builder.limit("authenticationTimeout", "5s").start().await;
    let mut silent = RawConnection::connect(&proxy.bootstrap()).await.unwrap();
    let mut greeting = RawConnection::connect(&proxy.bootstrap()).await.unwrap();
    let mut asking = RawConnection::connect(&proxy.bootstrap()).await.unwrap();
    asking.metadata(&[]).await.unwrap();
    greeting.api_versions().await.unwrap();
    assert!(silent.closes_within(PATIENCE).await);
    assert!(greeting.closes_within(PATIENCE).await);
    asking.metadata(&[]).await.expect("it was used before, and is not idle for long");
    eventually("both are counted", PATIENCE, async || idle(&proxy).await >= 2.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_without_a_question_are_idle_and_those_that_wait_for_an_answer_are_not() {
    let builder = Proxy::before(Cluster::shared().await).policy(encrypting("silent."));
    let proxy = builder.limit("idleTimeout", "1m").start().await;
    let topic = create("silent.idle", &[]).await;
    let (mut waiting, at) = connect(&proxy, &topic).await;
    // Nothing is there to be fetched, so the broker holds the answer for longer than the test takes.
    let fetch = RawConnection::fetch_request(&at, FETCH_VERSION, 0, 180_000);
    waiting.send(&fetch, FETCH_VERSION).await.unwrap();
    let mut silent = RawConnection::connect(&proxy.bootstrap()).await.unwrap();
    silent.metadata(&[]).await.unwrap();
    assert!(silent.closes_within(IDLE + PATIENCE).await, "who asks for nothing keeps the connection");

    // Who waits has said nothing for longer.
    let (mut producer, _) = connect(&proxy, &topic).await;
    let appended = producer.produce(&at, By::Id, Batch::of(&Payload::new(1).orders(1))).await.unwrap();
    assert_eq!(appended.error, None, "{:?}", appended.message);
    let (_, answer) = waiting.receive::<FetchRequest>(FETCH_VERSION).await.expect("who waits is not idle");
    let records = answer.responses[0].partitions[0].records.as_ref().map_or(0, Bytes::len);
    assert!(records > 0, "what was waited for comes");
    eventually("one is counted", PATIENCE, async || (idle(&proxy).await - 1.0).abs() < 0.5).await;
    let told = async || proxy.log().contains("the client asked for nothing for 60 s");
    eventually("the log says why", PATIENCE, told).await;
}
