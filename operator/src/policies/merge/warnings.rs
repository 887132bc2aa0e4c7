//! What may not be meant so, seen from all policies together.

use std::collections::BTreeMap;

use proxy_config::Pattern;

use super::Candidate;
use crate::policies::claim::Claim;
use crate::policies::policy_id::PolicyId;
use crate::policies::program::{Program, Treatment};
use crate::policies::reach::can_win;
use crate::policies::verdict::{Warning, WarningKind};

/// More patterns than help.
const MOST_NAMED: usize = 3;

/// Adds to a policy's warnings. One that is refused has worse than warnings.
pub(super) fn add(candidate: &mut Candidate<'_>, program: &Program) {
    if !candidate.is_accepted() {
        candidate.warnings.clear();
        return;
    }
    let mut by_rule: BTreeMap<usize, Vec<&Claim>> = BTreeMap::new();
    for claim in &candidate.claims {
        by_rule.entry(claim.rule).or_default().push(claim);
    }
    for (rule, claims) in by_rule {
        if !claims.iter().any(|claim| can_win(program.patterns(), &claim.pattern)) {
            candidate.warnings.push(Warning {
                kind: WarningKind::ShadowedRule,
                field: format!("rules[{rule}]"),
                message: "never applies, since narrower patterns take all of its topics".to_owned(),
            });
        }
    }
    candidate.warnings.extend(candidate.claims.iter().filter_map(catch_all));
    let id = &candidate.submission.id;
    candidate.warnings.extend(candidate.claims.iter().filter_map(|claim| overlap(claim, id, program)));
    let still_retired = candidate.claims.iter().filter_map(|claim| still_retired(claim, program));
    candidate.warnings.extend(still_retired);
}

/// It takes topics that do not exist yet, of whomever they will be.
fn catch_all(claim: &Claim) -> Option<Warning> {
    let becomes = if claim.treatment == Treatment::Clear { "stays in clear" } else { "is encrypted" };
    (claim.pattern == Pattern::Any).then(|| Warning {
        kind: WarningKind::CatchAll,
        field: claim.field.clone(),
        message: format!(
            "every topic that no narrower pattern is for {becomes}, those of other applications and future ones too: name \
             prefixes, if that is not meant"
        ),
    })
}

/// Whoever reads the wider policy alone is mistaken about these topics. That `any` is wider needs no telling.
fn overlap(claim: &Claim, id: &PolicyId, program: &Program) -> Option<Warning> {
    let (wider, rule) = program.patterns().wider(&claim.pattern).next()?;
    let owner = rule.source.as_ref().filter(|owner| *owner != id && owner.namespace == id.namespace)?;
    if wider == Pattern::Any || matches!(rule.treatment, Treatment::Retired { .. }) {
        return None;
    }
    let message = format!(
        "{} lies within {wider} of policy {owner}, which does not count for these topics: keep them in one policy, if that \
         is not meant",
        claim.pattern
    );
    Some(Warning { kind: WarningKind::OverlappingPolicies, field: claim.field.clone(), message })
}

fn still_retired(claim: &Claim, program: &Program) -> Option<Warning> {
    if claim.treatment != Treatment::Clear {
        return None;
    }
    let narrower = program.patterns().narrower(&claim.pattern);
    let retired: Vec<_> = narrower
        .filter(|(_, rule)| matches!(rule.treatment, Treatment::Retired { .. }))
        .map(|(pattern, _)| pattern.to_string())
        .collect();
    if retired.is_empty() {
        return None;
    }
    let named = retired.iter().take(MOST_NAMED).cloned().collect::<Vec<_>>().join(", ");
    let more = match retired.len().saturating_sub(MOST_NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let message = format!(
        "{} does not clear topics of {named}{more}, since they were encrypted by narrower patterns: name these patterns, \
         if they are to be clear",
        claim.pattern
    );
    Some(Warning { kind: WarningKind::StillRetired, field: claim.field.clone(), message })
}
