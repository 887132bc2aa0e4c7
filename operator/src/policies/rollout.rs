//! The steps in which proxies learn a new program, since they learn it one after another.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use operator_api::UnmatchedTopics;
use proxy_config::{KeyRef, Pattern};

use super::ledger::Ledger;
use super::pattern_map::PatternMap;
use super::program::{Encrypt, MergedRule, Program, Treatment};

/// What proxies must be told before they are told the target; `None` if they can be told at once.
///
/// `in_force` are all programs that some proxy may still run under, the newest last: usually the one that was told last, and
/// nothing if no proxy runs. Once every proxy has loaded the first step and tried its keys, a call with that alone yields
/// `None`.
///
/// In the first step, a topic that the target encrypts
/// - is encrypted as before, where every program in force encrypts it and only the key is new;
/// - is as in the target, where none in force leaves it clear and all know the key;
/// - else waits ([`Treatment::Pending`]), so that no proxy writes it in clear when the first one encrypts.
///
/// All other topics are as in the target. Keys of the target that no rule of the first step names are in its
/// [`read_keys`](Program::read_keys), so that every proxy can read what the first one writes.
pub fn first_step(in_force: &[&Program], target: &Program) -> Option<Program> {
    let known = common_keys(in_force)?;
    // Among these patterns is every one that decides, in any of the programs. So topics that have the same one as their
    // narrowest are treated alike by each program, and it is enough to ask once for each pattern.
    let patterns = all_patterns(in_force.iter().copied().chain([target]));
    let mut rules = PatternMap::default();
    let mut differs = false;
    for pattern in patterns {
        let Some(goal) = target.patterns().covering(&pattern) else { continue };
        let treatment = meanwhile(in_force, &pattern, &goal.treatment, &known);
        differs |= treatment != goal.treatment;
        let source = goal.source.clone();
        rules.insert(pattern.clone(), MergedRule { pattern, treatment, source });
    }
    differs.then(|| step(&rules, target))
}

/// What proxies must be told before a first step that makes topics wait; `None` if that makes none wait that do not wait yet.
///
/// Whatever the target encrypts goes on as it was told last, and proxies try the keys. So writes wait only once every proxy is
/// known to follow, and not for as long as one cannot. A topic stays clear only where it rightly is: no program in force
/// encrypts it, and the ledger knows nothing of it, or something wider than the rule that says so.
pub fn preparation(
    told: &Program,
    in_force: &[&Program],
    first: &Program,
    target: &Program,
    ledger: &Ledger,
) -> Option<Program> {
    let mut rules = PatternMap::default();
    let mut spared = false;
    for pattern in all_patterns(in_force.iter().copied().chain([told, target])) {
        let Some(goal) = target.patterns().covering(&pattern) else { continue };
        let next = treatment(first, &pattern);
        let goes_on =
            matches!(goal.treatment, Treatment::Encrypt(_)) && may_go_on(told, in_force, ledger, &pattern);
        let treatment = if goes_on { treatment(told, &pattern) } else { next.clone() };
        spared |= matches!(next, Treatment::Pending { .. }) && treatment != next;
        let source = goal.source.clone();
        rules.insert(pattern.clone(), MergedRule { pattern, treatment, source });
    }
    spared.then(|| step(&rules, target))
}

/// Whether topics may be treated for a while longer as they are now.
fn may_go_on(told: &Program, in_force: &[&Program], ledger: &Ledger, pattern: &Pattern) -> bool {
    match treatment(told, pattern) {
        Treatment::Encrypt(_) | Treatment::Retired { .. } => true,
        Treatment::Pending { .. } => false,
        Treatment::Clear => {
            let is_secret =
                |treatment| matches!(treatment, Treatment::Encrypt(_) | Treatment::Pending { .. });
            let cleared = told.patterns().covering(pattern).map(|rule| rule.pattern.specificity());
            let secret = ledger.covering(pattern).map(|pattern| pattern.specificity());
            (secret.is_none() || secret < cleared)
                && !in_force.iter().any(|program| is_secret(treatment(program, pattern)))
        }
    }
}

