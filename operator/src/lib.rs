//! The controller.

pub mod policies;
