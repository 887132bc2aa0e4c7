//! The configuration files that the operator writes and the proxy reads: one definition
