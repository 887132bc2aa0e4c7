//! SIGTERM: what is under way is finished, what takes too long is cut off.

use std::time::{Duration, Instant};

use kafka_protocol::messages::FetchRequest;
use tests::process::describe;
use tests::{
    By, Client, Cluster, ConsumeOptions, Feed, Proxy, RawConnection, SentRecord, assert_same, eventually,
    eventually_ok,
};

use super::{PATIENCE, connect, create, encrypting, fill};

async fn requests(proxy: &Proxy) -> f64 {
    proxy.metrics().await.sum("topic_encryption_frames_total", &[("message", "request")])
}

/// Conformance: TE-24.
#[tokio::test(flavor = "multi_thread")]
async fn an_end_waits_for_the_answers_of_requests_under_way() {
    let proxy = Proxy::before(Cluster::shared().await).policy(encrypting("drain.")).start().await;
    let topic = create("drain.answers", &[]).await;
    let (mut connection, at) = connect(&proxy, &topic).await;
    // Learns the topic's id first, so that the next request is one frame.
    connection.fetch(&at, By::Name, 0).await.unwrap();
    let before = requests(&proxy).await;
    let fetch = RawConnection::fetch_request(&at, 12, 0, 3_000);
    let sent = connection.send(&fetch, 12).await.unwrap();
    eventually("the fetch waits at the broker", PATIENCE, async || requests(&proxy).await > before).await;
    proxy.signal_terminate();
    let told = async || match proxy.get("/readyz").await {
        Ok(answer) if answer.status == 503 && answer.body.contains("shutting down") => Ok(()),
        other => Err(format!("{other:?}")),
    };
    eventually_ok("the proxy says that it shuts down", PATIENCE, told).await;
    let (received, answer) = connection.receive::<FetchRequest>(12).await.unwrap();
    assert_eq!((received, answer.error_code), (sent, 0));
    assert!(connection.closes_within(PATIENCE).await);
    let status = proxy.wait_ended(PATIENCE).await;
    assert_eq!(status.code(), Some(0), "{}", describe(status));
    assert!(proxy.log().contains("all connections were finished"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_under_load_loses_no_acknowledged_record() {
    const EACH: usize = 4_000;
    let proxy = Proxy::before(Cluster::shared().await).policy(encrypting("drain.")).start().await;
    let topic = create("drain.load", &[]).await;
    let mut feed = Feed::start(&proxy.bootstrap(), &topic, &[]).await;
    feed.send(EACH).await;
    eventually("records come in", PATIENCE, async || crate::reload::load::end(&topic).await >= 500).await;
    let load = async {
        for _ in 0..40 {
            feed.send(EACH / 40).await;
            // The pace of the load, not a condition.
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::join!(proxy.restart(), load);
    feed.send(EACH).await;
    feed.finish().await;
    let options = ConsumeOptions::from(proxy.bootstrap(), &topic);
    let received = Client::Go.consume_all(&options).await;
    let sent: Vec<SentRecord> = Feed::records(3 * EACH);
    assert_same("across the restart", &sent, &received);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_reads_nothing_delays_an_end_no_longer_than_allowed() {
    let builder = Proxy::before(Cluster::shared().await).policy(encrypting("drain."));
    let proxy = builder.drain_seconds(1).start().await;
    let topic = create("drain.stuck", &[]).await;
    fill(&proxy, &topic, 8, 1).await;
    let (mut connection, at) = connect(&proxy, &topic).await;
    let before = requests(&proxy).await;
    let fetch = RawConnection::fetch_request(&at, 12, 0, 0);
    for _ in 0..20 {
        connection.send(&fetch, 12).await.unwrap();
    }
    let stuck = async || {
        let metrics = proxy.metrics().await;
        let received = metrics.sum("topic_encryption_upstream_bytes_total", &[("flow", "received")]);
        let asked = metrics.sum("topic_encryption_frames_total", &[("message", "request")]);
        received > 7e6 && asked >= before + 20.0
    };
    eventually("more is under way than the client's system takes", PATIENCE, stuck).await;
    let start = Instant::now();
    let status = proxy.terminate().await;
    assert_eq!(status.code(), Some(0), "{}", describe(status));
    assert!(start.elapsed() < Duration::from_secs(10), "it took {:?}", start.elapsed());
    assert!(proxy.log().contains("connections were cut off at the end of the drain time"));
}
