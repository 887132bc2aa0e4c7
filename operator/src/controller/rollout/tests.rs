//! Which program proxies are told, as a small fleet follows it step by step.

mod policies;
mod preparation;

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::{Situation, Step, Told, step};
use crate::controller::fixtures::{judge, observed, pod, policy, tried};
use crate::pods::{Phase, Proxy};
use crate::policies::{Ledger, Program, Treatment};

const NOTHING: &str = "[{topics: [{name: unrelated}], encryption: Disabled}]";
const ONE: &str = "[{topics: [{prefix: a.}], key: {name: one}}]";
const OTHER_KEY: &str = "[{topics: [{prefix: a.}], key: {name: two}}]";
const TWO_RULES: &str =
    "[{topics: [{prefix: a.}], key: {name: one}}, {topics: [{prefix: b.}], key: {name: two}}]";

/// The program that a policy with these rules comes to.
fn target(rules: &str) -> Program {
    let mut observed = observed();
    observed.policies = vec![policy(rules)];
    judge(&observed).merged.program
}

/// The file of a fleet and its pods, over passes of the operator.
struct Cluster {
    told: Told,
    text: String,
    fleet: Vec<Proxy>,
    ledger: Ledger,
    changed: Timestamp,
}

impl Cluster {
    /// Two proxies that have loaded the program of these rules.
    fn settled(rules: &str) -> Self {
        let mut cluster = Self {
            told: Told::default(),
            text: String::new(),
            fleet: Vec::new(),
            ledger: Ledger::default(),
            changed: Timestamp::now(),
        };
        cluster.pass(&target(rules));
        cluster.fleet = vec![pod("pod-0", &cluster.text), pod("pod-1", &cluster.text)];
        cluster.all_try(&["one", "two"]);
        assert!(cluster.pass(&target(rules)).last);
        cluster
    }

    /// The same on its way to other rules, up to the step in which writes wait.
    fn waiting(rules: &str, target: &Program) -> Self {
        let mut cluster = Self::settled(rules);
        assert!(goes_on(&cluster.pass(target), "a.x"));
        cluster.all_load();
        assert!(is_pending(&cluster.pass(target), "a.x"));
        cluster
    }

    /// As the operator does it: it reads the file, decides, remembers and writes.
    fn pass(&mut self, target: &Program) -> Step {
        let current = Program::parse(&self.text).ok();
        if let Some(current) = &current {
            self.told.learn(&crate::names::sha256(&self.text), &Arc::new(current.clone()));
        }
        let step = step(&Situation {
            target,
            current: current.as_ref(),
            changed: Some(self.changed),
            ledger: &self.ledger,
            fleet: &self.fleet,
            told: &self.told,
        });
        self.told.remember(&step.hash, &step.program);
        if self.text != step.text {
            self.changed += SignedDuration::from_secs(60);
        }
        self.text.clone_from(&step.text);
        step
    }

    /// A pod loads the file.
    fn load(&mut self, index: usize) {
        let hash = crate::names::sha256(&self.text);
        self.fleet[index].report.as_mut().unwrap().policy = Some(hash);
    }

    fn all_load(&mut self) {
        (0..self.fleet.len()).for_each(|index| self.load(index));
    }

    fn all_try(&mut self, keys: &[&str]) {
        for proxy in &mut self.fleet {
            proxy.report.as_mut().unwrap().keys = keys.iter().map(|key| tried(key, "Ready")).collect();
        }
    }
}

fn treatment(step: &Step, topic: &str) -> Treatment {
    step.program.decide(topic).unwrap().treatment.clone()
}

fn is_pending(step: &Step, topic: &str) -> bool {
    !step.last && matches!(treatment(step, topic), Treatment::Pending { .. })
}

/// Whether a topic is still clear on the way to be encrypted.
fn goes_on(step: &Step, topic: &str) -> bool {
    !step.last && treatment(step, topic) == Treatment::Clear
}

fn encrypts(step: &Step, topic: &str, key: &str) -> bool {
    matches!(treatment(step, topic), Treatment::Encrypt(encrypt) if encrypt.key.name.as_str() == key)
}

