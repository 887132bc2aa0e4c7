//! The data plane of Strimzi Topic Encryption: a Kafka proxy that encrypts Produce data before a broker sees it
//! and decrypts Fetch data before a client sees it.
//!
//! Control plane: [`live`] (policy and keys, swapped while running), [`brokers`] (where they are), [`credentials`], [`admin`], [`cli`], [`metrics`], [`tls`].
//! Data plane: [`server`] accepts, `connection` relays frames in order, `handler` rewrites the few APIs that matter.
#![warn(clippy::indexing_slicing)]

pub mod admin;
pub mod brokers;
pub mod cli;
pub mod credentials;
pub mod live;
pub mod metrics;
pub mod poll;
pub mod server;
pub mod telemetry;
pub mod tls;

mod advertised;
mod api_versions;
mod budget;
mod client;
mod connection;
mod digest;
mod frame;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod handler;
mod io;
mod legacy;
mod listen;
mod login;
mod pieces;
mod refusals;
mod repeats;
mod scram;
mod sequences;
mod tools;
mod topics;
mod upstream;
pub mod wire;
