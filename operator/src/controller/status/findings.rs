//! What is found out of a fleet, for the statuses of policies and of the `EncryptionProxy`. Pure.

use k8s_openapi::api::apps::v1::Deployment;

use super::super::rollout::has_loaded;
use super::conditions::{Finding, Holds, finding};
use crate::cluster::KafkaKey;
use crate::controller::dereference::Observed;
use crate::controller::reconcile::Programmed;
use crate::controller::validate::{Judgement, Obstacle, id_of};
use crate::fleet::Fleet;
use crate::pods::{Phase, Proxy};
use crate::policies::PolicyId;
use crate::strimzi::{anonymous_super_user, listener_access, peers_snippet};

/// Everything that statuses are made of.
pub(super) struct Facts<'a> {
    pub(super) key: &'a KafkaKey,
    pub(super) observed: &'a Observed,
    pub(super) judgement: &'a Judgement,
    pub(super) programmed: Option<&'a Programmed>,
    /// Proxies that there should be.
    pub(super) desired: i32,
}

impl<'a> Facts<'a> {
    pub(super) fn new(
        key: &'a KafkaKey,
        observed: &'a Observed,
        judgement: &'a Judgement,
        programmed: Option<&'a Programmed>,
    ) -> Self {
        let desired = judgement.fleet.as_ref().map_or(judgement.spec.replicas, |fleet| fleet.replicas);
        Self { key, observed, judgement, programmed, desired }
    }

    pub(super) fn fleet(&self) -> Option<&Fleet> {
        self.judgement.fleet.as_ref().ok()
    }

    fn proxies(&self) -> impl Iterator<Item = &Proxy> {
        self.observed.fleet.iter().filter(|proxy| proxy.counts())
    }

    /// Proxies that have loaded the target as a whole.
    pub(super) fn loaded_all(&self) -> i32 {
        let Some(programmed) = self.programmed.filter(|programmed| programmed.step.last) else { return 0 };
        count(self.proxies().filter(|proxy| proxy.loaded() == Some(&programmed.step.hash)))
    }

    /// Proxies that have loaded what a policy says.
    pub(super) fn loaded(&self, policy: &PolicyId) -> i32 {
        let Some(programmed) = self.programmed else { return 0 };
        let target = &self.judgement.merged.program;
        count(self.proxies().filter(|proxy| has_loaded(proxy, &programmed.told, target, policy)))
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
        if let Some(missing) = self.programmed.filter(|programmed| !programmed.missing_secrets.is_empty()) {
            return Err(format!(
                "pods cannot start without the Secret {}; create it",
                missing.missing_secrets.join(", ")
            ));
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

    /// Why a proxy lags behind, if one does.
    pub(super) fn laggard(&self, is_behind: impl Fn(&Proxy) -> bool) -> String {
        let step = self.programmed.map(|programmed| &programmed.step);
        if let Some(step) = step.filter(|step| !step.last && !step.behind.is_empty()) {
            return step.behind.join("; ");
        }
        let behind: Vec<_> = self
            .proxies()
            .filter(|proxy| is_behind(proxy))
            .map(|proxy| match &proxy.report {
                Err(why) => format!("pod {}: {why}", proxy.name),
                Ok(report) => match &report.policy_error {
                    Some(error) => format!("pod {} refuses its files: {error}", proxy.name),
                    None => format!("pod {} has not loaded it yet", proxy.name),
                },
            })
            .collect();
        if behind.is_empty() { "no pod runs yet".to_owned() } else { behind.join("; ") }
    }

    /// Whether all keys of some rules can be used in every proxy.
    pub(super) fn keys(&self, is_meant: impl Fn(&str, &str) -> bool) -> Finding {
        let mut worst: Option<(Holds, &'static str, String)> = None;
        let mut seen = 0;
        for proxy in self.proxies() {
            let Ok(report) = &proxy.report else { continue };
            for key in report.keys.iter().filter(|key| is_meant(&key.provider, &key.key)) {
                seen += 1;
                let why = key.message.as_deref().unwrap_or("no reason given");
                let place =
                    format!("key {} of provider {}: {why} (pod {})", key.key, key.provider, proxy.name);
                let found = match key.state.as_str() {
                    "Ready" => continue,
                    "Refused" => (
                        Holds::False,
                        "KeyRefused",
                        format!(
                            "{place}; its topics can neither be written nor read until the provider allows it"
                        ),
                    ),
                    "Unavailable" => (
                        Holds::False,
                        "KeyProviderUnavailable",
                        format!("{place}; clients get retriable errors until it answers"),
                    ),
                    _ => (Holds::Unknown, "NotTriedYet", place),
                };
                if worst.as_ref().is_none_or(|(holds, ..)| *holds == Holds::Unknown) {
                    worst = Some(found);
                }
            }
        }
        match worst {
            Some((holds, reason, message)) => finding("KeysReady", holds, reason, message),
            None if seen == 0 && self.desired > 0 => {
                finding("KeysReady", Holds::Unknown, "NotTriedYet", "no proxy has told of its keys yet")
            }
            None => finding("KeysReady", true, "KeysReady", "every proxy can use every key"),
        }
    }

    /// What a platform owner should know of the way round the proxies.
    pub(super) fn warnings(&self) -> Vec<Finding> {
        let (Some(kafka), Some(fleet)) = (&self.judgement.kafka, self.fleet()) else { return Vec::new() };
        let labels = fleet.names.labels();
        let access = listener_access(kafka, &labels, &self.key.namespace);
        let used = fleet.upstream.port;
        let advice: Vec<_> = access
            .iter()
            .filter_map(|each| {
                let port = kafka.listener(&each.listener).map(|listener| listener.port);
                each.advice(port == Some(used))
            })
            .collect();
        let mut findings = Vec::new();
        if !advice.is_empty() {
            let snippet = peers_snippet(kafka, &labels, &self.key.namespace);
            let message = format!(
                "brokers can be reached round the proxies: {}. In the Kafka resource:\n{snippet}",
                advice.join("; ")
            );
            findings.push(finding("BrokersReachableDirectly", true, "NetworkPolicyPeers", message));
        }
        if let Some(warning) = anonymous_super_user(kafka) {
            findings.push(finding("AnonymousSuperUser", true, "AnonymousSuperUser", warning.to_string()));
        }
        findings
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

    /// Where clients connect.
    pub(super) fn bootstrap_servers(&self) -> Option<String> {
        self.fleet().and_then(Fleet::bootstrap_servers)
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
