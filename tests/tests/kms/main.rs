//! Key providers against the systems that they speak to.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test stops where it fails")]

mod aws;
mod azure;
mod contract;
mod gcp;
mod ibm;
mod kmip;
mod life_cycle;
mod local;
mod page;
mod pkcs11;
mod predecessor;
mod system;
mod table;
mod vault;
mod vendors;
