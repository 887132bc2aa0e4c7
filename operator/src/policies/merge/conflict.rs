//! Patterns that belong to somebody else.

use proxy_config::Pattern;

use super::{Candidate, guests};
use crate::policies::claim::Claim;
use crate::policies::pattern_map::PatternMap;
use crate::policies::policy_id::PolicyId;
use crate::policies::program::Treatment;
use crate::policies::submission::Inputs;
use crate::policies::verdict::Problem;

/// The patterns of the policies in force.
#[derive(Debug, Default)]
pub(super) struct Accepted {
    pub(super) patterns: PatternMap<Owned>,
}

/// Whose a pattern is, and what happens to its topics.
#[derive(Debug)]
pub(super) struct Owned {
    pub(super) policy: PolicyId,
    pub(super) treatment: Treatment,
}

/// What a policy claims of what the ledger remembers for others.
pub(super) fn conflicts_with_ledger(
    candidate: &Candidate<'_>,
    all: &[Candidate<'_>],
    inputs: &Inputs<'_>,
) -> Vec<Problem> {
    let ledger = inputs.ledger;
    let id = &candidate.submission.id;
    let conflict = |claim: &Claim| {
        let pattern = &claim.pattern;
        if let Some(entry) = ledger.entries().get(pattern) {
            let owner = &entry.policy;
            return if owner != id && names(all, owner, pattern) {
                Some(same(claim, owner, "as the one that encrypted it last"))
            } else if owner.namespace == id.namespace {
                None
            } else {
                Some(remembered(claim, pattern, owner))
            };
        }
        if guests::is_hole(claim, id, inputs) {
            return None;
        }
        // Within its own, a namespace may do as it likes, also where somebody has put a wider pattern around.
        let narrowest = ledger.entries().wider(pattern).next();
        let (wider, entry) = narrowest.filter(|(_, entry)| entry.policy.namespace != id.namespace)?;
        Some(if names(all, &entry.policy, &wider) {
            within(claim, &wider, &entry.policy)
        } else {
            remembered(claim, &wider, &entry.policy)
        })
    };
    candidate.claims.iter().filter_map(conflict).collect()
}

impl Accepted {
    /// What a policy claims of what belongs to older policies.
    pub(super) fn conflicts(&self, candidate: &Candidate<'_>, inputs: &Inputs<'_>) -> Vec<Problem> {
        let conflict = |claim: &Claim| self.conflict(claim, &candidate.submission.id, inputs);
        candidate.claims.iter().filter_map(conflict).collect()
    }

    pub(super) fn add(&mut self, candidate: &Candidate<'_>) {
        for Claim { pattern, treatment, .. } in &candidate.claims {
            let policy = candidate.submission.id.clone();
            self.patterns.insert(pattern.clone(), Owned { policy, treatment: treatment.clone() });
        }
    }

    fn conflict(&self, claim: &Claim, id: &PolicyId, inputs: &Inputs<'_>) -> Option<Problem> {
        let Inputs { ledger, kafka_namespace: home, .. } = inputs;
        let pattern = &claim.pattern;
        let remembered = |pattern: &Pattern, policy: &PolicyId| {
            ledger.entries().get(pattern).is_some_and(|entry| entry.policy.namespace == policy.namespace)
        };
        if let Some(owned) = self.patterns.get(pattern) {
            // Where the ledger remembers an owner, that has been said already.
            let said = ledger.entries().get(pattern).is_some_and(|entry| entry.policy == owned.policy);
            return (!said).then(|| same(claim, &owned.policy, "as the older one"));
        }
        if remembered(pattern, id) {
            return None;
        }
        if guests::is_hole(claim, id, inputs) {
            return None;
        }
        let foreign = |owned: &Owned| owned.policy.namespace != id.namespace;
        let own = ledger.entries().wider(pattern).find(|(_, entry)| entry.policy.namespace == id.namespace);
        let own = own.map(|(own, _)| own.specificity());
        // Where the ledger remembers the wider pattern, that has been said already, too.
        let narrowest = self.patterns.wider(pattern).next();
        let mut wider = narrowest.into_iter().filter(|(wider, owned)| {
            foreign(owned)
                && Some(wider.specificity()) > own
                && ledger.entries().get(wider).is_none_or(|entry| entry.policy.namespace == id.namespace)
        });
        if let Some((wider, owned)) = wider.next() {
            return Some(within(claim, &wider, &owned.policy));
        }
        if claim.treatment == Treatment::Clear {
            return None;
        }
        // What a guest keeps clear lies within what it encrypts itself, which decides rather than anything around it.
        let mut narrower = self.patterns.narrower(pattern);
        let (narrow, owned) = narrower.find(|(narrow, owned)| {
            foreign(owned)
                && owned.policy.namespace == *home
                && owned.treatment == Treatment::Clear
                && !remembered(narrow, &owned.policy)
        })?;
        let message = format!(
            "{pattern} contains {narrow}, which the older policy {} of another namespace keeps clear: \
             exclude these topics by narrower patterns, or have that rule removed",
            owned.policy
        );
        Some(Problem { field: claim.field.clone(), message })
    }
}

/// Whether a policy is there and names a pattern, whatever else is wrong with it.
fn names(all: &[Candidate<'_>], policy: &PolicyId, pattern: &Pattern) -> bool {
    let mut named = all.iter().filter(|candidate| candidate.submission.id == *policy);
    named.any(|candidate| candidate.claims.iter().any(|claim| claim.pattern == *pattern))
}

fn same(claim: &Claim, owner: &PolicyId, why: &str) -> Problem {
    let pattern = &claim.pattern;
    let message = format!(
        "{pattern} belongs to policy {owner}, {why}: remove the pattern here or, to hand it over, first remove it there"
    );
    Problem { field: claim.field.clone(), message }
}

fn within(claim: &Claim, wider: &Pattern, owner: &PolicyId) -> Problem {
    let message = format!(
        "{} lies within {wider}, which belongs to policy {owner} of another namespace: remove the pattern here, and \
         have the rule made there",
        claim.pattern
    );
    Problem { field: claim.field.clone(), message }
}

fn remembered(claim: &Claim, held: &Pattern, owner: &PolicyId) -> Problem {
    let lies = if claim.pattern == *held { "" } else { " lies within a pattern that" };
    let message = format!(
        "{}{lies} was encrypted by policy {owner} ({held}), and only policies of namespace {} say what becomes of it: \
         remove the pattern here, or release it by a rule there with encryption: Disabled",
        claim.pattern, owner.namespace
    );
    Problem { field: claim.field.clone(), message }
}
