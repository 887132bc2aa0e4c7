//! The proxy between real clients and real brokers. One broker and one proxy serve most of the tests.
#![allow(
    missing_docs,
    clippy::panic,
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "tests say what they do by their names, and stop where something fails"
)]

mod at_rest;
mod cluster;
mod compaction;
mod harness;
mod harness_cluster;
mod harness_proxy;
mod history;
mod keys;
mod legacy;
mod malformed;
mod operations;
mod producers;
mod pseudonyms;
mod reload;
mod roundtrip;
mod security;
mod tampering;
mod tools;
mod two_versions;
mod versions;
