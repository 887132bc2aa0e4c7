//! The operator and its fleets on a real Kubernetes, with brokers laid out as Strimzi does it.
#![allow(
    missing_docs,
    clippy::panic,
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "tests say what they do by their names, and stop where something fails"
)]

<<<<<<< HEAD
<<<<<<< HEAD
mod bypass;
mod certificates;
mod identity;
mod operator_failover;
=======
mod conflict;
mod deletion;
mod policy_edit;
>>>>>>> e2e-a
=======
mod gitops;
mod kustomize;
mod network_policies;
>>>>>>> e2e-c
mod quick_start;
mod rights;
mod rollout;
mod scaling_brokers;
mod scaling_proxies;
mod strimzi_status;
