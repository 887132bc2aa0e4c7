//! What proxies say of themselves: asked of every pod's admin port, since nobody else knows.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::join_all;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use reqwest::redirect::Policy;
use serde::Deserialize;

use crate::cluster::KafkaKey;
use crate::controller::{ADMIN_PORT, CONTAINER};
use crate::names::Names;

/// How long a pod may take to accept a connection to its admin port.
const CONNECT: Duration = Duration::from_secs(1);
/// A proxy that takes longer than this counts as one that does not answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// The most that is read of an answer.
const MAX_ANSWER: usize = 4 << 20;

/// One pod of a fleet.
#[derive(Debug, Clone)]
pub struct Proxy {
    /// Its name.
    pub name: String,
    /// Where it stands in its life.
    pub phase: Phase,
    /// Since when it is on a node, where its files may be read before it starts.
    pub placed: Option<Timestamp>,
    /// What the kubelet was shown last.
    pub nudged: Option<String>,
    /// What it says, or why it says nothing.
    pub report: Result<Report, String>,
}

/// Where a pod stands in its life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// Its container does not run yet, and why, if something holds it up.
    Starting(Option<String>),
    /// It runs; whether it takes clients.
    Running {
        /// The kubelet's answer.
        ready: bool,
    },
    /// It hands its clients over.
    Ending,
    /// It is over.
    Ended,
}

/// What a proxy says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// The hash of the policy in force.
    pub policy: Option<String>,
    /// Why the file on disk is not in force.
    pub policy_error: Option<String>,
    /// What it says of keys.
    pub keys: Vec<Key>,
    /// How many topics it saw that no rule matches.
    pub unmatched: usize,
    /// Whether topics are compacted, of those that it uses; `None` where nobody may tell it.
    pub compacted: BTreeMap<String, Option<bool>>,
    /// Why it does not take clients; empty when it does.
    pub obstacles: Vec<String>,
}

/// What a proxy says of a key.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Key {
    /// The provider.
    pub provider: String,
    /// The key.
    pub key: String,
    /// `Unknown`, `Ready`, `Refused` or `Unavailable`.
    pub state: String,
    /// The version that new data is sealed under.
    pub version: Option<String>,
    /// Why.
    pub message: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PolicyAnswer {
    hash: Option<String>,
    last_error: Option<String>,
}

#[derive(Default, Deserialize)]
struct TopicsAnswer {
    #[serde(default)]
    unmatched: Vec<serde_json::Value>,
    #[serde(default)]
    facts: BTreeMap<String, TopicAnswer>,
}

#[derive(Deserialize)]
struct TopicAnswer {
    compacted: Option<bool>,
}

impl Proxy {
    /// Whether it is part of the fleet that should be.
    pub fn counts(&self) -> bool {
        matches!(self.phase, Phase::Starting(_) | Phase::Running { .. })
    }

    /// Whether it may still have, or get, clients.
    pub fn serves(&self) -> bool {
        self.phase != Phase::Ended
    }

    /// The hash of the policy that it has loaded.
    pub fn loaded(&self) -> Option<&str> {
        self.report.as_ref().ok().and_then(|report| report.policy.as_deref())
    }
}

/// Asks pods, and nobody that a pod might send the operator to.
pub(crate) fn client() -> reqwest::Client {
    let client = reqwest::Client::builder().connect_timeout(CONNECT).no_proxy();
    client.redirect(Policy::none()).build().expect("a client without TLS needs nothing of the system")
}

/// Asks all pods of a cluster's fleet at once.
pub async fn ask(http: &reqwest::Client, pods: &[Pod], key: &KafkaKey) -> Vec<Proxy> {
    let mut proxies = join_all(pods.iter().map(|pod| ask_one(http, pod, key))).await;
    proxies.sort_by(|one, other| one.name.cmp(&other.name));
    proxies
}

