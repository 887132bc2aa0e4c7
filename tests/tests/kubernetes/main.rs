//! The operator and its fleets on a real Kubernetes, with brokers laid out as Strimzi does it.
#![allow(
    missing_docs,
    clippy::panic,
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "tests say what they do by their names, and stop where something fails"
)]

mod authority_replacement;
mod bypass;
mod cert_manager;
mod certificates;
mod conflict;
mod deletion;
mod gateway;
mod gitops;
mod going_past;
mod held_back;
mod identity;
mod key_management;
mod kustomize;
mod listeners;
mod malformed;
mod network_policies;
mod operator_failover;
mod pause;
mod policy_edit;
mod quick_start;
mod record_keys;
mod restore;
mod rights;
mod rollout;
mod samples;
mod scaling_brokers;
mod scaling_proxies;
mod sidecar;
mod strimzi_status;
mod uninstall;
mod validation;
