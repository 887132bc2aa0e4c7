//! A proxy before a mock of a broker that answers everything: what does not come through is refused by the proxy itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use kafka_protocol::messages::ListTransactionsRequest;
use tests::{Proxy, RawConnection, eventually};

use super::mock_broker::{frame, proxy_before_mock};
use super::{PATIENCE, requests};

pub(crate) struct Gate {
    proxy: Proxy,
    /// Requests that the mock has seen.
    seen: Arc<AtomicUsize>,
}

impl Gate {
    pub(crate) async fn new() -> Self {
        let seen = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&seen);
        let answer = move |id| {
            counted.fetch_add(1, Ordering::SeqCst);
            frame(id, &[0; 64])
        };
        Self { proxy: proxy_before_mock(Arc::new(answer)).await, seen }
    }

    pub(crate) async fn connect(&self) -> RawConnection {
        RawConnection::connect(&self.proxy.bootstrap()).await.unwrap()
    }

    /// The request ends its connection, for the reason that the proxy does not take it, and no broker has seen it.
    pub(crate) async fn refuses(&self, what: &str, request: &[u8]) {
        let before = self.refused().await;
        let mut connection = self.connect().await;
        connection.send_bytes(&requests::framed(request)).await.unwrap();
        assert!(connection.closes_within(PATIENCE).await, "{what}: the connection stays open");
        let counted = async || self.refused().await > before + 0.5;
        eventually(&format!("{what} is counted as refused"), PATIENCE, counted).await;
        assert_eq!(self.seen.load(Ordering::SeqCst), 0, "{what}: the broker has seen it");
    }

    /// The log says this of a request that was refused.
    pub(crate) async fn says(&self, words: &str) {
        let says =
            async || self.proxy.log().lines().any(|line| line.contains("WARN") && line.contains(words));
        eventually(&format!("the log says {words}"), PATIENCE, says).await;
    }

    /// The mock would have told of a request.
    pub(crate) async fn lets_others_through(&self) {
        let mut connection = self.connect().await;
        connection.send(&ListTransactionsRequest::default(), 0).await.unwrap();
        connection.receive_frame().await.unwrap();
        assert_eq!(self.seen.load(Ordering::SeqCst), 1);
    }

    async fn refused(&self) -> f64 {
        let metrics = self.proxy.metrics().await;
        metrics.sum("topic_encryption_connections_closed_total", &[("reason", "protocol")])
    }
}
