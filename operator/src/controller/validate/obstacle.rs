//! Why there is no fleet, or why the one that there is stays as it is.

use thiserror::Error;

use crate::fleet::Fleet;
use crate::names::{KEYS_COPIED_ANNOTATION, NameTooLong};
use crate::strimzi::{
    AddressProblem, CertificateProblem, ListenerProblem, PoolProblem, TrustProblem, UserProblem,
};

/// Why nothing can be programmed. Every text says what to do.
#[derive(Debug, Clone, Error)]
pub(crate) enum Obstacle {
    #[error(
        "Strimzi's resource definitions are not installed in this Kubernetes cluster; install Strimzi 0.49 or later"
    )]
    NoStrimzi,
    #[error(
        "there is no Kafka resource of this name yet, and it is waited for; create it, or correct spec.kafkaRef"
    )]
    NoKafka,
    #[error("the Kafka resource is being deleted, and its fleet with it")]
    KafkaEnds,
    #[error("the Kafka resource is not what this version of the operator knows: {0}")]
    MalformedKafka(String),
    #[error("EncryptionProxy {name} is not what its schema says: {error}; correct it")]
    MalformedProxy { name: String, error: String },
    #[error("{0}")]
    Name(NameTooLong),
    #[error(
        "the ConfigMap {name} is gone, and with it the knowledge of what was ever encrypted; nothing is changed until it \
         is back. Restore it from a backup or from Git, or, if nothing was ever encrypted, create it with the entry \
         ledger.yaml: \"version: 1\\nencrypted: []\""
    )]
    LedgerMissing { name: String },
    #[error("the ConfigMap {name} cannot be read, and nothing is changed until it can: ledger.yaml: {error}")]
    LedgerUnreadable { name: String, error: String },
    #[error(
        "the ConfigMap {name} was set back to an older state: its serial is {found}, and {witness} was written before. Nothing \
         is changed until it is whole: restore the newest copy of it or, where none is left, add every pattern that was \
         encrypted since, and then set serial: {witness} in its entry ledger.yaml"
    )]
    LedgerRolledBack { name: String, found: u64, witness: u64 },
    #[error("{0}")]
    Listener(ListenerProblem),
    #[error("{0}")]
    Pools(PoolProblem),
    #[error("the Kafka cluster has no brokers yet: no KafkaNodePool with the role broker reports node ids")]
    NoBrokers,
    #[error("a KafkaNodePool is not what this version of the operator knows: {0}")]
    MalformedPool(String),
    #[error("{0}")]
    Address(AddressProblem),
    #[error("{0}")]
    Trust(TrustProblem),
    #[error("{0}")]
    Certificate(CertificateProblem),
    #[error(
        "there is no KafkaUser {0} yet, and it is waited for; create it, or correct spec.authentication.kafkaUserRef of the \
         EncryptionProxy"
    )]
    NoUser(String),
    #[error("KafkaUser {name} is not what this version of the operator knows: {error}")]
    MalformedUser { name: String, error: String },
    #[error("{0}")]
    User(UserProblem),
    #[error("the settings of the EncryptionProxy do not make a proxy: {0}")]
    Settings(String),
    #[error(
        "keyProviders[{name}] was {before} when data was encrypted under its key {key}, and is {now} now, which nobody could read \
         that data with; proxies go on with what it was. Set it back, and give the new one a name of its own{}",
        or_confirm(copied.as_deref())
    )]
    Provider { name: String, key: String, before: String, now: String, copied: Option<String> },
    #[error(
        "listener {0} has no port for every broker before the next port that is taken, so clients do not reach all brokers \
         through it; set listeners[].port further apart"
    )]
    Crowded(String),
    #[error(
        "no load balancer has given an address yet to listener {0}, which proxies do not serve until then"
    )]
    NoAddress(String),
    #[error(
        "TLSRoute of the Gateway API is not installed, so no Gateway leads to listener {0}; install its definitions, or give the \
         listener type: internal and have something else lead to its Service"
    )]
    NoGatewayApi(String),
    #[error(
        "the operator may not make a TLSRoute for listener {0}; set rbac.gatewayApi of the chart to true"
    )]
    RoutesForbidden(String),
    #[error(
        "not every Gateway has taken the TLSRoute {0} yet, and it is waited for; see that those of tlsRoute.parentRefs are there"
    )]
    RoutePending(String),
    #[error(
        "the Gateway {gateway} does not take the TLSRoute {route}: {message}; correct tlsRoute.parentRefs, or what the Gateway allows"
    )]
    RouteRefused { route: String, gateway: String, message: String },
}

