//! Clients that have not authenticated, and never will, keep no memory from those that have.

use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::messages::{SaslAuthenticateRequest, SaslHandshakeRequest};
use kafka_protocol::protocol::StrBytes;
use serde_json::json;
use tests::{Batch, By, Payload, Proxy, RawConnection, eventually};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::{PATIENCE, Secured};

/// Each of them would have all of what is there for requests, for five seconds.
const STRANGERS: usize = 24;
/// What they announce.
const LARGE: u32 = 100 << 20;
/// Between two connections of one, and between two batches.
const PAUSE: Duration = Duration::from_millis(200);
/// How long a batch may take, on a machine that has much else to do.
const IN_TIME: Duration = Duration::from_secs(10);
/// In which strangers could have taken all several times over.
const LASTS: Duration = Duration::from_secs(15);

/// Strangers that begin a large frame with so many bytes.
fn strangers(proxy: &Proxy, sent: usize) -> JoinSet<()> {
    (0..STRANGERS).map(|_| come_again_and_again(proxy.bootstrap(), sent)).collect()
}

/// Stays each time until it has to go.
async fn come_again_and_again(address: String, sent: usize) {
    let begun = [&LARGE.to_be_bytes()[..], &vec![0; sent]].concat();
    loop {
        if let Ok(mut connection) = RawConnection::connect(&address).await {
            // The proxy may end it before it has taken all.
            if connection.send_bytes(&begun).await.is_ok() {
                connection.closes_within(PATIENCE).await;
            }
        }
        sleep(PAUSE).await;
    }
}

async fn alice(proxy: &Proxy) -> RawConnection {
    let mut connection = RawConnection::connect(&proxy.bootstrap()).await.unwrap();
    let plain = SaslHandshakeRequest::default().with_mechanism(StrBytes::from_static_str("PLAIN"));
    assert_eq!(connection.call(&plain, 1).await.unwrap().error_code, 0);
    let password = Bytes::from_static(b"\0alice\0alice-secret");
    let request = SaslAuthenticateRequest::default().with_auth_bytes(password);
    assert_eq!(connection.call(&request, 2).await.unwrap().error_code, 0);
    connection
}

/// Small enough that nobody has anything against it, and large enough to need a share of the memory for requests.
fn batch() -> Batch {
    Batch::of(&Payload::new(5).random(2, 100_000))
}

/// Produces on one connection, and then each time on a new one, for as long as it lasts.
async fn is_served(proxy: &Proxy, topic: &str) {
    let at = Secured::shared().await.cluster.locate(topic, 0).await;
    let start = Instant::now();
    let mut old = alice(proxy).await;
    while start.elapsed() < LASTS {
        for connection in [&mut old, &mut alice(proxy).await] {
            let appended = timeout(IN_TIME, connection.produce(&at, By::Name, batch())).await;
            let appended = appended.expect("it is answered in time").unwrap();
            assert_eq!(appended.error, None, "{:?}", appended.message);
        }
        sleep(PAUSE).await;
    }
}

async fn proxy() -> Proxy {
    let secured = Secured::shared().await;
    secured.proxy(json!({"caFile": secured.certificates.authority()})).await
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_that_begin_large_messages_hold_up_nobody() {
    let topic = Secured::shared().await.create("strangers").await;
    let proxy = proxy().await;
    // Before anybody has authenticated.
    let _strangers = strangers(&proxy, 16 << 10);
    is_served(&proxy, &topic).await;
}

/// They send more than any connection may have without a share of the memory for requests.
#[tokio::test(flavor = "multi_thread")]
async fn strangers_that_send_more_of_large_messages_hold_up_nobody_either() {
    let topic = Secured::shared().await.create("strangers-more").await;
    let proxy = proxy().await;
    drop(alice(&proxy).await);
    let _strangers = strangers(&proxy, 200_000);
    is_served(&proxy, &topic).await;
}

/// As brokers take it, the first request after the authentication may be as large as any.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_authenticated_may_begin_with_a_large_message() {
    let topic = Secured::shared().await.create("strangers-large").await;
    let proxy = proxy().await;
    let at = Secured::shared().await.cluster.locate(&topic, 0).await;
    let large = Batch::of(&Payload::new(5).random(1, 900_000));
    let appended = alice(&proxy).await.produce(&at, By::Name, large.clone()).await.unwrap();
    assert_eq!(appended.error, None, "{:?}", appended.message);

    let mut stranger = RawConnection::connect(&proxy.bootstrap()).await.unwrap();
    stranger.api_versions().await.unwrap();
    // The connection may be gone before all is sent.
    let _ = stranger.send(&RawConnection::produce_request(&at, 12, -1, large.into()), 12).await;
    assert!(stranger.closes_within(PATIENCE).await);
    let says = async || proxy.log().contains("is outside 0..=524288");
    eventually("the log says why", PATIENCE, says).await;
}
