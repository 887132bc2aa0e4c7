//! The chart and everything that is made from it: what it renders, what it refuses, which rights it asks for, and that no
//! generated file is out of date; samples, links and commands of documents, and the table of conformance. Needs helm, kubectl and lua, no
//! cluster. `REGENERATE=1` writes the generated files anew.
#![allow(
    missing_docs,
    clippy::panic,
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "tests say what they do by their names, and stop where something fails"
)]

mod argocd;
mod commands;
mod conformance;
mod definitions;
mod files;
mod golden;
mod helm;
mod images;
mod links;
mod manifests;
mod metrics;
mod object;
mod pods;
mod rights;
mod samples;
mod values;
