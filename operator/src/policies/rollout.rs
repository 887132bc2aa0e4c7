//! The two steps in which proxies learn a new program, since they learn it one after another.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use operator_api::UnmatchedTopics;
use proxy_config::{KeyRef, Pattern};

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
    let programs = in_force.iter().copied().chain([target]);
    let patterns: BTreeSet<Pattern> =
        programs.flat_map(|program| program.rules().map(|rule| rule.pattern.clone())).collect();
    let mut rules = PatternMap::default();
    let mut differs = false;
    for pattern in patterns {
        let Some(goal) = target.patterns().covering(&pattern) else { continue };
        let treatment = meanwhile(in_force, &pattern, &goal.treatment, &known);
        differs |= treatment != goal.treatment;
        let source = goal.source.clone();
        rules.insert(pattern.clone(), MergedRule { pattern, treatment, source });
    }
    if !differs {
        return None;
    }
    let step = Program::new(target.unmatched(), needed(&rules, target));
    let read_keys = target.keys().difference(&step.keys()).cloned().collect();
    Some(step.with_read_keys(read_keys))
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
    let Treatment::Encrypt(Encrypt { key, .. }) = goal else { return goal.clone() };
    let now = |program: &Program| program.patterns().covering(pattern).map(|rule| rule.treatment.clone());
    let is_clear = |program: &&Program| match now(program) {
        None => program.unmatched() == UnmatchedTopics::Passthrough,
        Some(Treatment::Clear) => true,
        Some(Treatment::Encrypt(_) | Treatment::Pending { .. } | Treatment::Retired { .. }) => false,
    };
    if known.contains(key) && !in_force.iter().any(is_clear) {
        return goal.clone();
    }
    let encrypted = in_force.iter().all(|program| matches!(now(program), Some(Treatment::Encrypt(_))));
    match in_force.last().and_then(|program| now(program)) {
        Some(Treatment::Encrypt(encrypt)) if encrypted && known.contains(&encrypt.key) => {
            Treatment::Encrypt(encrypt)
        }
        _ => Treatment::Pending { key: key.clone() },
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
