//! Key management systems, and faults on the way to them.

mod faults;
mod openbao;

pub use faults::{Fault, Faults};
pub use openbao::OpenBao;