#[test]
fn without_proxies_the_target_is_told_at_once() {
    let mut cluster = Cluster::settled(NOTHING);
    cluster.fleet.clear();
    let first = cluster.pass(&target(ONE));
    assert!(first.last && encrypts(&first, "a.x", "one"));
}

#[test]
fn pods_that_are_over_hold_nothing_up() {
    let mut cluster = Cluster::settled(NOTHING);
    for proxy in &mut cluster.fleet {
        proxy.phase = Phase::Ended;
    }
    assert!(cluster.pass(&target(ONE)).last);
}

#[test]
fn new_encryption_waits_until_every_proxy_has_loaded_the_step_before() {
    let target = target(ONE);
    let mut cluster = Cluster::waiting(NOTHING, &target);
    cluster.load(0);
    let step = cluster.pass(&target);
    assert!(is_pending(&step, "a.x"));
    assert_eq!(step.behind, ["pod pod-1 has not loaded it yet"]);
    cluster.load(1);
    let last = cluster.pass(&target);
    assert!(last.last && encrypts(&last, "a.x", "one"));
    cluster.all_load();
    let settled = cluster.pass(&target);
    assert!(settled.last && settled.hash == last.hash && settled.behind.is_empty());
}

#[test]
fn new_encryption_waits_for_proxies_that_end_or_do_not_answer_too() {
    for phase in [Phase::Ending, Phase::Running { ready: false }] {
        let target = target(ONE);
        let mut cluster = Cluster::waiting(NOTHING, &target);
        cluster.fleet[1].phase = phase.clone();
        cluster.fleet[1].report = Err("its admin port does not answer".to_owned());
        cluster.load(0);
        assert!(is_pending(&cluster.pass(&target), "a.x"), "{phase:?}");
        cluster.fleet.remove(1);
        assert!(cluster.pass(&target).last, "{phase:?}");
    }
}

#[test]
fn a_proxy_that_ends_with_the_step_loaded_need_not_try_keys() {
    let target = target(ONE);
    let mut cluster = Cluster::waiting(NOTHING, &target);
    cluster.all_load();
    cluster.fleet[1].phase = Phase::Ending;
    cluster.fleet[1].report.as_mut().unwrap().keys.clear();
    assert!(cluster.pass(&target).last);
}

#[test]
fn the_target_waits_until_every_proxy_has_tried_the_keys() {
    let target = target(ONE);
    let mut cluster = Cluster::waiting(NOTHING, &target);
    cluster.all_load();
    for state in ["Unknown", "a word of a later version", ""] {
        cluster.fleet[1].report.as_mut().unwrap().keys =
            if state.is_empty() { Vec::new() } else { vec![tried("one", state)] };
        assert!(is_pending(&cluster.pass(&target), "a.x"), "{state:?}");
    }
    // A definite no of one owner's key holds up nobody, and neither does a provider that is away.
    for state in ["Refused", "Unavailable", "Ready"] {
        let mut cluster = Cluster::waiting(NOTHING, &target);
        cluster.all_load();
        cluster.fleet[1].report.as_mut().unwrap().keys = vec![tried("one", state)];
        assert!(cluster.pass(&target).last, "{state}");
    }
}

#[test]
fn a_policy_that_is_taken_back_while_its_keys_are_untried_goes_at_once() {
    let target_back = target(NOTHING);
    let mut cluster = Cluster::waiting(NOTHING, &target(ONE));
    cluster.all_load();
    cluster.all_try(&[]);
    let back = cluster.pass(&target_back);
    assert!(back.last && back.program.decide("a.x").is_none());
}

#[test]
fn a_file_that_claims_to_change_at_the_end_of_time_ends_no_pass() {
    let mut cluster = Cluster::settled("[{topics: [{prefix: a.}], key: {name: one}}]");
    cluster.changed = Timestamp::MAX;
    cluster.fleet[0].phase = Phase::Starting(None);
    cluster.fleet[0].placed = Some(Timestamp::now());
    cluster.fleet[0].report = Err("it has not started yet".to_owned());
    assert!(cluster.pass(&target("[{topics: [{prefix: a.}], key: {name: one}}]")).last);
}
