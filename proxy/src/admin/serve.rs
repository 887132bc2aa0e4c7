//! HTTP/1 on a thread and runtime of its own, so that probes are answered while the data plane is saturated.

use super::Error;
use crate::listen::without_ipv6;
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Probes, a scraper or two, and the operator.
const MAX_CONNECTIONS: usize = 64;
/// Between two requests, too.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// Then a connection may finish its request and is closed.
const CONNECTION_LIFE: Duration = Duration::from_mins(5);
const LAST_REQUEST: Duration = Duration::from_secs(10);
/// Answers are made here; only requests are buffered. This is hyper's minimum.
const BUFFER_BYTES: usize = 8 * 1024;
/// Out of file descriptors, for example.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The running admin server. Ends when its token is cancelled.
#[derive(Debug)]
pub struct Admin {
    address: SocketAddr,
    thread: JoinHandle<()>,
    shutdown: CancellationToken,
}

impl Admin {
    /// Binds, and serves from now on.
    pub fn start(address: SocketAddr, router: Router, shutdown: CancellationToken) -> Result<Self, Error> {
        let failed = |source| Error::Bind { address, source };
        let bound = std::net::TcpListener::bind(address)
            .or_else(|error| without_ipv6(address, &error).map_or(Err(error), std::net::TcpListener::bind));
        let listener = bound.map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::Runtime)?;
        let token = shutdown.clone();
        let thread = std::thread::Builder::new()
            .name("admin".to_owned())
            .spawn(move || runtime.block_on(accept(listener, router, token)))
            .map_err(Error::Runtime)?;
        Ok(Self { address, thread, shutdown })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends it and waits for its thread.
    pub fn stop(self) {
        self.shutdown.cancel();
        if self.thread.join().is_err() {
            tracing::error!("admin server ended unexpectedly");
        }
    }
}

async fn accept(listener: std::net::TcpListener, router: Router, shutdown: CancellationToken) {
    let listener = match TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!(%error, "failed to start the admin server"),
    };
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    // Dropping the set ends the connections.
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let next = async {
            let slot = Arc::clone(&slots).acquire_owned().await;
            (slot, listener.accept().await)
        };
        let (slot, accepted) = tokio::select! {
            next = next => next,
            () = shutdown.cancelled() => return,
        };
        match accepted {
            Ok((stream, _)) => {
                let router = router.clone();
                connections.spawn(async move {
                    serve(stream, router).await;
                    drop(slot);
                });
            }
            Err(error) => {
                tracing::debug!(%error, "failed to accept an admin connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve(stream: TcpStream, router: Router) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(BUFFER_BYTES)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => Some(ended),
        () = tokio::time::sleep(CONNECTION_LIFE) => None,
    };
    let ended = if let Some(ended) = ended {
        ended
    } else {
        connection.as_mut().graceful_shutdown();
        tokio::time::timeout(LAST_REQUEST, connection).await.unwrap_or(Ok(()))
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "admin connection failed");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::get;
    use std::io::{Read, Write};

    #[test]
    fn answers_on_loopback_and_stops() {
        let router = Router::new().route("/livez", get(|| async { "ok\n" }));
        let local = SocketAddr::from(([127, 0, 0, 1], 0));
        let admin = Admin::start(local, router, CancellationToken::new()).unwrap();
        let mut stream = std::net::TcpStream::connect(admin.address()).unwrap();
        stream.write_all(b"GET /livez HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("ok\n"), "{answer}");

        let address = admin.address();
        admin.stop();
        assert!(std::net::TcpStream::connect(address).is_err());
    }
}
