//! Clients that hold a connection and do not use it.

use tests::{Cluster, Proxy, RawConnection, eventually};

use super::{PATIENCE, encrypting};

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
    let counted = async || {
        proxy.metrics().await.sum("topic_encryption_connections_closed_total", &[("reason", "idle")]) >= 2.0
    };
    eventually("both are counted", PATIENCE, counted).await;
}
