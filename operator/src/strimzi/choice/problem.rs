//! Why there is no listener for the proxies, and what to do.

use std::fmt;

use super::super::listener::{ListenerAuth, ListenerType};
use super::super::user::UserAuth;
use super::Listener;

/// Names of listeners, in the order of the alphabet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidates(Vec<String>);

/// Why there is no listener for the proxies.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListenerProblem {
    /// A name that the Kafka resource does not have.
    #[error("Kafka {kafka} has no listener {wanted}; set listenerName to one of: {candidates}")]
    NotInSpec {
        /// The Kafka cluster.
        kafka: String,
        /// The name.
        wanted: String,
        /// Listeners that would do.
        candidates: Candidates,
    },
    /// The listener is right, but Strimzi does not report it: brokers do not have it yet, or the cluster is paused
    /// or failing. Proxies that know brokers already go on with [`Self::into_listener`].
    #[error(
        "listener {} of Kafka {kafka} is not in its status; wait until Strimzi has reconciled it, and see the \
         conditions of the Kafka resource if it does not",
        listener.name
    )]
    NotInStatus {
        /// The Kafka cluster.
        kafka: String,
        /// The listener.
        listener: Box<Listener>,
    },
    /// All listeners lead out of the Kubernetes cluster.
    #[error(
        "Kafka {kafka} has no listener of type internal or cluster-ip, only: {listeners}; \
         add one of type internal with tls: true for the proxies"
    )]
    NoneInternal {
        /// The Kafka cluster.
        kafka: String,
        /// What there is, with types.
        listeners: Candidates,
    },
    /// The named listener is there, but nobody can log in through a proxy.
    #[error("listener {listener} {}; set listenerName to one of: {candidates}", misfit(offered, *user))]
    Authentication {
        /// The listener.
        listener: String,
        /// How its clients show who they are.
        offered: ListenerAuth,
        /// How the proxies would, if by themselves.
        user: Option<UserAuth>,
        /// Listeners that would do.
        candidates: Candidates,
    },
    /// No listener was named, and nobody can log in through a proxy at any of them.
    #[error("no listener of Kafka {kafka} {}; it has: {listeners}", need(*user))]
    NoneFits {
        /// The Kafka cluster.
        kafka: String,
        /// How the proxies would log in, if by themselves.
        user: Option<UserAuth>,
        /// What there is inside the Kubernetes cluster, with authentication.
        listeners: Candidates,
    },
    /// The named listener leads out of the Kubernetes cluster.
    #[error(
        "listener {listener} is of type {kind}, and the proxies connect to types internal and cluster-ip only; \
         set listenerName to one of: {candidates}"
    )]
    UnsupportedType {
        /// The listener.
        listener: String,
        /// Its type.
        kind: ListenerType,
        /// Listeners that would do.
        candidates: Candidates,
    },
}

impl Candidates {
    pub(super) fn new(names: impl Iterator<Item = String>) -> Self {
        let mut names: Vec<_> = names.collect();
        names.sort();
        Self(names)
    }

    /// The names.
    pub fn names(&self) -> &[String] {
        &self.0
    }
}

impl fmt::Display for Candidates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { f.write_str("none") } else { f.write_str(&self.0.join(", ")) }
    }
}

impl ListenerProblem {
    /// A word for conditions and metrics.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NotInSpec { .. } => "ListenerNotFound",
            Self::NotInStatus { .. } => "ListenerNotReady",
            Self::NoneInternal { .. } => "NoInternalListener",
            Self::Authentication { .. } | Self::NoneFits { .. } => "ListenerAuthentication",
            Self::UnsupportedType { .. } => "ListenerTypeUnsupported",
        }
    }

    /// The listener, if all that is wrong is that Strimzi does not report it. Its addresses are then those known
    /// before, or derived.
    pub fn into_listener(self) -> Result<Listener, Self> {
        match self {
            Self::NotInStatus { listener, .. } => Ok(*listener),
            problem => Err(problem),
        }
    }
}

fn misfit(offered: &ListenerAuth, user: Option<UserAuth>) -> String {
    match user {
        None => format!(
            "has authentication {offered}, and the certificate of a client cannot pass a proxy; use a listener with \
             SASL or without authentication, or give the EncryptionProxy a KafkaUser (authentication.kafkaUserRef) \
             as whom the proxies connect"
        ),
        Some(user) => {
            format!("has authentication {offered}, but the KafkaUser of the EncryptionProxy has {user}")
        }
    }
}

fn need(user: Option<UserAuth>) -> String {
    match user {
        None => "lets clients log in through a proxy, which certificates cannot pass: add one of type internal with \
                 SASL or without authentication, or give the EncryptionProxy a KafkaUser (authentication.kafkaUserRef) \
                 as whom the proxies connect"
            .to_owned(),
        Some(user) => format!(
            "inside the Kubernetes cluster suits the KafkaUser of the EncryptionProxy, which has authentication \
             {user}: add such a listener of type internal, or use another user"
        ),
    }
}
