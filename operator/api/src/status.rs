//! What the operator reports. Numbers come from the proxies themselves.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// What became of a policy.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct TopicEncryptionPolicyStatus {
    /// The generation that all of this is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Accepted`, `Programmed`, `Ready`, and what is wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
    /// How many proxies have loaded what they were told last of this policy, which may be a first step of an edit, or an older
    /// generation while paused or stopped. `Programmed` says whether that is all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxies: Option<ProxyCount>,
    /// Where clients connect, instead of the brokers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bootstrap_servers: Option<String>,
    /// Patterns of all policies that were encrypted and have no rule any more: writes are refused, reads decrypt. Where there
    /// is an `EncryptionProxy`, it tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retired: Option<i32>,
    /// Topics that clients used and no rule of any policy matches. Where there is an `EncryptionProxy`, it tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unmatched_topics: Option<i32>,
    /// Rules in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<i32>,
    /// The providers of the keys that the rules name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub key_providers: Vec<String>,
    /// The keys that the rules name, with their versions in use.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 4096))]
    pub keys: Vec<KeyInUse>,
}

/// A key that data is sealed under.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeyInUse {
    /// Its provider.
    pub provider: String,
    /// Its name.
    pub name: String,
    /// The version that new data is sealed under, as the provider counts; several while proxies differ. Not there before the
    /// first data, nor where the provider does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// What became of a fleet of proxies.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct EncryptionProxyStatus {
    /// The generation that all of this is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Accepted`, `Programmed`, `Ready`, and what is wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
    /// Proxies that run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
    /// Which pods these are, for autoscalers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label_selector: Option<String>,
    /// How many proxies have loaded what they were told last, which may be a first step of an edit, or an older state while
    /// paused or stopped. `Programmed` says whether that is all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxies: Option<ProxyCount>,
    /// Where clients connect, instead of the brokers: the first listener.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bootstrap_servers: Option<String>,
    /// Where clients connect by each listener that has an address.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub listeners: Vec<ListenerAddress>,
    /// Policies in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policies: Option<i32>,
    /// Patterns of topics that were encrypted and have no rule any more: writes are refused, reads decrypt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retired: Option<i32>,
    /// Topics that clients used and no rule matches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unmatched_topics: Option<i32>,
}

/// Where clients connect by a listener.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListenerAddress {
    /// The listener.
    pub name: String,
    /// Its bootstrap address, with the port that clients are told.
    pub bootstrap_servers: String,
}

/// How many proxies have loaded what they were told last.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProxyCount {
    /// Proxies that say that they have.
    pub loaded: i32,
    /// Proxies that there should be.
    pub desired: i32,
    /// Both, as `loaded/desired`.
    pub summary: String,
}
