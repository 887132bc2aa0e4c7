//! All policies of one Kafka cluster made one. See [the parent module](super) for who wins.

mod conflict;
mod guests;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
mod warnings;

use std::collections::{BTreeMap, BTreeSet};

use proxy_config::Pattern;

use self::conflict::{Accepted, conflicts_with_ledger};
use super::claim::{Claim, PolicyReading};
use super::pattern_map::PatternMap;
use super::policy_id::PolicyId;
use super::program::{MergedRule, Program, Treatment};
use super::submission::{Admission, Inputs, Submission};
use super::verdict::{Problem, Reason, Verdict, Warning};

/// What the policies come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    /// What proxies are to be told.
    pub program: Program,
    /// What became of each policy.
    pub verdicts: BTreeMap<PolicyId, Verdict>,
    /// Patterns that the ledger forgets once every proxy has loaded the program.
    pub cleared: BTreeSet<Pattern>,
}

/// A policy on its way to a verdict.
#[derive(Debug)]
struct Candidate<'a> {
    submission: &'a Submission,
    claims: Vec<Claim>,
    reason: Reason,
    problems: Vec<Problem>,
    warnings: Vec<Warning>,
}

/// Joins all policies. The order of the submissions does not matter.
pub fn merge(inputs: &Inputs<'_>) -> Merged {
    let mut candidates: Vec<_> =
        inputs.submissions.iter().map(|submission| Candidate::new(submission, inputs)).collect();
    candidates.sort_by_key(|candidate| {
        let Submission { id, created, .. } = candidate.submission;
        (created.is_none(), *created, id)
    });
    guests::restrict(&mut candidates, inputs);
    let conflicts: Vec<_> =
        candidates.iter().map(|candidate| conflicts_with_ledger(candidate, &candidates, inputs)).collect();
    let mut accepted = Accepted::default();
    for (candidate, conflicts) in candidates.iter_mut().zip(conflicts) {
        let conflicts = [conflicts, accepted.conflicts(candidate, inputs)].concat();
        candidate.refuse(Reason::Conflicted, conflicts);
        if candidate.is_accepted() {
            accepted.add(candidate);
        }
    }
    guests::close_holes(&mut candidates, &mut accepted, inputs);
    let program = Program::new(inputs.unmatched, rules(&candidates, &accepted, inputs));
    let cleared = cleared(&accepted, inputs);
    for candidate in &mut candidates {
        warnings::add(candidate, &program);
    }
    let verdicts = candidates.into_iter().map(|candidate| candidate.verdict(&program)).collect();
    Merged { program, verdicts, cleared }
}

