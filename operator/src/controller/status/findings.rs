//! What is found out of a fleet, for the statuses of policies and of the `EncryptionProxy`. Pure.

use k8s_openapi::api::apps::v1::Deployment;
use operator_api::ListenerAddress;

use super::super::rollout::{has_loaded, says};
use super::ours::HasConditions;
use crate::cluster::KafkaKey;
use crate::controller::dereference::Observed;
use crate::controller::reconcile::{Failure, Programmed};
use crate::controller::validate::{Judgement, Obstacle, file, id_of, told_generation};
use crate::fleet::{Certificate, Fleet, Listener};
use crate::names;
use crate::pods::{Phase, Proxy};
use crate::policies::{PolicyId, Treatment};

/// Everything that statuses are made of.
pub(crate) struct Facts<'a> {
    pub(super) key: &'a KafkaKey,
    pub(super) observed: &'a Observed,
    pub(super) judgement: &'a Judgement,
    pub(crate) programmed: Option<&'a Programmed>,
    /// Why the pass ended early, if it did.
    pub(super) failure: Option<&'a Failure>,
    /// Proxies that there should be.
    pub(super) desired: i32,
    /// The hash of what proxies were told last, in this pass or before.
    in_force: Option<String>,
}

impl<'a> Facts<'a> {
    pub(crate) fn new(
        key: &'a KafkaKey,
        observed: &'a Observed,
        judgement: &'a Judgement,
        programmed: Option<&'a Programmed>,
    ) -> Self {
        let desired = judgement.fleet.as_ref().map_or(judgement.spec.replicas, |fleet| fleet.replicas);
        let in_force = match programmed {
            Some(programmed) => Some(programmed.step.hash.clone()),
            None => file(observed, "policy.yaml").map(names::sha256),
        };
        Self { key, observed, judgement, programmed, failure: None, desired, in_force }
    }

    /// The same for a pass that ended early.
    pub(crate) fn failed(self, failure: &'a Failure) -> Self {
        Self { failure: Some(failure), ..self }
    }

    /// Whether a resource is told anything: what passes by itself turns none that was told something before.
    pub(super) fn concerns(&self, status: Option<&impl HasConditions>) -> bool {
        self.failure.is_none_or(|failure| failure.lasts)
            || status.is_none_or(|status| status.conditions().is_empty())
    }

    pub(super) fn fleet(&self) -> Option<&Fleet> {
        self.judgement.fleet.as_ref().ok()
    }

    pub(super) fn proxies(&self) -> impl Iterator<Item = &Proxy> {
        self.observed.fleet.iter().filter(|proxy| proxy.counts())
    }

    /// Whether a proxy has loaded what all were told last.
    pub(super) fn is_current(&self, proxy: &Proxy) -> bool {
        self.in_force.is_some() && proxy.loaded() == self.in_force.as_deref()
    }

    /// Proxies that have loaded what they were told last: the first step of an edit, the target, or what a pause or an
    /// obstacle leaves in force.
    pub(super) fn loaded_all(&self) -> i32 {
        count(self.proxies().filter(|proxy| self.is_current(proxy)))
    }

    /// The same of what was told of a policy.
    pub(super) fn loaded(&self, policy: &PolicyId) -> i32 {
        match self.programmed {
            Some(_) => count(self.proxies().filter(|proxy| self.is_current_of(proxy, policy))),
            None if told_generation(self.observed, policy).is_some() => self.loaded_all(),
            None => 0,
        }
    }

    /// Whether a proxy has loaded what was told last of a policy.
    pub(super) fn is_current_of(&self, proxy: &Proxy, policy: &PolicyId) -> bool {
        self.programmed
            .is_some_and(|programmed| has_loaded(proxy, &programmed.told, &programmed.step.program, policy))
    }

    /// Whether proxies are told all that a policy says by now, rather than a first step.
    pub(super) fn is_told(&self, policy: &PolicyId) -> bool {
        let target = &self.judgement.merged.program;
        self.programmed.is_some_and(|programmed| says(&programmed.step.program, target, policy))
    }

    /// How many proxies there should be and how many of them do what they were told, for metrics: a fleet that is not made
    /// yet lacks no proxy.
    pub(super) fn serving(&self) -> (i32, i32) {
        let deployment = self.observed.ours.deployment.as_ref();
        let made = || deployment.and_then(|each| each.spec.as_ref()?.replicas).unwrap_or_default();
        let desired = if self.programmed.is_some() { self.desired } else { made() };
        (desired, self.loaded_all().min(desired))
    }

    /// Whether the Deployment has done what was asked of it, and if not, what is missing.
    pub(super) fn rollout(&self) -> Result<(), String> {
        let Some(deployment) = &self.observed.ours.deployment else {
            return Err("the Deployment was just made".to_owned());
        };
        rolled_out(deployment, self.desired)?;
        self.running()
    }

