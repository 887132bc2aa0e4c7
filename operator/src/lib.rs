//! The controller.

pub mod certificates;
pub mod local_keys;
pub mod secret_text;
pub mod service_binding;