async fn ask_one(http: &reqwest::Client, pod: &Pod, key: &KafkaKey) -> Proxy {
    let phase = phase(pod);
    let address = pod.status.as_ref().and_then(|status| status.pod_ip.clone());
    let report = match (&phase, address) {
        (Phase::Running { .. } | Phase::Ending, _) if !is_ours(pod, key) => Err(String::from(
            "it has the labels of the fleet but is no pod of its Deployment, so it is not asked: delete it, or take the \
             labels off it",
        )),
        (Phase::Running { .. } | Phase::Ending, Some(address)) => report(http, &address).await,
        (Phase::Running { .. } | Phase::Ending, None) => Err("it has no address".to_owned()),
        (Phase::Starting(why), _) => Err(why.clone().unwrap_or_else(|| "it has not started yet".to_owned())),
        (Phase::Ended, _) => Err("it has ended".to_owned()),
    };
    let annotations = pod.metadata.annotations.as_ref();
    Proxy {
        name: pod.metadata.name.clone().unwrap_or_default(),
        phase,
        placed: placed(pod),
        nudged: annotations.and_then(|all| all.get(crate::names::NUDGE_ANNOTATION)).cloned(),
        report,
    }
}

/// Whether a pod comes from the fleet's Deployment, by way of a `ReplicaSet`. Labels alone anybody can put on a pod. One that
/// has them may still get clients, so it goes on to count.
fn is_ours(pod: &Pod, key: &KafkaKey) -> bool {
    let Ok(names) = Names::new(key) else { return false };
    let of_deployment = |name: &str| {
        let hash = name.strip_prefix(names.fleet().as_str()).and_then(|rest| rest.strip_prefix('-'));
        hash.is_some_and(|hash| !hash.is_empty() && !hash.contains('-'))
    };
    pod.owner_references().iter().any(|owner| {
        owner.controller == Some(true)
            && owner.kind == "ReplicaSet"
            && owner.api_version.starts_with("apps/")
            && of_deployment(&owner.name)
    })
}

fn phase(pod: &Pod) -> Phase {
    let status = pod.status.as_ref();
    let phase = status.and_then(|status| status.phase.as_deref()).unwrap_or("Pending");
    if matches!(phase, "Succeeded" | "Failed") {
        return Phase::Ended;
    }
    if pod.metadata.deletion_timestamp.is_some() {
        return Phase::Ending;
    }
    let containers = status.and_then(|status| status.container_statuses.as_ref());
    // Others may have been put beside it, by a service mesh for instance.
    let container = containers.and_then(|all| all.iter().find(|each| each.name == CONTAINER));
    let state = container.and_then(|container| container.state.as_ref());
    if state.is_some_and(|state| state.running.is_some()) {
        return Phase::Running { ready: container.is_some_and(|container| container.ready) };
    }
    let waiting = state.and_then(|state| state.waiting.as_ref());
    let waits = waiting.and_then(|waiting| {
        let reason = waiting.reason.clone()?;
        let message = waiting.message.clone().map(|text| format!(": {text}")).unwrap_or_default();
        (reason != "ContainerCreating" && reason != "PodInitializing").then(|| format!("{reason}{message}"))
    });
    Phase::Starting(waits.or_else(|| unschedulable(pod)))
}

fn placed(pod: &Pod) -> Option<Timestamp> {
    pod.spec.as_ref()?.node_name.as_ref()?;
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_ref());
    let scheduled = conditions.and_then(|all| all.iter().find(|each| each.type_ == "PodScheduled"));
    let since = scheduled.and_then(|each| each.last_transition_time.as_ref());
    let since = since.or(pod.metadata.creation_timestamp.as_ref());
    // Without any time, it may have been there for ever.
    Some(since.map_or(Timestamp::UNIX_EPOCH, |time| time.0))
}

fn unschedulable(pod: &Pod) -> Option<String> {
    let conditions = pod.status.as_ref()?.conditions.as_ref()?;
    let scheduled = conditions.iter().find(|each| each.type_ == "PodScheduled" && each.status == "False")?;
    Some(format!("{}: {}", scheduled.reason.as_deref()?, scheduled.message.as_deref().unwrap_or_default()))
}

/// Where the admin port of a pod with this address is.
fn base(address: &str) -> String {
    let host = if address.contains(':') { format!("[{address}]") } else { address.to_owned() };
    format!("http://{host}:{ADMIN_PORT}")
}