/// One rule for each pattern: those in force, then what they leave of the ledger, then what is refused.
fn rules(candidates: &[Candidate<'_>], accepted: &Accepted, inputs: &Inputs<'_>) -> Vec<MergedRule> {
    let mut rules = PatternMap::default();
    for (pattern, owned) in accepted.patterns.iter() {
        let rule = MergedRule {
            pattern: pattern.clone(),
            treatment: owned.treatment.clone(),
            source: Some(owned.policy.clone()),
        };
        rules.insert(pattern, rule);
    }
    for (pattern, entry) in inputs.ledger.entries().iter() {
        if rules.get(&pattern).is_none() {
            let treatment = Treatment::retired(Some(entry.key.clone()));
            let source = Some(entry.policy.clone());
            rules.insert(pattern.clone(), MergedRule { pattern, treatment, source });
        }
    }
    for candidate in candidates.iter().filter(|candidate| candidate.is_refused()) {
        for claim in &candidate.claims {
            if let Some(treatment) = refused(&claim.treatment)
                && rules.get(&claim.pattern).is_none()
                && !is_foreign(&claim.pattern, &candidate.submission.id, accepted, inputs)
            {
                let source = Some(candidate.submission.id.clone());
                let pattern = claim.pattern.clone();
                rules.insert(pattern.clone(), MergedRule { pattern, treatment, source });
            }
        }
    }
    rules.values().cloned().collect()
}

/// What happens to topics of a refused rule; nothing where it wanted them clear.
fn refused(treatment: &Treatment) -> Option<Treatment> {
    match treatment {
        Treatment::Encrypt(encrypt) => Some(Treatment::retired(Some(encrypt.key.clone()))),
        Treatment::Pending { key, .. } => Some(Treatment::retired(Some(key.clone()))),
        Treatment::Retired { key, .. } => Some(Treatment::retired(key.clone())),
        Treatment::Clear => None,
    }
}

/// Whether a pattern lies within one of another namespace, in force or remembered.
fn is_foreign(pattern: &Pattern, policy: &PolicyId, accepted: &Accepted, inputs: &Inputs<'_>) -> bool {
    let foreign = |owner: &PolicyId| owner.namespace != policy.namespace;
    accepted.patterns.wider(pattern).any(|(_, owned)| foreign(&owned.policy))
        || inputs.ledger.entries().wider(pattern).any(|(_, entry)| foreign(&entry.policy))
}

fn cleared(accepted: &Accepted, inputs: &Inputs<'_>) -> BTreeSet<Pattern> {
    let clear = accepted.patterns.iter().filter(|(pattern, owned)| {
        owned.treatment == Treatment::Clear
            && inputs.ledger.entries().get(pattern).is_some()
            // Otherwise the owner, no longer remembered as the first, would next be in conflict.
            && !is_foreign(pattern, &owned.policy, accepted, inputs)
            && guests::may_forget(pattern, &owned.policy, accepted, inputs)
    });
    clear.map(|(pattern, _)| pattern).collect()
}

/// Why a policy does not count: the same whatever there is in the namespace of the Kafka cluster.
pub fn namespace_not_allowed(namespace: &str, kafka_namespace: &str) -> Problem {
    let message = format!(
        "policies of namespace {namespace} do not count for this Kafka cluster: the EncryptionProxy in namespace \
         {kafka_namespace} must allow it in allowedPolicies.namespaces"
    );
    Problem { field: "kafkaRef.namespace".to_owned(), message }
}

impl<'a> Candidate<'a> {
    fn new(submission: &'a Submission, inputs: &Inputs<'_>) -> Self {
        let PolicyReading { claims, problems, warnings } =
            PolicyReading::read(&submission.rules, inputs.providers);
        let mut candidate =
            Self { submission, claims, reason: Reason::Accepted, problems: Vec::new(), warnings };
        match &submission.admission {
            Admission::Allowed => {}
            Admission::NamespaceNotAllowed => {
                candidate.claims.clear();
                candidate.warnings.clear();
                let problem = namespace_not_allowed(&submission.id.namespace, inputs.kafka_namespace);
                candidate.refuse(Reason::NamespaceNotAllowed, vec![problem]);
            }
            Admission::TooLarge(reason) => {
                candidate.claims.clear();
                candidate.warnings.clear();
                let problem = Problem { field: "rules".to_owned(), message: reason.clone() };
                candidate.refuse(Reason::Invalid, vec![problem]);
                return candidate;
            }
            Admission::Invalid(reason) => {
                let problem = Problem { field: String::new(), message: reason.clone() };
                candidate.refuse(Reason::Invalid, vec![problem]);
            }
        }
        candidate.refuse(Reason::Invalid, problems);
        candidate
    }

    /// Takes note of problems, of which those of the first kind count.
    fn refuse(&mut self, reason: Reason, problems: Vec<Problem>) {
        if problems.is_empty() {
            return;
        }
        if self.reason == Reason::Accepted {
            self.reason = reason;
        }
        if self.reason == reason {
            self.problems.extend(problems);
        }
    }

    fn is_accepted(&self) -> bool {
        self.reason == Reason::Accepted
    }

    /// Whether its topics are refused, rather than it having no effect at all.
    fn is_refused(&self) -> bool {
        matches!(self.reason, Reason::Conflicted | Reason::Invalid)
    }

    fn verdict(self, program: &Program) -> (PolicyId, Verdict) {
        let Self { submission, claims, reason, problems, warnings } = self;
        let in_force: BTreeSet<_> = claims
            .iter()
            .filter(|claim| {
                let rule = program.patterns().get(&claim.pattern);
                reason == Reason::Accepted
                    && rule.is_some_and(|rule| rule.source.as_ref() == Some(&submission.id))
            })
            .map(|claim| claim.rule)
            .collect();
        let verdict =
            Verdict { reason, generation: submission.generation, problems, warnings, rules: in_force.len() };
        (submission.id.clone(), verdict)
    }
}
