//! The operator and its fleets on a real Kubernetes, with brokers laid out as Strimzi does it.
#![allow(
    missing_docs,
    clippy::panic,
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "tests say what they do by their names, and stop where something fails"
)]

mod conflict;
mod deletion;
mod held_back;
mod malformed;
mod pause;
mod policy_edit;
mod quick_start;
mod restore;
mod uninstall;
mod validation;
