//! A broker that takes connections, and never answers the proxy's handshake.

use std::time::Duration;

use kafka_protocol::messages::ApiVersionsRequest;
use tests::{Certificates, PolicyFile, Proxy, RawConnection, eventually};
use tokio::net::TcpListener;

/// Well beyond the 10 s that the proxy gives a broker, which no setting shortens.
const PATIENCE: Duration = Duration::from_secs(40);

#[tokio::test(flavor = "multi_thread")]
async fn a_client_whose_broker_never_shakes_hands_is_let_go_and_the_log_names_the_broker() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            held.push(stream);
        }
    });
    let certificates = Certificates::new();
    let builder = Proxy::builder(vec![address.clone()], 1).policy(PolicyFile::default());
    let proxy = builder.upstream_tls(&certificates.authority()).start().await;
    let mut client = RawConnection::connect(&proxy.bootstrap()).await.unwrap();
    client.send(&ApiVersionsRequest::default(), 0).await.unwrap();
    assert!(client.closes_within(PATIENCE).await, "the client is left to wait");
    let words = format!("no answer from {address} within");
    let told = async || proxy.log().lines().any(|line| line.contains("WARN") && line.contains(&words));
    eventually("the log names the broker", PATIENCE, told).await;
    let counted = async || {
        let metrics = proxy.metrics().await;
        let reason = [("reason", "upstream_unreachable")];
        metrics.sum("topic_encryption_connections_closed_total", &reason) >= 1.0
    };
    eventually("it counts as unreachable", PATIENCE, counted).await;
}