async fn report(http: &reqwest::Client, address: &str) -> Result<Report, String> {
    let base = base(address);
    let policy: PolicyAnswer = json(http, &format!("{base}/policy")).await?;
    let keys: Vec<Key> = json(http, &format!("{base}/keys")).await?;
    // Not there before the listeners are open.
    let topics: TopicsAnswer = json(http, &format!("{base}/topics")).await.unwrap_or_default();
    let (status, text) = get(http, &format!("{base}/readyz")).await?;
    let obstacles = if status.is_success() { Vec::new() } else { text.lines().map(str::to_owned).collect() };
    Ok(Report {
        policy: policy.hash,
        policy_error: policy.last_error,
        keys,
        unmatched: topics.unmatched.len(),
        compacted: topics.facts.into_iter().map(|(name, facts)| (name, facts.compacted)).collect(),
        obstacles,
    })
}

async fn json<T: serde::de::DeserializeOwned>(http: &reqwest::Client, url: &str) -> Result<T, String> {
    let (status, text) = get(http, url).await?;
    if !status.is_success() {
        return Err(format!("it answers {status}"));
    }
    serde_json::from_str(&text)
        .map_err(|_| "its answer is not what this version of the operator knows".to_owned())
}

async fn get(http: &reqwest::Client, url: &str) -> Result<(reqwest::StatusCode, String), String> {
    let asked = async {
        let mut response = http.get(url).send().await?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > MAX_ANSWER {
                break;
            }
            body.extend_from_slice(&chunk);
        }
        Ok::<_, reqwest::Error>((response.status(), body))
    };
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(Ok((status, body))) => Ok((status, String::from_utf8_lossy(&body).into_owned())),
        Ok(Err(_)) | Err(_) => Err("its admin port does not answer".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::response::Redirect;
    use axum::routing::get;
    use serde_json::{Value, json};

    use super::*;

    fn pod(owner: &Value) -> Pod {
        let pod = json!({
            "metadata": {"name": "a", "ownerReferences": owner},
            "status": {
                "phase": "Running", "podIP": "127.0.0.1",
                "containerStatuses": [{
                    "name": CONTAINER, "ready": true, "restartCount": 0, "image": "", "imageID": "",
                    "state": {"running": {}},
                }],
            },
        });
        serde_json::from_value(pod).unwrap()
    }

    fn owner(kind: &str, name: &str, controller: bool) -> Value {
        json!([{"apiVersion": "apps/v1", "kind": kind, "name": name, "uid": "u", "controller": controller}])
    }

    fn key() -> KafkaKey {
        KafkaKey { namespace: "kafka".to_owned(), name: "my-cluster".to_owned() }
    }

    #[test]
    fn only_pods_of_the_deployment_are_ours() {
        assert!(is_ours(&pod(&owner("ReplicaSet", "my-cluster-encryption-5d9f7c", true)), &key()));
        for other in [
            json!(null),
            owner("ReplicaSet", "my-cluster-encryption-5d9f7c", false),
            owner("ReplicaSet", "my-cluster-encryption", true),
            owner("ReplicaSet", "my-cluster-encryption-two-5d9f7c", true),
            owner("ReplicaSet", "other-5d9f7c", true),
            owner("StatefulSet", "my-cluster-encryption-5d9f7c", true),
        ] {
            assert!(!is_ours(&pod(&other), &key()), "{other}");
        }
    }

    #[test]
    fn pods_are_asked_by_addresses_of_either_family() {
        for (address, expected) in [("10.244.0.7", "10.244.0.7"), ("fd00:10:244::7", "[fd00:10:244::7]")] {
            let url = reqwest::Url::parse(&base(address)).unwrap();
            assert_eq!((url.host_str(), url.port()), (Some(expected), Some(ADMIN_PORT)));
        }
    }

    #[tokio::test]
    async fn a_pod_that_is_not_ours_counts_but_is_not_asked() {
        let proxies = ask(&client(), &[pod(&json!(null))], &key()).await;
        assert!(proxies[0].counts());
        assert!(proxies[0].report.as_ref().unwrap_err().contains("no pod of its Deployment"));
    }

    #[tokio::test]
    async fn a_pod_sends_the_operator_nowhere_else() {
        let router = Router::new()
            .route("/policy", get(|| async { Redirect::temporary("/elsewhere") }))
            .route("/elsewhere", get(|| async { "asked" }));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        let (status, text) = super::get(&client(), &format!("http://{address}/policy")).await.unwrap();
        assert!(status.is_redirection() && text.is_empty(), "{status} {text}");
    }
}
