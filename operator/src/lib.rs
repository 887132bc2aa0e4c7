//! The controller.

pub mod local_keys;
pub mod secret_text;
