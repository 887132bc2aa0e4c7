//! What a policy of a namespace that is not allowed is told: that, and nothing of the Kafka cluster, not even whether there is
//! one. Anybody may write a policy in a namespace of their own.

use jiff::Timestamp;
use kube::ResourceExt;
use operator_api::{TopicEncryptionPolicy, TopicEncryptionPolicyStatus};

use super::conditions::{conditions, finding};
use super::findings::Facts;
use super::policy::not_ready;
use super::{Error, put};
use crate::cluster::KafkaKey;
use crate::controller::reconcile::Context;
use crate::controller::validate::is_allowed;
use crate::policies::namespace_not_allowed;

/// So many are told in one pass, so that a flood of them keeps nothing from others.
const MOST_WRITTEN: usize = 64;

impl Facts<'_> {
    /// Whether the namespace of an object does not count for the cluster, also while the object is being deleted.
    pub(super) fn is_strange(&self, object: &impl ResourceExt) -> bool {
        let namespace = object.namespace().unwrap_or_default();
        let labels = self.observed.namespaces.get(&namespace);
        !is_allowed(&self.key.namespace, &namespace, &self.judgement.spec.allowed_policies, labels)
    }
}

/// Tells those that are not told yet. Says whether that is all of them.
pub(super) async fn write(context: &Context, facts: &Facts<'_>, now: Timestamp) -> Result<bool, Error> {
    let strangers = facts.observed.policies.iter().filter(|each| facts.is_strange(*each));
    let told = strangers.filter_map(|policy| {
        let before = policy.status.clone().unwrap_or_default();
        let after = status(facts.key, policy, &before, now);
        (after != before).then_some((policy, after))
    });
    let told: Vec<_> = told.take(MOST_WRITTEN + 1).collect();
    let mut outcome = Ok(told.len() <= MOST_WRITTEN);
    for (policy, after) in told.into_iter().take(MOST_WRITTEN) {
        outcome = put(context, policy, after).await.and(outcome);
    }
    outcome
}

pub(super) fn status(
    key: &KafkaKey,
    policy: &TopicEncryptionPolicy,
    before: &TopicEncryptionPolicyStatus,
    now: Timestamp,
) -> TopicEncryptionPolicyStatus {
    const REASON: &str = "NamespaceNotAllowed";
    let generation = policy.metadata.generation;
    let problem = namespace_not_allowed(&policy.namespace().unwrap_or_default(), &key.namespace);
    let accepted = finding("Accepted", false, REASON, problem.to_string());
    let message = "proxies are told nothing of a policy that is not accepted";
    let mut findings = vec![accepted.clone(), finding("Programmed", false, "NotAccepted", message)];
    findings.extend(not_ready(&accepted, "Stalled"));
    TopicEncryptionPolicyStatus {
        observed_generation: generation,
        conditions: conditions(&findings, &before.conditions, generation, now),
        ..TopicEncryptionPolicyStatus::default()
    }
}
