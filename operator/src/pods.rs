//! What proxies say of themselves: asked of every pod's admin port, since nobody else knows.

mod admin_port;
mod phase;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use futures::future::join_all;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use proxy_config::KeyStateName;
use serde::Deserialize;

pub(crate) use self::admin_port::client;
pub use self::phase::Phase;

use self::admin_port::{base, report};
use self::phase::{image, phase, placed};
use crate::cluster::KafkaKey;
use crate::names::Names;
use crate::policies::{PatternText, TopicHistoryText};

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
    /// The image that it is to run.
    pub image: Option<String>,
    /// What it says, or why it says nothing.
    pub report: Result<Report, String>,
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
    /// Where history ends, in topics whose rule lets that pass.
    pub history: Vec<Adopted>,
    /// Why it does not take clients; empty when it does.
    pub obstacles: Vec<String>,
}

/// What a proxy says of a topic whose history passes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Adopted {
    /// Where its history ends.
    #[serde(flatten)]
    pub(crate) ends: TopicHistoryText,
    /// Clear records that may be left, at most; none where the proxy does not know that of every partition.
    #[serde(default)]
    pub left: Option<u64>,
}

/// What a proxy says of a key.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Key {
    /// The provider.
    pub provider: String,
    /// The key.
    pub key: String,
    /// What came of it.
    pub state: KeyStateName,
    /// The version that new data is sealed under.
    pub version: Option<String>,
    /// Why.
    pub message: Option<String>,
    /// The topics of the rule that has it; none for a key that is only tried.
    #[serde(default)]
    pub(crate) topics: Vec<PatternText>,
    /// Records of these topics that consumers went past, since their key is gone.
    #[serde(default)]
    pub unreadable: u64,
    /// What readers were refused of it of late.
    #[serde(default)]
    pub refused: Vec<RefusedRead>,
}

/// A version of a key that readers of a topic are refused.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RefusedRead {
    /// The topic.
    pub topic: String,
    /// The version, where that is known.
    pub version: Option<String>,
    /// What the provider said last.
    pub cause: String,
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
        (Phase::Running { .. } | Phase::Ending, Some(address)) => report(http, &base(&address)).await,
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
        image: image(pod),
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
