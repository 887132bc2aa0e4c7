//! The controller.

pub mod strimzi;
