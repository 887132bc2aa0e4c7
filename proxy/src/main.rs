//! The `topic-encryption-proxy` program.
fn main() {}
