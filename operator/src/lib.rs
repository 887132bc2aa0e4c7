//! The controller.

pub mod check;
pub mod cli;
pub mod policies;
