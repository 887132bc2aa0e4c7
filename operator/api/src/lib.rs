//! The resources of `encryption.strimzi.io/v1alpha1`: what a data owner says ([`TopicEncryptionPolicy`]) and what a
//! platform owner says ([`EncryptionProxy`]).
//!
//! Descriptions, defaults, bounds and rules of validation stand here alone; the files below `crds/` are generated from
//! them and so are the answers of `kubectl explain`.
#![allow(unreachable_pub, reason = "schema derives repeat each type inside a function")]
#![allow(clippy::duplicated_attributes, reason = "columns have a type each")]

pub mod manifests;
mod policy;
mod proxy;
mod references;
mod status;

pub use policy::{
    Encryption, OnPlaintext, PolicyRule, RecordFormat, TopicEncryptionPolicy, TopicEncryptionPolicySpec,
    TopicPattern,
};
pub use proxy::{
    AllowedPolicies, EncryptionProxy, EncryptionProxySpec, KeyProvider, Limits, Listener, ListenerType,
    LocalProvider, NamespacesFrom, ProxyTls, UnmatchedTopics, UpstreamAuthentication,
};
pub use references::{KafkaRef, KeyRef, LocalRef};
pub use status::{EncryptionProxyStatus, ProxyCount, TopicEncryptionPolicyStatus};

/// The API group of all resources.
pub const GROUP: &str = "encryption.strimzi.io";
