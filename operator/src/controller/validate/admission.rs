//! Which policies count, and with which rules.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::ResourceExt;
use kube::core::{Selector, SelectorExt};
use operator_api::{AllowedPolicies, EncryptionProxySpec, NamespacesFrom, PolicyRule, TopicEncryptionPolicy};
use serde::{Deserialize, Serialize};

use super::{file, id_of, is_paused, malformed};
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
        let verdict = merged.verdicts.get(&id_of(*policy));
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
    let malformed = observed.malformed_policies().filter(|object| is_paused(*object)).filter_map(|object| {
        let id = id_of(object).to_string();
        Some((id.clone(), before.get(&id)?.clone()))
    });
    let malformed: Vec<_> = malformed.collect();
    policies.chain(malformed).collect()
}

pub(super) fn submissions(
    key: &KafkaKey,
    observed: &Observed,
    spec: &EncryptionProxySpec,
) -> Vec<Submission> {
    let sources = sources(observed);
    let typed = observed.policies.iter().map(|policy| Said {
        object: policy,
        rules: policy.spec.rules.clone(),
        flaw: None,
    });
    let typed = typed.map(|said| said.submission(key, observed, spec, &sources));
    let malformed = observed.malformed.iter().filter(|each| each.is_policy()).map(|malformed| Said {
        object: &malformed.object,
        rules: malformed::rules(&malformed.object),
        flaw: Some(malformed.error.clone()),
    });
    let malformed = malformed.map(|said| said.submission(key, observed, spec, &sources));
    typed.chain(malformed).flatten().collect()
}

/// What a policy says.
struct Said<'a, K> {
    object: &'a K,
    rules: Vec<PolicyRule>,
    /// Why that may not be all.
    flaw: Option<String>,
}

impl<K: ResourceExt> Said<'_, K> {
    /// Nothing of one that is being deleted: that is decided, and what it encrypted is kept by the ledger.
    fn submission(
        self,
        key: &KafkaKey,
        observed: &Observed,
        spec: &EncryptionProxySpec,
        sources: &Sources,
    ) -> Option<Submission> {
        let metadata = self.object.meta();
        if metadata.deletion_timestamp.is_some() {
            return None;
        }
        let id = id_of(self.object);
        let labels = observed.namespaces.get(&id.namespace);
        let (generation, rules, admission) = match sources.get(&id.to_string()) {
            Some(before) if is_paused(self.object) => {
                (before.generation, before.rules.clone(), Admission::Allowed)
            }
            None if is_paused(self.object) => (0, Vec::new(), Admission::Allowed),
            _ => {
                let admission = self.flaw.map_or(Admission::Allowed, Admission::Invalid);
                (metadata.generation.unwrap_or_default(), self.rules, admission)
            }
        };
        let is_allowed = is_allowed(&key.namespace, &id.namespace, &spec.allowed_policies, labels);
        let admission = if is_allowed { admission } else { Admission::NamespaceNotAllowed };
        let created = metadata.creation_timestamp.as_ref().map(|time| time.0);
        Some(Submission { id, created, generation, rules, admission })
    }
}

/// Whether policies of a namespace count; `labels` are those of the namespace, if they are known.
pub(crate) fn is_allowed(
    kafka_namespace: &str,
    namespace: &str,
    allowed: &AllowedPolicies,
    labels: Option<&BTreeMap<String, String>>,
) -> bool {
    match allowed.namespaces {
        NamespacesFrom::All => true,
        NamespacesFrom::Same => namespace == kafka_namespace,
        NamespacesFrom::Selector => labels.is_some_and(|labels| matches(allowed.selector.as_ref(), labels)),
    }
}

/// A selector that cannot be read, or that is not there, chooses nothing.
fn matches(selector: Option<&LabelSelector>, labels: &BTreeMap<String, String>) -> bool {
    let selector = selector.cloned().and_then(|selector| Selector::try_from(selector).ok());
    selector.is_some_and(|selector| selector.matches(labels))
}
