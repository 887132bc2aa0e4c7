//! A real Kubernetes, Strimzi's resources in it, and the operator as its chart installs it.
//!
//! One cluster serves all tests of a binary; each test has a namespace, a Kafka cluster and a release of the chart of its own.
//! The cluster ends with the test process. One that runs already is used, and left alone, where `KUBE_STATE` names it (see
//! `tests/rig/README.md`), or `TEST_KUBECONFIG` any other.

mod account;
mod command;
mod fleet;
mod forward;
mod gateway;
mod held;
mod kafka;
mod load;
mod manifest;
mod names;
mod node;
mod open_bao;
pub mod page;
pub mod readme;
mod stage;
mod token_key;
mod topic;

pub use account::Account;
pub use command::Failed;
pub use fleet::{Fleet, Pod};
pub use forward::Forward;
pub use gateway::Gateway;
pub use held::Held;
pub use load::Load;
pub use manifest::{Condition, condition};
pub use node::Kubernetes;
pub use open_bao::{KeyOwner, OpenBao};
pub use stage::{Stage, StageBuilder};
pub use topic::Topic;
