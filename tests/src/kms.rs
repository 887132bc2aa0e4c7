//! Key management systems, and faults on the way to them.

mod faults;
mod openbao;
mod soft_hsm;

pub use faults::{Fault, Faults};
pub use openbao::OpenBao;
pub use soft_hsm::{Hang, SoftHsm};
