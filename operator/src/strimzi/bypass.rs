//! Whether clients can go round the proxies, straight to the brokers.
//!
//! Strimzi admits everyone to a listener unless it has `networkPolicyPeers`, and policies of Kubernetes only add
//! to each other: nothing but the Kafka resource can close that way. So we say what is open and what to write.
//! Not seen from here: whether Strimzi writes policies at all (`STRIMZI_NETWORK_POLICY_GENERATION`), whether the
//! network enforces them, and policies of others that admit more.

use std::collections::BTreeMap;

use serde_json::json;

use super::kafka::Kafka;
use super::listener::ListenerSpec;
use super::peer::{Admits, NAMESPACE_LABEL, Pods};

/// The labels that together only our pods of one fleet have.
const IDENTITY: [&str; 2] = ["app.kubernetes.io/instance", "app.kubernetes.io/name"];

/// Who gets to a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bypass {
    /// Everyone.
    Open,
    /// Others too, besides the proxies. Peers by address or by labels of namespaces count as both.
    AdmitsOthers,
    /// The proxies and nobody else.
    AdmitsOnlyUs,
    /// Others, but not the proxies.
    NotAdmitted,
}

/// Who gets to one of the listeners of a Kafka cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenerAccess {
    /// The listener.
    pub listener: String,
    /// Who gets there.
    pub bypass: Bypass,
}

/// Who gets to a listener, given the labels of the proxies' pods and their namespace.
pub fn bypass(
    kafka: &Kafka,
    listener: &ListenerSpec,
    our_pod_labels: &BTreeMap<String, String>,
    our_namespace: &str,
) -> Bypass {
    let ours = Pods {
        namespace: our_namespace,
        labels: our_pod_labels,
        beside_kafka: our_namespace == kafka.namespace,
    };
    let identity = identity(our_pod_labels);
    match listener.peers.iter().map(|peer| peer.admits(ours)).max() {
        None => Bypass::Open,
        Some(Admits::No) => Bypass::NotAdmitted,
        Some(_) if listener.peers.iter().all(|peer| peer.admits_only(ours, &identity)) => {
            Bypass::AdmitsOnlyUs
        }
        Some(_) => Bypass::AdmitsOthers,
    }
}

/// Who gets to each of the listeners, for any of them may be a way round.
pub fn listener_access(
    kafka: &Kafka,
    our_pod_labels: &BTreeMap<String, String>,
    our_namespace: &str,
) -> Vec<ListenerAccess> {
    let access = |listener: &ListenerSpec| ListenerAccess {
        listener: listener.name.clone(),
        bypass: bypass(kafka, listener, our_pod_labels, our_namespace),
    };
    kafka.listeners.iter().map(access).collect()
}

/// What to write into a listener of the Kafka resource, so that it admits the proxies and nobody else.
pub fn peers_snippet(
    kafka: &Kafka,
    our_pod_labels: &BTreeMap<String, String>,
    our_namespace: &str,
) -> String {
    let mut peer = json!({ "podSelector": { "matchLabels": identity(our_pod_labels) } });
    if our_namespace != kafka.namespace {
        peer["namespaceSelector"] = json!({ "matchLabels": { NAMESPACE_LABEL: our_namespace } });
    }
    let snippet = json!({ "networkPolicyPeers": [peer] });
    // JSON is YAML too, only less beautiful.
    serde_yaml::to_string(&snippet).unwrap_or_else(|_| snippet.to_string())
}

impl ListenerAccess {
    /// Whether clients may go round the proxies here.
    pub fn is_way_round(&self) -> bool {
        self.bypass != Bypass::AdmitsOnlyUs
    }

    /// What to tell the platform owner of a way round the proxies, if there is one. [`peers_snippet`] is what the text
    /// refers to.
    pub fn advice(&self) -> Option<String> {
        let listener = &self.listener;
        match self.bypass {
            Bypass::AdmitsOnlyUs => None,
            Bypass::Open => Some(format!(
                "listener {listener} admits everyone, so clients can go round the proxies; give it networkPolicyPeers \
                 that admit the proxies only"
            )),
            Bypass::AdmitsOthers | Bypass::NotAdmitted => Some(format!(
                "networkPolicyPeers of listener {listener} admit others than the proxies, so these can go round the \
                 proxies; leave only the proxies in the list"
            )),
        }
    }
}

fn identity(labels: &BTreeMap<String, String>) -> BTreeMap<&str, &str> {
    IDENTITY.iter().filter_map(|key| Some((*key, labels.get(*key)?.as_str()))).collect()
}

#[cfg(test)]
mod tests;
