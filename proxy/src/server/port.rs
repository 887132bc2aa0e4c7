//! One open port: takes connections within the limit and serves each in a task of its own.

use super::by_address::ByAddress;
use super::origin;
use crate::advertised::Advertised;
use crate::connection::{self, Close, Shared};
use crate::io::{Reader, Writer, split_plain, split_tls};
use crate::metrics::Metrics;
use crate::metrics::labels::CloseReason;
use crate::tls::ServerTls;
use crate::upstream::{ConnectError, Target};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::rustls::server::Acceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// After a failed accept (too many open files, say) the next is tried a little later.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// One open port.
pub(super) struct Port {
    pub(super) shared: Arc<Shared>,
    pub(super) advertised: Arc<Advertised>,
    pub(super) tls: Option<Arc<ServerTls>>,
    /// Whether a load balancer says whose a connection is.
    pub(super) proxy_protocol: bool,
    pub(super) slots: Arc<Semaphore>,
    pub(super) by_address: Arc<ByAddress>,
    /// The broker that the port is for; none for the bootstrap port, at which a name in the TLS handshake may tell.
    pub(super) target: Option<Target>,
    pub(super) connections: TaskTracker,
    pub(super) shutdown: CancellationToken,
    pub(super) cut: CancellationToken,
}

impl Port {
    /// Takes connections until the shutdown.
    pub(super) async fn accept(self, socket: TcpListener) {
        let port = Arc::new(self);
        loop {
            let accepted = tokio::select! {
                () = port.shutdown.cancelled() => return,
                // Beyond the limit one connection waits here for a slot, the others in the kernel's queue. No slot is
                // held by a port that nobody comes to.
                accepted = async {
                    let accepted = socket.accept().await?;
                    Ok::<_, std::io::Error>((accepted, Arc::clone(&port.slots).acquire_owned().await))
                } => accepted,
            };
            let ((stream, peer), slot) = match accepted {
                Ok((accepted, Ok(slot))) => (accepted, slot),
                Ok((_, Err(_closed))) => return,
                Err(error) => {
                    tracing::warn!(%error, "failed to accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let serving = Arc::clone(&port);
            port.connections.spawn(async move {
                let _slot = slot;
                serving.take(stream, peer).await;
            });
        }
    }

    async fn take(&self, mut stream: TcpStream, peer: SocketAddr) {
        let metrics = &self.shared.metrics;
        metrics.connections.total.inc();
        let _open = Open::count(metrics);
        let origin = tokio::select! {
            origin = self.origin(&mut stream, peer) => origin,
            () = self.cut.cancelled() => return,
        };
        let Some(origin) = origin else { return };
        let span = tracing::info_span!("connection", client.addr = %origin);
        let serving = async {
            let _counted = match self.by_address.enter(origin.ip()) {
                Ok(counted) => counted,
                Err(error) => {
                    metrics.connections.closed.inc(CloseReason::AddressLimit);
                    tracing::debug!(%error, "connection refused");
                    return;
                }
            };
            tokio::select! {
                () = self.serve(stream) => {}
                () = self.cut.cancelled() => tracing::warn!("cut off at the end of the drain time"),
            }
        };
        serving.instrument(span).await;
    }

    /// Whose connection it is; none if that should have been said and was not.
    async fn origin(&self, stream: &mut TcpStream, peer: SocketAddr) -> Option<SocketAddr> {
        if !self.proxy_protocol {
            return Some(peer);
        }
        let error = match tokio::time::timeout(HANDSHAKE_TIMEOUT, origin::read(stream)).await {
            Ok(Ok(origin)) => return Some(origin.unwrap_or(peer)),
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        self.shared.metrics.connections.closed.inc(CloseReason::Origin);
        tracing::debug!(client.addr = %peer, error, "connection refused");
        None
    }

    async fn serve(&self, stream: TcpStream) {
        let metrics = &self.shared.metrics;
        let (target, halves) = match self.handshake(stream).await {
            Ok(taken) => taken,
            Err(error) => {
                metrics.connections.closed.inc(CloseReason::Handshake);
                tracing::debug!(%error, "handshake with the client failed");
                return;
            }
        };
        let (shared, advertised) = (Arc::clone(&self.shared), Arc::clone(&self.advertised));
        let served = connection::serve(shared, advertised, target, halves, self.shutdown.clone()).await;
        if let Err(close) = served {
            metrics.connections.closed.inc(close.reason());
            report(&close);
        }
    }

    /// Whom the client wants, and the way to it.
    async fn handshake(&self, stream: TcpStream) -> std::io::Result<(Target, (Reader, Writer))> {
        stream.set_nodelay(true)?;
        let Some(tls) = &self.tls else {
            return Ok((self.target.unwrap_or(Target::Bootstrap), split_plain(stream)));
        };
        let handshake = async {
            let hello = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
            let target = self.target.or_else(|| self.advertised.target(hello.client_hello().server_name()));
            let target =
                target.ok_or_else(|| std::io::Error::other("it asked for a name that is no broker's"))?;
            let stream = hello.into_stream(tls.config()).await?;
            Ok((target, split_tls(Box::new(stream))))
        };
        tokio::time::timeout(HANDSHAKE_TIMEOUT, handshake).await?
    }
}

/// What somebody must act on is a warning; how clients come and go is not.
fn report(close: &Close) {
    let cause = std::error::Error::source(close).map(ToString::to_string).unwrap_or_default();
    match close {
        Close::Connect(ConnectError::UnknownBroker(_))
        | Close::ClientFrame(_)
        | Close::ClientWrite(_)
        | Close::Unauthenticated(_)
        | Close::Idle(_)
        | Close::BrokerEnded => tracing::debug!(error = %close, cause, "connection ended"),
        _ => tracing::warn!(error = %close, cause, "connection closed"),
    }
}

/// Counts an open connection until it is dropped.
struct Open(prometheus_client::metrics::gauge::Gauge);

impl Open {
    fn count(metrics: &Metrics) -> Self {
        metrics.connections.open.inc();
        Self(metrics.connections.open.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.dec();
    }
}
