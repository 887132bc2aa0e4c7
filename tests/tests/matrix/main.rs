//! Every client on every version of the broker, through the proxy, encrypted. `make test` runs a diagonal of it, and
//! `make test-matrix` everything, which writes `matrix.md` anew.
#![allow(
    missing_docs,
    clippy::panic,
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    clippy::print_stdout,
    reason = "tests say what they do by their names, and stop where something fails; a long run tells how far it is"
)]

mod apis;
mod cell;
mod diagonal;
mod page;
mod stage;
mod steps;
mod whole;