/// What a program does to the topics of a pattern, as far as nothing narrower decides.
fn treatment(program: &Program, pattern: &Pattern) -> Treatment {
    match program.patterns().covering(pattern) {
        Some(rule) => rule.treatment.clone(),
        None if program.is_clear(pattern) => Treatment::Clear,
        None => Treatment::retired(None),
    }
}

fn all_patterns<'a>(programs: impl Iterator<Item = &'a Program>) -> BTreeSet<Pattern> {
    programs.flat_map(|program| program.rules().map(|rule| rule.pattern.clone())).collect()
}

/// A step on the way to a target: these rules, and all its keys.
fn step(rules: &PatternMap<MergedRule>, target: &Program) -> Program {
    let step = Program::new(target.unmatched(), needed(rules, target));
    let read_keys = target.keys().difference(&step.keys()).cloned().collect();
    let step = step.with_read_keys(read_keys).with_rotations(target.rotations().clone());
    let step = match target.known_keys() {
        Some(known) => step.with_known_keys(known),
        None => step,
    };
    step.with_history(target.history())
}

/// The least that a proxy of unknown state does, given what was told last: whatever the target leaves as it is was told only
/// when every proxy was ready for it, and anything else may be clear there.
#[must_use]
pub fn unchanged(told: &Program, target: &Program) -> Program {
    let patterns: BTreeSet<&Pattern> = told.rules().chain(target.rules()).map(|rule| &rule.pattern).collect();
    let rules = patterns.into_iter().map(|pattern| {
        let [now, goal] = [told, target]
            .map(|program| program.patterns().covering(pattern).map(|rule| rule.treatment.clone()));
        let treatment = if now == goal { goal } else { None };
        MergedRule {
            pattern: pattern.clone(),
            treatment: treatment.unwrap_or(Treatment::Clear),
            source: None,
        }
    });
    Program::new(UnmatchedTopics::Passthrough, rules)
}

/// The keys that all of these programs try; `None` if there is no program.
fn common_keys(programs: &[&Program]) -> Option<BTreeSet<KeyRef>> {
    let keys = programs.iter().map(|program| program.keys());
    keys.reduce(|common, keys| common.intersection(&keys).cloned().collect())
}

/// How topics are treated until every proxy is ready for the goal.
fn meanwhile(
    in_force: &[&Program],
    pattern: &Pattern,
    goal: &Treatment,
    known: &BTreeSet<KeyRef>,
) -> Treatment {
    let Treatment::Encrypt(Encrypt { key, legacy, .. }) = goal else { return goal.clone() };
    let now = |program: &Program| program.patterns().covering(pattern).map(|rule| rule.treatment.clone());
    if known.contains(key) && !in_force.iter().any(|program| program.is_clear(pattern)) {
        return goal.clone();
    }
    let encrypted = in_force.iter().all(|program| matches!(now(program), Some(Treatment::Encrypt(_))));
    match in_force.last().and_then(|program| now(program)) {
        Some(Treatment::Encrypt(encrypt)) if encrypted && known.contains(&encrypt.key) => {
            Treatment::Encrypt(encrypt)
        }
        _ => Treatment::Pending { key: key.clone(), legacy: legacy.clone() },
    }
}

/// The rules without those that only older programs have and that change nothing.
fn needed(rules: &PatternMap<MergedRule>, target: &Program) -> Vec<MergedRule> {
    let is_needed = |pattern: &Pattern, rule: &MergedRule| {
        target.patterns().get(pattern).is_some()
            || rules.wider(pattern).next().is_none_or(|(_, wider)| wider.treatment != rule.treatment)
    };
    rules.iter().filter(|(pattern, rule)| is_needed(pattern, rule)).map(|(_, rule)| rule.clone()).collect()
}
