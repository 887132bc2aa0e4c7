//! Which program proxies are told now: the target at once, or a step that makes every proxy ready for it. Pure.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use proxy_config::KeyStateName;

use crate::names;
use crate::pods::{Phase, Proxy};
use crate::policies::{Ledger, PolicyId, Program, Treatment, first_step, preparation, unchanged};

/// Programs of one cluster that are remembered.
const REMEMBERED: usize = 16;
/// Times are whole seconds, and of several clocks.
const SLACK: SignedDuration = SignedDuration::from_secs(5);

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
    /// Before that, who holds up what comes next.
    pub(crate) behind: Vec<String>,
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

    /// What a proxy has loaded, if that is known.
    pub(crate) fn of(&self, proxy: &Proxy) -> Option<&Arc<Program>> {
        self.by_hash.get(proxy.loaded()?)
    }
}

/// What the decision rests on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Situation<'a> {
    /// What proxies are to be told in the end.
    pub(crate) target: &'a Program,
    /// What the file says now.
    pub(crate) current: Option<&'a Program>,
    /// When it last changed, as far as is known.
    pub(crate) changed: Option<Timestamp>,
    pub(crate) ledger: &'a Ledger,
    pub(crate) fleet: &'a [Proxy],
    pub(crate) told: &'a Told,
}

/// Decides.
pub(crate) fn step(situation: &Situation<'_>) -> Step {
    let Situation { target, current, ledger, .. } = *situation;
    let nothing = Program::default();
    let fallback = current.unwrap_or(&nothing);
    let unknown = unchanged(fallback, target);
    let in_force = situation.in_force(fallback, &unknown);
    let Some(first) = first_step(&in_force, target) else {
        // Keys of the step before count as known once they were tried, whatever came of it.
        if let Some(current) = current.filter(|current| waits(current)) {
            let step = Step::new(current.clone());
            let is_done = |proxy: &Proxy| proxy.phase == Phase::Ending || situation.has_tried(proxy, current);
            if !situation.serving().all(is_done) {
                let behind = situation.behind(&step, is_done);
                return Step { behind, ..step };
            }
        }
        return Step { last: true, ..Step::new(target.clone()) };
    };
    let preparation = current.and_then(|told| preparation(told, &in_force, &first, target, ledger));
    if let Some(preparation) = preparation {
        let step = Step::new(preparation);
        // Whoever ends can follow no more, and goes on as it is until it is gone.
        let behind = situation
            .behind(&step, |proxy| proxy.phase != Phase::Ending && situation.has_tried(proxy, &step.program));
        if !behind.is_empty() {
            return Step { behind, ..step };
        }
    }
    let step = Step::new(first);
    let behind = situation.behind(&step, |_| true);
    Step { behind, ..step }
}

impl Step {
    fn new(program: Program) -> Self {
        let text = program.to_yaml();
        Self { hash: names::sha256(&text), program: Arc::new(program), text, last: false, behind: Vec::new() }
    }
}

impl<'a> Situation<'a> {
    fn serving(&self) -> impl Iterator<Item = &'a Proxy> + use<'a> {
        self.fleet.iter().filter(|proxy| proxy.serves())
    }

    /// All programs that some proxy may run under, the one that was told last behind them; none if no proxy runs.
    fn in_force<'p>(&self, fallback: &'p Program, unknown: &'p Program) -> Vec<&'p Program>
    where
        'a: 'p,
    {
        let mut programs: Vec<&'p Program> = self
            .serving()
            .map(|proxy| match self.told.of(proxy) {
                Some(program) => &**program,
                None if self.will_read_it(proxy) => fallback,
                // Nobody knows what it does. It must not hold up what does not change, though.
                None => unknown,
            })
            .collect();
        if !programs.is_empty() {
            programs.push(fallback);
        }
        programs
    }

    /// Whether a proxy that starts will read what the file says now. Files are put in place once it has a node, and may be
    /// old by the time its image is there.
    fn will_read_it(&self, proxy: &Proxy) -> bool {
        let is_later = |placed: Timestamp| {
            let settled = self.changed.and_then(|changed| changed.checked_add(SLACK).ok());
            settled.is_some_and(|settled| placed > settled)
        };
        matches!(proxy.phase, Phase::Starting(_)) && proxy.placed.is_none_or(is_later)
    }

    /// Whether it has tried the keys that the target needs and this program tells of.
    fn has_tried(&self, proxy: &Proxy, program: &Program) -> bool {
        let Ok(report) = &proxy.report else { return matches!(proxy.phase, Phase::Starting(_)) };
        let (known, needed) = (program.keys(), self.target.keys());
        known.intersection(&needed).all(|key| {
            report.keys.iter().any(|tried| {
                tried.provider == key.provider.to_string()
                    && tried.key == key.name.to_string()
                    && tried.state != KeyStateName::Unknown
            })
        })
    }

    /// The proxies that have not loaded a step or are not done with it, with what holds each up.
    fn behind(&self, step: &Step, is_done: impl Fn(&Proxy) -> bool) -> Vec<String> {
        let behind = self.serving().filter(|proxy| {
            let loaded = proxy.loaded() == Some(&step.hash) || self.will_read_it(proxy);
            !(loaded && is_done(proxy))
        });
        behind.map(|proxy| format!("pod {}{}", proxy.name, why_behind(proxy, Some(step)))).collect()
    }
}

/// What holds a proxy up, in words that follow its name.
pub(crate) fn why_behind(proxy: &Proxy, step: Option<&Step>) -> String {
    match (&proxy.phase, &proxy.report) {
        (Phase::Ending, _) => " is ending, and takes up nothing new".to_owned(),
        (_, Err(why)) => format!(": {why}"),
        (_, Ok(report)) => match &report.policy_error {
            Some(error) => format!(" refuses its files: {error}"),
            None if step.is_some_and(|step| proxy.loaded() == Some(&step.hash)) => {
                " has not tried its keys yet".to_owned()
            }
            None => " has not loaded it yet".to_owned(),
        },
    }
}

fn waits(program: &Program) -> bool {
    !program.read_keys().is_empty()
        || program.rules().any(|rule| matches!(rule.treatment, Treatment::Pending { .. }))
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