/// Local keys can be moved; nobody but their owner knows whether they were.
fn or_confirm(secret: Option<&str>) -> String {
    let remedy = |secret| {
        format!(
            "; or, once every entry of the old Secret is in {secret} too, annotate the EncryptionProxy with \
             {KEYS_COPIED_ANNOTATION}={secret}"
        )
    };
    secret.map(remedy).unwrap_or_default()
}

impl Obstacle {
    /// Listeners of a fleet that have no room for a port for every broker, if there are any.
    pub(crate) fn crowded(fleet: &Fleet) -> Option<Self> {
        let names: Vec<_> = fleet.crowded().map(|listener| listener.name.as_str()).collect();
        (!names.is_empty()).then(|| Self::Crowded(names.join(", ")))
    }

    /// As it stands in conditions.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::NoStrimzi => "StrimziNotInstalled",
            Self::NoKafka | Self::KafkaEnds => "TargetNotFound",
            Self::MalformedKafka(_) => "KafkaMalformed",
            Self::MalformedProxy { .. } => "EncryptionProxyMalformed",
            Self::Name(_) => "NameTooLong",
            Self::LedgerMissing { .. } => "LedgerMissing",
            Self::LedgerUnreadable { .. } => "LedgerUnreadable",
            Self::LedgerRolledBack { .. } => "LedgerRolledBack",
            Self::Listener(problem) => problem.reason(),
            Self::Pools(_) | Self::MalformedPool(_) => "KafkaNodePoolInvalid",
            Self::NoBrokers | Self::Address(_) => "BrokersUnknown",
            Self::Trust(_) => "TrustUnknown",
            Self::Certificate(_) => "BrokerCertificateNames",
            Self::NoUser(_) | Self::MalformedUser { .. } | Self::User(_) => "KafkaUserUnusable",
            Self::Settings(_) => "InvalidSettings",
            Self::Provider { .. } => "KeyProviderChanged",
            Self::Crowded(_) => "ListenersTooClose",
            Self::NoAddress(_) => "AddressPending",
            Self::NoGatewayApi(_) => "GatewayApiMissing",
            Self::RoutesForbidden(_) => "GatewayApiForbidden",
            Self::RoutePending(_) => "RoutePending",
            Self::RouteRefused { .. } => "RouteNotAccepted",
        }
    }

    /// Whether it will pass by itself.
    pub(crate) fn passes(&self) -> bool {
        matches!(
            self,
            Self::Listener(ListenerProblem::NotInStatus { .. })
                | Self::NoBrokers
                | Self::Trust(_)
                | Self::User(UserProblem::NotReady { .. })
                | Self::NoAddress(_)
                | Self::RoutePending(_)
                | Self::NoStrimzi
                // One commit may bring Kafka, its users and the policies, in any order.
                | Self::NoKafka
                | Self::NoUser(_)
        )
    }

    /// Whether what the `EncryptionProxy` says cannot be carried out, or refers to what is not there or not as it must be.
    pub(crate) fn is_of_settings(&self) -> bool {
        self.is_target()
            || matches!(
                self,
                Self::MalformedProxy { .. }
                    | Self::Listener(_)
                    | Self::NoUser(_)
                    | Self::MalformedUser { .. }
                    | Self::User(_)
                    | Self::Settings(_)
                    | Self::Provider { .. }
            )
    }

    /// Whether the policies themselves aim at nothing.
    pub(crate) fn is_target(&self) -> bool {
        matches!(
            self,
            Self::NoStrimzi | Self::NoKafka | Self::KafkaEnds | Self::MalformedKafka(_) | Self::Name(_)
        )
    }
}
