//! Which program proxies are told now: the target at once, or a first step that makes every proxy ready for it. Pure.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use proxy_config::KeyRef;

use crate::names;
use crate::pods::{Phase, Proxy};
use crate::policies::{PolicyId, Program, Treatment, first_step, unchanged};

/// Programs of one cluster that are remembered.
const REMEMBERED: usize = 16;

/// Programs that proxies were told, by the hash that they report.
#[derive(Debug, Clone, Default)]
pub(crate) struct Told {
    by_hash: BTreeMap<String, Arc<Program>>,
    order: VecDeque<String>,
}

/// What proxies are told now.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    /// The program.
    pub(crate) program: Arc<Program>,
    /// The text of its file.
    pub(crate) text: String,
    /// The hash of the text, as proxies report it.
    pub(crate) hash: String,
    /// Whether this is the target.
    pub(crate) last: bool,
}

impl Told {
    /// Remembers a program.
    pub(crate) fn remember(&mut self, hash: &str, program: &Arc<Program>) {
        self.by_hash.insert(hash.to_owned(), program.clone());
        self.order.retain(|known| known != hash);
        self.order.push_back(hash.to_owned());
        while self.order.len() > REMEMBERED {
            if let Some(oldest) = self.order.pop_front() {
                self.by_hash.remove(&oldest);
            }
        }
    }

    /// Remembers a program that was read from a file, where nothing better is known.
    pub(crate) fn learn(&mut self, hash: &str, program: &Arc<Program>) {
        if !self.by_hash.contains_key(hash) {
            self.remember(hash, program);
        }
    }

    fn of(&self, proxy: &Proxy) -> Option<&Arc<Program>> {
        self.by_hash.get(proxy.loaded()?)
    }
}

/// Decides. `current` is what the file says now.
pub(crate) fn step(target: &Program, current: Option<&Program>, fleet: &[Proxy], told: &Told) -> Step {
    let nothing = Program::default();
    let fallback = current.unwrap_or(&nothing);
    let unknown = unchanged(fallback, target);
    let serving: Vec<_> = fleet.iter().filter(|proxy| proxy.serves()).collect();
    let mut in_force: Vec<&Program> = serving
        .iter()
        .map(|proxy| match (told.of(proxy), &proxy.phase) {
            (Some(program), _) => &**program,
            // It reads the file when it starts.
            (None, Phase::Starting(_)) => fallback,
            // Nobody knows what it does. It must not hold up what does not change, though.
            (None, _) => &unknown,
        })
        .collect();
    if !serving.is_empty() {
        in_force.push(fallback);
    }
    let first = first_step(&in_force, target);
    // Keys of the first step count as known once they were tried, whatever came of it.
    let untried = current.filter(|current| waits(current)).is_some_and(|current| {
        let keys = current.keys().intersection(&target.keys()).cloned().collect();
        first.is_none()
            && serving.iter().any(|proxy| proxy.phase != Phase::Ending && !has_tried(proxy, &keys))
    });
    match (first, current) {
        (Some(first), _) => told_now(first, false),
        (None, Some(current)) if untried => told_now(current.clone(), false),
        (None, _) => told_now(target.clone(), true),
    }
}

fn waits(program: &Program) -> bool {
    !program.read_keys().is_empty()
        || program.rules().any(|rule| matches!(rule.treatment, Treatment::Pending { .. }))
}

fn has_tried(proxy: &Proxy, keys: &BTreeSet<KeyRef>) -> bool {
    let Ok(report) = &proxy.report else { return matches!(proxy.phase, Phase::Starting(_)) };
    keys.iter().all(|key| {
        report.keys.iter().any(|known| {
            known.provider == key.provider.to_string()
                && known.key == key.name.to_string()
                && known.state != "Unknown"
        })
    })
}

fn told_now(program: Program, last: bool) -> Step {
    let text = program.to_yaml();
    Step { hash: names::sha256(&text), program: Arc::new(program), text, last }
}

/// Whether a proxy has loaded all that a program says of a policy.
pub(crate) fn has_loaded(proxy: &Proxy, told: &Told, program: &Program, policy: &PolicyId) -> bool {
    told.of(proxy).is_some_and(|loaded| says(loaded, program, policy))
}

/// Whether a program says all that another one says of a policy.
pub(crate) fn says(program: &Program, other: &Program, policy: &PolicyId) -> bool {
    rules_of(program, policy) == rules_of(other, policy)
}

fn rules_of<'a>(program: &'a Program, policy: &PolicyId) -> Vec<(String, &'a Treatment)> {
    program
        .rules()
        .filter(|rule| rule.source.as_ref() == Some(policy))
        .map(|rule| (rule.pattern.to_string(), &rule.treatment))
        .collect()
}

#[cfg(test)]
mod tests;
