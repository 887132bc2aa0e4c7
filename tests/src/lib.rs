//! The test harness: real brokers, real clients, the proxy as users run it.
//!
//! Whatever a test starts ends with the test process, however that ends. Statics hold processes and paths only, nothing
//! that belongs to one test's runtime. The harness panics, with a message, where the rig fails; what a test is about comes
//! back as a value.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a test stops where its rig fails"
)]

pub mod batch;
pub mod certificates;
pub mod client;
pub mod cluster;
pub mod eventually;
pub mod kafka_error;
pub mod kerberos;
pub mod kms;
pub mod kubernetes;
pub mod legacy;
pub mod payload;
pub mod ports;
pub mod process;
pub mod programs;
pub mod proxy;
pub mod raw_connection;
pub mod record;
pub mod rig;
pub mod scratch;
pub mod segments;
pub mod tap;

mod failure;
mod network;
mod pem;
mod reaper;

pub use batch::{Batch, Field};
pub use certificates::{Certificates, Identity};
pub use client::{Client, Codec, ConsumeOptions, Consumed, Feed, Member, ProduceOptions};
pub use cluster::{BrokerVersion, Cluster};
pub use eventually::{eventually, eventually_ok};
pub use kafka_error::KafkaErrorName;
pub use kerberos::Kerberos;
pub use payload::{Payload, canary, topic};
pub use proxy::{Pattern, PolicyFile, Proxy, Rule, Version};
pub use raw_connection::{By, Location, RawConnection};
pub use record::{ReceivedRecord, SentRecord, assert_same};
pub use rig::Rig;
pub use scratch::Scratch;
pub use segments::Segments;
pub use tap::{Tap, Tapped};
