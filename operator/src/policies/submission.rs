//! What goes into a merge.

use std::collections::BTreeMap;

use jiff::Timestamp;
use operator_api::{KeyProvider, PolicyRule, UnmatchedTopics};
use proxy_config::ProviderName;

use super::ledger::Ledger;
use super::policy_id::PolicyId;

/// All that a merge depends on.
#[derive(Debug, Clone)]
pub struct Inputs<'a> {
    /// The namespace of the Kafka cluster.
    pub kafka_namespace: &'a str,
    /// Every policy for it, in any order.
    pub submissions: &'a [Submission],
    /// What was ever encrypted.
    pub ledger: &'a Ledger,
    /// What happens to topics that no rule matches.
    pub unmatched: UnmatchedTopics,
    /// The key providers that rules may name.
    pub providers: &'a BTreeMap<ProviderName, ProviderKind>,
}

/// One policy.
#[derive(Debug, Clone)]
pub struct Submission {
    /// Which.
    pub id: PolicyId,
    /// Since when it exists; those that do not know are the youngest.
    pub created: Option<Timestamp>,
    /// The generation that the rules are of.
    pub generation: i64,
    /// Its rules or, while its reconciliation is paused, those that proxies were told last.
    pub rules: Vec<PolicyRule>,
    /// Whether it counts.
    pub admission: Admission,
}

/// Whether a policy counts, apart from its rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    /// It does.
    Allowed,
    /// Its namespace is not among the allowed.
    NamespaceNotAllowed,
    /// It cannot be carried out, for this reason.
    Invalid(String),
    /// There is no room for it, for this reason. Unlike an invalid one it is told to nobody, not even as refused.
    TooLarge(String),
}

/// What kind of key provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProviderKind {
    /// Keys are entries of a Secret, so their names must be names of entries.
    Local,
    /// Keys are in a service.
    Remote,
}

/// The providers of an `EncryptionProxy`.
pub fn providers(specs: &[KeyProvider]) -> BTreeMap<ProviderName, ProviderKind> {
    let kind =
        |spec: &KeyProvider| if spec.local.is_some() { ProviderKind::Local } else { ProviderKind::Remote };
    let named =
        specs.iter().filter_map(|spec| Some((ProviderName::new(spec.name.as_str()).ok()?, kind(spec))));
    named.collect()
}
