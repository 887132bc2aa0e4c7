//! What policies of other namespaces than the Kafka cluster's may not decide: they speak for topics of their own, not for
//! the cluster.
//!
//! - `any` is for home alone: it would put every topic that nobody else names under a guest's key, or refuse it.
//! - `encryption: Disabled` says what becomes of topics that the guest's own namespace encrypts or did encrypt. Anywhere else
//!   it would leave clear what somebody else wants encrypted, or stop home from encrypting it. Such a rule has no effect, and
//!   is a warning rather than a mistake: one that has done its work, so that the ledger has forgotten the pattern, must not
//!   turn the rest of its policy into refusals.

use std::collections::BTreeMap;

use operator_api::UnmatchedTopics;
use proxy_config::Pattern;

use super::Candidate;
use super::conflict::{Accepted, Owned};
use crate::policies::claim::Claim;
use crate::policies::pattern_map::PatternMap;
use crate::policies::policy_id::PolicyId;
use crate::policies::program::Treatment;
use crate::policies::submission::Inputs;
use crate::policies::verdict::{Problem, Reason, Warning, WarningKind};

/// Patterns that namespaces want encrypted.
type Encrypted = BTreeMap<String, PatternMap<()>>;

/// Takes away what guests claim beyond their own.
pub(super) fn restrict(candidates: &mut [Candidate<'_>], inputs: &Inputs<'_>) {
    for candidate in candidates.iter_mut().filter(|candidate| is_guest(&candidate.submission.id, inputs)) {
        let is_all = |claim: &Claim| claim.pattern == Pattern::Any && claim.treatment != Treatment::Clear;
        let problems = candidate.without(is_all).iter().map(|claim| all(claim, inputs)).collect();
        candidate.refuse(Reason::Invalid, problems);
    }
    let encrypted = encrypted(candidates);
    for candidate in candidates.iter_mut().filter(|candidate| is_guest(&candidate.submission.id, inputs)) {
        let id = &candidate.submission.id;
        let own = encrypted.get(&id.namespace);
        let is_own = |pattern: &Pattern| {
            own.is_some_and(|own| own.covering(pattern).is_some()) || is_remembered(pattern, id, inputs)
        };
        let void = candidate.without(|claim| claim.treatment == Treatment::Clear && !is_own(&claim.pattern));
        candidate.warnings.extend(void.iter().map(no_effect));
    }
}

/// Takes away what guests would leave clear in somebody else's pattern, since what was to encrypt around it is refused.
pub(super) fn close_holes(candidates: &mut [Candidate<'_>], accepted: &mut Accepted, inputs: &Inputs<'_>) {
    for candidate in candidates.iter_mut().filter(|candidate| candidate.is_accepted()) {
        let id = &candidate.submission.id;
        if !is_guest(id, inputs) {
            continue;
        }
        let void = candidate.without(|claim| {
            claim.treatment == Treatment::Clear && !is_within_own(&claim.pattern, id, accepted, inputs)
        });
        for claim in &void {
            accepted.patterns.remove(&claim.pattern);
        }
        candidate.warnings.extend(void.iter().map(no_effect));
    }
}

/// Whether a rule that leaves a pattern clear does so, too, once the ledger has forgotten it.
pub(super) fn may_forget(
    pattern: &Pattern,
    policy: &PolicyId,
    accepted: &Accepted,
    inputs: &Inputs<'_>,
) -> bool {
    !is_guest(policy, inputs)
        || inputs.unmatched == UnmatchedTopics::Passthrough
        || around(pattern, accepted, inputs).is_some()
}

/// Whether a claim would make a hole in a pattern around it: if that is another's, it has no effect, which is no conflict.
pub(super) fn is_hole(claim: &Claim, policy: &PolicyId, inputs: &Inputs<'_>) -> bool {
    claim.treatment == Treatment::Clear && is_guest(policy, inputs)
}

fn is_guest(policy: &PolicyId, inputs: &Inputs<'_>) -> bool {
    policy.namespace != inputs.kafka_namespace
}

fn encrypted(candidates: &[Candidate<'_>]) -> Encrypted {
    let mut encrypted = Encrypted::new();
    for candidate in candidates.iter().filter(|candidate| candidate.is_accepted()) {
        let own = encrypted.entry(candidate.submission.id.namespace.clone()).or_default();
        let claims = candidate.claims.iter();
        for claim in claims.filter(|claim| matches!(claim.treatment, Treatment::Encrypt(_))) {
            own.insert(claim.pattern.clone(), ());
        }
    }
    encrypted
}

/// Whether the ledger has a pattern, or one around it, for the namespace of a policy.
fn is_remembered(pattern: &Pattern, policy: &PolicyId, inputs: &Inputs<'_>) -> bool {
    let entries = inputs.ledger.entries();
    let wider = entries.wider(pattern).map(|(_, entry)| entry);
    entries.get(pattern).into_iter().chain(wider).any(|entry| entry.policy.namespace == policy.namespace)
}

/// Whether a namespace had a pattern encrypted, or what decides around it is that namespace's.
fn is_within_own(pattern: &Pattern, policy: &PolicyId, accepted: &Accepted, inputs: &Inputs<'_>) -> bool {
    let is_own = |owner: &PolicyId| owner.namespace == policy.namespace;
    match inputs.ledger.entries().get(pattern) {
        Some(entry) => is_own(&entry.policy),
        None => around(pattern, accepted, inputs).is_some_and(is_own),
    }
}

/// Whose the narrowest pattern around this one is that encrypts or did so.
fn around<'a>(pattern: &Pattern, accepted: &'a Accepted, inputs: &Inputs<'a>) -> Option<&'a PolicyId> {
    let encrypts = |owned: &Owned| matches!(owned.treatment, Treatment::Encrypt(_));
    let ruled = accepted.patterns.wider(pattern).find(|(_, owned)| encrypts(owned));
    let ruled = ruled.map(|(wider, owned)| (wider.specificity(), &owned.policy));
    let remembered = inputs.ledger.entries().wider(pattern).next();
    let remembered = remembered.map(|(wider, entry)| (wider.specificity(), &entry.policy));
    ruled.into_iter().chain(remembered).max_by_key(|(specificity, _)| *specificity).map(|(_, policy)| policy)
}

fn all(claim: &Claim, inputs: &Inputs<'_>) -> Problem {
    let message = format!(
        "any is for policies of namespace {}, where the Kafka cluster is: name prefixes of topics instead",
        inputs.kafka_namespace
    );
    Problem { field: claim.field.clone(), message }
}

fn no_effect(claim: &Claim) -> Warning {
    let message = format!(
        "encryption: Disabled has no effect on {}: a policy of another namespace than the Kafka cluster's says so only of \
         topics that its namespace encrypts or did encrypt; remove the pattern",
        claim.pattern
    );
    Warning { kind: WarningKind::NoEffect, field: claim.field.clone(), message }
}

impl Candidate<'_> {
    /// Takes claims out.
    fn without(&mut self, is_void: impl Fn(&Claim) -> bool) -> Vec<Claim> {
        let (void, claims) = std::mem::take(&mut self.claims).into_iter().partition(is_void);
        self.claims = claims;
        void
    }
}