    fn running(&self) -> Result<(), String> {
        if let Some(missing) = self.programmed.and_then(|programmed| self.missing(programmed)) {
            return Err(missing);
        }
        for proxy in self.proxies() {
            if let Phase::Starting(Some(why)) = &proxy.phase {
                return Err(format!("pod {} does not start: {why}", proxy.name));
            }
            if let Ok(report) = &proxy.report
                && let Some(obstacle) = report.obstacles.first()
            {
                return Err(format!("pod {} takes no clients: {obstacle}", proxy.name));
            }
        }
        let ready = count(self.proxies().filter(|proxy| proxy.phase == Phase::Running { ready: true }));
        if ready < self.desired {
            return Err(format!("{ready} of {} pods take clients", self.desired));
        }
        Ok(())
    }

    /// Secrets that pods wait for, and who makes them.
    fn missing(&self, programmed: &Programmed) -> Option<String> {
        let missing = &programmed.missing_secrets;
        let issued = self.fleet().filter(|fleet| matches!(fleet.certificate, Certificate::Issuer(_)));
        if let Some(fleet) = issued.filter(|fleet| missing.contains(&fleet.certificate_secret())) {
            let (secret, certificate) = (fleet.certificate_secret(), fleet.names.certificate());
            return Some(format!(
                "cert-manager has not issued the Secret {secret} yet, without which pods cannot start; the conditions of the \
                 Certificate {certificate} say why"
            ));
        }
        (!missing.is_empty())
            .then(|| format!("pods cannot start without the Secret {}; create it", missing.join(", ")))
    }

    /// Whether nothing is under way any more.
    pub(super) fn is_settled(&self) -> bool {
        if self.judgement.paused.is_some() || self.judgement.fleet.is_err() {
            return true;
        }
        self.programmed.is_some_and(|programmed| programmed.step.last)
            && self.loaded_all() >= self.desired
            && self.rollout().is_ok()
            && self.proxies().count() == usize::try_from(self.desired).unwrap_or_default()
            && self.keys_are_tried()
    }

    /// Listeners through which clients do not reach every broker, if there are any.
    pub(super) fn crowded(&self) -> Option<Obstacle> {
        Obstacle::crowded(self.fleet()?)
    }

    /// Why no Gateway leads to a listener, if one should.
    pub(super) fn unrouted(&self) -> Option<&Obstacle> {
        self.programmed?.unrouted.as_ref()
    }

    /// Listeners that nobody can reach yet, if there are any.
    pub(super) fn pending(&self) -> Option<Obstacle> {
        let names: Vec<_> = self.fleet()?.pending().map(|listener| listener.name.as_str()).collect();
        (!names.is_empty()).then(|| Obstacle::NoAddress(names.join(", ")))
    }

    /// The same where no other listener goes on.
    pub(super) fn unreachable(&self) -> Option<Obstacle> {
        self.pending().filter(|_| self.fleet().is_some_and(|fleet| fleet.reachable().next().is_none()))
    }

    /// Patterns that were encrypted and are not any more.
    pub(super) fn retired(&self) -> usize {
        let rules = self.judgement.merged.program.rules();
        rules.filter(|rule| matches!(rule.treatment, Treatment::Retired { .. })).count()
    }

    /// Topics without a rule, as the proxy counts that saw most; `None` if none tells.
    pub(super) fn unmatched(&self) -> Option<usize> {
        let reports = self.observed.fleet.iter().filter_map(|each| each.report.as_ref().ok());
        reports.map(|report| report.unmatched).max()
    }

    /// Where clients connect.
    pub(super) fn bootstrap_servers(&self) -> Option<String> {
        self.fleet().and_then(Fleet::bootstrap_servers)
    }

    /// The same by each listener that has an address.
    pub(super) fn listeners(&self) -> Option<Vec<ListenerAddress>> {
        let address = |(listener, host): (&Listener, &str)| ListenerAddress {
            name: listener.name.clone(),
            bootstrap_servers: listener.bootstrap_servers(host),
        };
        self.fleet().map(|fleet| fleet.reachable().map(address).collect())
    }

    /// Which policy an object is, and what became of it.
    pub(super) fn verdict(
        &self,
        policy: &operator_api::TopicEncryptionPolicy,
    ) -> (PolicyId, Option<&crate::policies::Verdict>) {
        let id = id_of(policy);
        let verdict = self.judgement.merged.verdicts.get(&id);
        (id, verdict)
    }
}

pub(super) fn count<'a>(proxies: impl Iterator<Item = &'a Proxy>) -> i32 {
    i32::try_from(proxies.count()).unwrap_or(i32::MAX)
}

/// What `kubectl rollout status` looks at.
fn rolled_out(deployment: &Deployment, desired: i32) -> Result<(), String> {
    let status = deployment.status.clone().unwrap_or_default();
    if status.observed_generation < deployment.metadata.generation {
        return Err("the Deployment has not been looked at yet".to_owned());
    }
    let conditions = status.conditions.unwrap_or_default();
    if let Some(failed) =
        conditions.iter().find(|each| each.type_ == "ReplicaFailure" && each.status == "True")
    {
        return Err(format!("pods cannot be made: {}", failed.message.as_deref().unwrap_or_default()));
    }
    let updated = status.updated_replicas.unwrap_or(0);
    if updated < desired {
        return Err(format!("{updated} of {desired} pods are of the newest form"));
    }
    if status.replicas.unwrap_or(0) > updated {
        return Err("old pods are still ending".to_owned());
    }
    Ok(())
}
