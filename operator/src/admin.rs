//! Health and metrics of the operator itself.
//!
//! | path | answer |
//! | --- | --- |
//! | `/livez` | 200 while the process answers |
//! | `/readyz` | 200 once the API server answers; a standby is ready too |
//! | `/metrics` | `OpenMetrics` |

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus_client::registry::Registry;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Why there is no admin server.
#[derive(Debug, Error)]
pub enum Error {
    /// The address is taken or not ours.
    #[error("failed to listen on {address}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The server ended by itself.
    #[error("failed to serve health and metrics")]
    Serve(#[source] std::io::Error),
}

/// Whether the operator can do its work.
#[derive(Debug, Clone, Default)]
pub struct Readiness(Arc<AtomicBool>);

impl Readiness {
    /// From now on it can.
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[derive(Debug, Clone)]
struct Context {
    readiness: Readiness,
    registry: Arc<Registry>,
}

/// Serves until told to stop.
pub async fn serve(
    address: SocketAddr,
    readiness: Readiness,
    registry: Arc<Registry>,
    stop: CancellationToken,
) -> Result<(), Error> {
    let listener = listen(address).await.map_err(|source| Error::Bind { address, source })?;
    let router = Router::new()
        .route("/livez", get(async || "ok\n"))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(Context { readiness, registry });
    axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await.map_err(Error::Serve)
}

/// On every address of both families, `[::]`, where the machine has both; else on those that it has.
async fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let any = address.ip() == IpAddr::V6(Ipv6Addr::UNSPECIFIED);
    match TcpListener::bind(address).await {
        Err(error) if any && error.kind() != std::io::ErrorKind::AddrInUse => {
            TcpListener::bind((Ipv4Addr::UNSPECIFIED, address.port())).await
        }
        bound => bound,
    }
}

async fn readyz(State(context): State<Context>) -> Response {
    if context.readiness.0.load(Ordering::Relaxed) {
        return "ok\n".into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, "the API server has not answered yet\n").into_response()
}

async fn metrics(State(context): State<Context>) -> Response {
    let mut text = String::new();
    match prometheus_client::encoding::text::encode(&mut text, &context.registry) {
        Ok(()) => ([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "failed to encode metrics");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
