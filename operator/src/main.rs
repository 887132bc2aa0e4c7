//! The `topic-encryption-operator` program.

fn main() {}
