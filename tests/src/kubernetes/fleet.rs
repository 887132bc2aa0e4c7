//! The proxies of a stage, as their pods and their admin ports tell of them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::command::Failed;
use super::stage::{KAFKA, Stage};
use crate::eventually::eventually_ok;

const PATIENCE: Duration = Duration::from_mins(1);

/// All proxies of a fleet, in the order of their names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fleet {
    /// Their pods.
    pub pods: Vec<Pod>,
}

/// A proxy's pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pod {
    /// Its name.
    pub name: String,
    /// What tells it from a successor of the same name.
    pub uid: String,
    /// How often its containers have started anew.
    pub restarts: u64,
    /// Whether it is about to end.
    pub ending: bool,
}

impl Stage {
    /// The proxies that there are now.
    pub async fn fleet(&self) -> Fleet {
        let selector =
            format!("app.kubernetes.io/name=topic-encryption-proxy,app.kubernetes.io/instance={KAFKA}");
        let list = self.json(&["get", "pods", "-l", &selector]).await;
        let mut pods: Vec<Pod> = list["items"].as_array().into_iter().flatten().map(pod).collect();
        pods.sort_by(|one, other| one.name.cmp(&other.name));
        Fleet { pods }
    }

    /// What a proxy's admin port answers under this path.
    pub async fn ask(&self, pod: &str, path: &str) -> Result<String, Failed> {
        let path = format!("/api/v1/namespaces/{}/pods/{pod}:8080/proxy{path}", self.namespace());
        self.kubernetes().kubectl(&["get", "--raw", &path]).await
    }

    /// What each proxy says of the policy that it has loaded, by the name of its pod.
    pub async fn loaded(&self) -> BTreeMap<String, Value> {
        self.ask_all("/policy").await
    }

    /// What each proxy's admin port answers under this path, by the name of its pod.
    pub async fn ask_all(&self, path: &str) -> BTreeMap<String, Value> {
        let mut answers = BTreeMap::new();
        for pod in self.fleet().await.pods.into_iter().filter(|pod| !pod.ending) {
            let text = self.ask(&pod.name, path).await.unwrap_or_else(|failed| panic!("{failed}"));
            answers.insert(pod.name, serde_json::from_str(&text).expect("the admin port answers JSON"));
        }
        answers
    }

    /// Waits until every proxy has loaded a policy that the predicate takes.
    pub async fn await_loaded(&self, what: &str, wanted: impl Fn(&Value) -> bool) {
        let probe = async || {
            let loaded = self.loaded().await;
            let all = !loaded.is_empty() && loaded.values().all(&wanted);
            if all { Ok(()) } else { Err(format!("{loaded:?}")) }
        };
        eventually_ok(what, PATIENCE, probe).await;
    }

    /// The sum of a metric over all proxies, whatever its labels.
    pub async fn metric(&self, name: &str) -> f64 {
        self.metrics().await.iter().map(|text| sum(text, name)).sum()
    }

    /// How many connections of clients have ended. Clients may open further ones at any time, as librdkafka does for the leader
    /// of a partition, so those say nothing.
    pub async fn ended_connections(&self) -> f64 {
        let ended = |text: &String| {
            sum(text, "topic_encryption_connections_total") - sum(text, "topic_encryption_connections_open")
        };
        self.metrics().await.iter().map(ended).sum()
    }

    async fn metrics(&self) -> Vec<String> {
        let mut texts = Vec::new();
        for pod in self.fleet().await.pods.into_iter().filter(|pod| !pod.ending) {
            texts.push(self.ask(&pod.name, "/metrics").await.unwrap_or_else(|failed| panic!("{failed}")));
        }
        texts
    }

    /// Waits until so many proxies are there, ready, and no others.
    pub async fn await_fleet(&self, size: usize) -> Fleet {
        self.await_fleet_without(size, &[]).await
    }

    /// The same, when these pods are gone.
    pub async fn await_fleet_without(&self, size: usize, gone: &[Pod]) -> Fleet {
        let probe = async || {
            let fleet = self.fleet().await;
            let deployment = self.get("deployment", &format!("{KAFKA}-encryption")).await;
            let ready = deployment["status"]["readyReplicas"].as_u64();
            let old = fleet.pods.iter().filter(|pod| gone.iter().any(|gone| gone.uid == pod.uid)).count();
            if fleet.pods.len() == size && old == 0 && ready == u64::try_from(size).ok() {
                Ok(fleet)
            } else {
                Err(format!("{} pods, {ready:?} ready, {old} old", fleet.pods.len()))
            }
        };
        eventually_ok(&format!("{size} proxies are ready"), PATIENCE, probe).await
    }
}

impl Fleet {
    /// The names of the pods.
    pub fn names(&self) -> Vec<&str> {
        self.pods.iter().map(|pod| pod.name.as_str()).collect()
    }
}

fn pod(object: &Value) -> Pod {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let metadata = &object["metadata"];
    let containers = object["status"]["containerStatuses"].as_array().into_iter().flatten();
    Pod {
        name: text(&metadata["name"]),
        uid: text(&metadata["uid"]),
        restarts: containers.filter_map(|container| container["restartCount"].as_u64()).sum(),
        ending: !metadata["deletionTimestamp"].is_null(),
    }
}

/// All series of a family, in the text of one scrape.
fn sum(text: &str, name: &str) -> f64 {
    let lines = text.lines().filter(|line| {
        line.strip_prefix(name).is_some_and(|rest| rest.starts_with(' ') || rest.starts_with('{'))
    });
    lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}
