//! The operator: turns policies into fleets of encrypting proxies in front of Kafka clusters that Strimzi manages.
//!
//! `controller` is the pipeline that runs in the cluster; `check` asks the same questions of files, without one.

pub mod admin;
pub mod certificates;
pub mod check;
pub mod cli;
pub mod cluster;
mod controller;
pub mod fleet;
pub mod leader;
pub mod local_keys;
pub mod metrics;
pub mod names;
pub mod pods;
pub mod policies;
pub mod secret_text;
pub mod service_binding;
pub mod settings;
pub mod strimzi;
pub mod telemetry;
