//! Which policies count, and with which rules.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::ResourceExt;
use kube::core::{Selector, SelectorExt};
use operator_api::{AllowedPolicies, EncryptionProxySpec, NamespacesFrom, PolicyRule, TopicEncryptionPolicy};
use serde::{Deserialize, Serialize};

use super::{file, id_of, is_paused};
use crate::cluster::KafkaKey;
use crate::controller::dereference::Observed;
use crate::policies::{Admission, Merged, PolicyId, Reason, Submission};

/// What a policy said when proxies were told last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Source {
    /// Its generation.
    pub(crate) generation: i64,
    /// Its rules.
    pub(crate) rules: Vec<PolicyRule>,
}

/// Rules that policies had when proxies were told last, by `namespace/name`.
pub(crate) type Sources = BTreeMap<String, Source>;

/// What `sources.yaml` of the proxies' ConfigMap says. What cannot be read counts as nothing: it is made anew.
fn sources(observed: &Observed) -> Sources {
    let text = file(observed, "sources.yaml").unwrap_or_default();
    serde_yaml::from_str(text).unwrap_or_default()
}

/// The generation of a policy that proxies were told last, if they were told any.
pub(crate) fn told_generation(observed: &Observed, policy: &PolicyId) -> Option<i64> {
    sources(observed).get(&policy.to_string()).map(|source| source.generation)
}

/// The rules of every policy that counts as they are now, for times when one of them is paused.
pub(crate) fn next_sources(observed: &Observed, merged: &Merged) -> Sources {
    let before = sources(observed);
    let counts = |policy: &&TopicEncryptionPolicy| {
        let verdict = merged.verdicts.get(&id_of(policy));
        verdict.is_some_and(|verdict| matches!(verdict.reason, Reason::Accepted | Reason::Conflicted))
    };
    let policies = observed.policies.iter().filter(counts).filter_map(|policy| {
        let id = id_of(policy).to_string();
        let source = if is_paused(policy) {
            before.get(&id)?.clone()
        } else {
            Source {
                generation: policy.metadata.generation.unwrap_or_default(),
                rules: policy.spec.rules.clone(),
            }
        };
        Some((id, source))
    });
    policies.collect()
}

pub(super) fn submissions(
    key: &KafkaKey,
    observed: &Observed,
    spec: &EncryptionProxySpec,
) -> Vec<Submission> {
    let sources = sources(observed);
    observed
        .policies
        .iter()
        // Deletion is decided; what it encrypted is kept by the ledger.
        .filter(|policy| policy.metadata.deletion_timestamp.is_none())
        .map(|policy| submission(key, policy, spec, &observed.namespaces, &sources))
        .collect()
}

fn submission(
    key: &KafkaKey,
    policy: &TopicEncryptionPolicy,
    spec: &EncryptionProxySpec,
    namespaces: &BTreeMap<String, BTreeMap<String, String>>,
    sources: &Sources,
) -> Submission {
    let id = id_of(policy);
    let admission = if is_allowed(key, &id.namespace, &spec.allowed_policies, namespaces) {
        Admission::Allowed
    } else {
        Admission::NamespaceNotAllowed
    };
    let (generation, rules) = if is_paused(policy) {
        let before = sources.get(&id.to_string()).cloned();
        before.map_or((0, Vec::new()), |source| (source.generation, source.rules))
    } else {
        (policy.metadata.generation.unwrap_or_default(), policy.spec.rules.clone())
    };
    let created = policy.creation_timestamp().map(|time| time.0);
    Submission { id, created, generation, rules, admission }
}

fn is_allowed(
    key: &KafkaKey,
    namespace: &str,
    allowed: &AllowedPolicies,
    namespaces: &BTreeMap<String, BTreeMap<String, String>>,
) -> bool {
    match allowed.namespaces {
        NamespacesFrom::All => true,
        NamespacesFrom::Same => namespace == key.namespace,
        NamespacesFrom::Selector => {
            let labels = namespaces.get(namespace);
            labels.is_some_and(|labels| matches(allowed.selector.as_ref(), labels))
        }
    }
}

/// A selector that cannot be read, or that is not there, chooses nothing.
fn matches(selector: Option<&LabelSelector>, labels: &BTreeMap<String, String>) -> bool {
    let selector = selector.cloned().and_then(|selector| Selector::try_from(selector).ok());
    selector.is_some_and(|selector| selector.matches(labels))
}
