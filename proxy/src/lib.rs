//! The data plane of Strimzi Topic Encryption: a Kafka proxy that encrypts Produce data before a broker sees it
//! and decrypts Fetch data before a client sees it.
//!
//! - Control plane: [`live`] (policy and keys, swapped while running), [`brokers`] (where they are), [`credentials`], [`poll`] (files that
//!   change), [`tls`], [`admin`], [`metrics`], [`telemetry`], `refusals` (what was refused, told now and then), [`cli`].
//! - Data plane, from the client to the broker: `listen` and [`server`] accept, `connection` relays frames in order, `login` and `scram` log in
//!   as the proxy itself, `handler` rewrites the few APIs that matter, `upstream` connects.
//! - What it works with: `frame`, [`wire`] and `pieces` (bytes of the protocol), `api_versions`, `advertised` (addresses that clients are
//!   told), `topics` (names and ids), `sequences` (of idempotent producers), `budget` (memory), `strangers` (who gets little of it), `legacy` (what other programs
//!   encrypted), `io`, `digest`.
//! - Commands without a running proxy: `tools`, by way of `client`.
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
mod strangers;
mod tools;
mod topics;
mod upstream;
pub mod wire;
