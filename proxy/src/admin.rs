//! The admin port: probes, status for the operator, metrics. Plain HTTP/1, no secrets, nothing that changes what is encrypted.
//!
//! | path | answer |
//! | --- | --- |
//! | `/livez` | 200 while the process answers at all |
//! | `/readyz` | 200, or 503 with one reason a line |
//! | `/policy` | which policy is in force, and why a newer file is not |
//! | `/brokers` | where brokers are, and why a newer file is not in use |
//! | `/keys` | each rule's key, what its provider said, and its version in use |
//! | `/history` | where clear records end to be history, for each topic whose rule lets that pass |
//! | `/unreadable` | records that consumers went past, since a rule says so where a key is gone |
//! | `POST /keys/rotate` | 202; data keys are replaced, under the newest versions of their keys, after their next use. 429 within 10 s |
//! | `/topics` | what the data plane knows of topics |
//! | `/metrics` | `OpenMetrics` |

mod reports;
mod serve;

pub use serve::Admin;

use crate::live::Live;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use prometheus_client::registry::Registry;
use std::net::SocketAddr;
use std::sync::Arc;
use thiserror::Error;

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
    /// No thread or runtime is to be had.
    #[error("failed to start the admin thread")]
    Runtime(#[source] std::io::Error),
}

#[derive(Debug, Clone)]
struct Context {
    live: Arc<Live>,
    registry: Arc<Registry>,
}

/// All paths.
pub fn router(live: Arc<Live>, registry: Arc<Registry>) -> Router {
    Router::new()
        .route("/livez", get(async || "ok\n"))
        .route("/readyz", get(readyz))
        .route("/policy", get(policy))
        .route("/brokers", get(brokers))
        .route("/keys", get(keys))
        .route("/keys/rotate", post(rotate))
        .route("/history", get(history))
        .route("/unreadable", get(unreadable))
        .route("/topics", get(topics))
        .route("/metrics", get(metrics))
        .with_state(Context { live, registry })
}

async fn readyz(State(context): State<Context>) -> Response {
    let obstacles = context.live.obstacles();
    if obstacles.is_empty() {
        return "ok\n".into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, obstacles.join("\n") + "\n").into_response()
}

async fn policy(State(context): State<Context>) -> Json<reports::Policy> {
    Json(reports::Policy::of(&context.live))
}

async fn brokers(State(context): State<Context>) -> Response {
    match context.live.brokers() {
        Some(brokers) => Json(reports::BrokerAddresses::of(brokers)).into_response(),
        None => (StatusCode::SERVICE_UNAVAILABLE, "no brokers are known yet\n").into_response(),
    }
}

async fn keys(State(context): State<Context>) -> Json<Vec<reports::RuleKey>> {
    Json(reports::rule_keys(&context.live))
}

async fn history(State(context): State<Context>) -> Json<Vec<reports::History>> {
    Json(reports::history(&context.live))
}

async fn unreadable(State(context): State<Context>) -> Json<Vec<reports::Unreadable>> {
    Json(reports::unreadable(&context.live))
}

async fn rotate(State(context): State<Context>) -> StatusCode {
    if !context.live.keys().rotate() {
        return StatusCode::TOO_MANY_REQUESTS;
    }
    tracing::info!("data keys are replaced after their next use, as the admin port was asked to");
    StatusCode::ACCEPTED
}

async fn topics(State(context): State<Context>) -> Response {
    match context.live.topics() {
        Some(topics) => Json(topics).into_response(),
        None => (StatusCode::SERVICE_UNAVAILABLE, "the listeners are not open yet\n").into_response(),
    }
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

#[cfg(test)]
mod tests;
