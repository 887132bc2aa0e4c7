//! Programs that people use with Kafka, as they are, through the proxy.
#![allow(
    missing_docs,
    clippy::panic,
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "tests say what they do by their names, and stop where something fails"
)]

mod application;
mod connect;
mod differential;
mod kcat;
mod mirror;
mod program;
mod registry;
mod replay;
mod stage;
mod streams;
mod tools;
