//! Strimzi's resources as the operator reads them, and what it concludes from them.
//!
//! Nothing here talks to Kubernetes. Objects come in as [`kube::core::DynamicObject`], because the operator must
//! work with every version of Strimzi that serves the kinds: each is parsed tolerantly into a small type of our
//! own that has only the fields we use. Fields we do not know are normal; a field of the wrong type is a
//! [`ParseError`] that names it. The functions beside the types are pure decisions on such objects: which listener
//! the proxies use, at which addresses, whom they trust, who else gets to the brokers.
//!
//! Strimzi's status comes and goes: `status.listeners` vanishes while a Kafka cluster is paused or fails. So where
//! a decision needs it, the answer says that it is missing, and the caller goes on with what it knew before.

mod address;
mod broker_certificate;
mod bypass;
mod choice;
mod field;
mod kafka;
mod listener;
mod node_pool;
mod object;
mod peer;
mod security;
mod state;
mod topic;
mod trust;
mod user;
mod version;

#[cfg(test)]
mod fixtures;

pub use self::address::{AddressProblem, AddressSource, Bootstrap, bootstrap, broker_addresses};
pub use self::broker_certificate::{CertificateProblem, broker_certificate};
pub use self::bypass::{Bypass, ListenerAccess, bypass, listener_access, peers_snippet};
pub use self::choice::{Candidates, Listener, ListenerProblem, Reach, resolve_listener};
pub use self::field::ParseError;
pub use self::kafka::{Authorization, Kafka, ListenerStatus};
pub use self::listener::{ListenerAuth, ListenerSpec, ListenerType};
pub use self::node_pool::{Broker, NodePool, PoolProblem, Role, brokers};
pub use self::object::from_value;
pub use self::peer::Peer;
pub use self::security::{AnonymousCause, AnonymousSuperUser, anonymous_super_user};
pub use self::state::KafkaState;
pub use self::topic::{CleanupPolicy, Compaction, KafkaTopic};
pub use self::trust::{Trust, TrustProblem, trust, trust_is_reported};
pub use self::user::{Credentials, KafkaUser, UserAuth, UserProblem};
pub use self::version::known_versions;
