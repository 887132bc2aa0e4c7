//! What a platform owner says.
#![allow(
    unreachable_pub,
    reason = "the derived resource type refers to its spec as if it were in a module of its own"
)]

use k8s_openapi::api::core::v1::ResourceRequirements;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::key_provider::{KeyProvider, KeyTimes, default_key_providers};
use crate::limits::Limits;
use crate::listener::{Listener, default_listeners};
use crate::references::LocalRef;
use crate::status::EncryptionProxyStatus;
use crate::template::{Probe, Template};

/// The fleet of encrypting proxies in front of one Kafka cluster: how many, how clients reach them, where keys come from.
/// Optional: without one, the first policy of a cluster gets a fleet of the defaults. It lives in the namespace of the
/// `Kafka` resource.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, CustomResource, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[kube(
    group = "encryption.strimzi.io",
    version = "v1alpha1",
    kind = "EncryptionProxy",
    doc = "The fleet of encrypting proxies in front of one Kafka cluster.",
    plural = "encryptionproxies",
    shortname = "encproxy",
    category = "strimzi-encryption",
    namespaced,
    status = "EncryptionProxyStatus",
    scale(
        spec_replicas_path = ".spec.replicas",
        status_replicas_path = ".status.replicas",
        label_selector_path = ".status.labelSelector"
    ),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].status"#
    ),
    printcolumn(name = "Programmed", type_ = "string", json_path = ".status.proxies.summary"),
    printcolumn(name = "Kafka", type_ = "string", json_path = ".spec.kafkaRef.name"),
    printcolumn(name = "Bootstrap", type_ = "string", json_path = ".status.bootstrapServers"),
    printcolumn(name = "Replicas", type_ = "integer", json_path = ".spec.replicas"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].reason"#,
        priority = 1
    )
)]
#[x_kube(validation = Rule::new("self.listeners.all(one, self.listeners.all(other, one.name == other.name || one.port + (has(one.brokerNames) ? 0 : 16) < other.port || other.port + (has(other.brokerNames) ? 0 : 16) < one.port))").message("listeners[].port must be at least 17 apart: the ports of brokers follow each, except with brokerNames"))]
#[x_kube(validation = Rule::new("!has(self.authentication) || self.listeners.all(listener, has(listener.authentication))").message("authentication needs authentication on every listener, as clients would otherwise act as the proxies' own user"))]
#[x_kube(validation = Rule::new("!has(self.authentication) || self.listeners.all(listener, !has(listener.authentication) || listener.authentication.clientCertificates == 'Required')").message("authentication needs clientCertificates: Required on every listener, as clients without a certificate would act as the proxies' own user"))]
#[x_kube(validation = Rule::new("!has(self.historySettles) || (duration(self.historySettles) >= duration('1s') && duration(self.historySettles) <= duration('1h'))").message("historySettles must be from 1s to 1h").field_path(".historySettles"))]
pub struct EncryptionProxySpec {
    /// The Kafka cluster, by its `Kafka` resource in the same namespace.
    pub kafka_ref: LocalRef,
    /// The listener of the `Kafka` resource that proxies connect to. By default the first of type `internal`, in
    /// alphabetical order, whose authentication suits `authentication`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 11), regex(pattern = r"^[a-z0-9]{1,11}$"))]
    pub listener_name: Option<String>,
    /// Whom the proxies are for brokers, where clients do not authenticate themselves through them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authentication: Option<UpstreamAuthentication>,
    /// How many proxies.
    #[serde(default = "default_replicas")]
    #[schemars(range(min = 0, max = 1000))]
    pub replicas: i32,
    /// How clients reach the proxies. By default one internal listener with TLS.
    #[serde(default = "default_listeners")]
    #[schemars(length(min = 1, max = 16), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub listeners: Vec<Listener>,
    /// Where the proxies' certificates come from. By default from a certificate authority (CA) that the operator makes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<ProxyTls>,
    /// Where keys come from. By default one provider named `default` with keys in a Secret that the operator makes.
    #[serde(default = "default_key_providers")]
    #[schemars(length(min = 1, max = 16), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub key_providers: Vec<KeyProvider>,
    /// How long keys live, and how soon a revoked one stops.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<KeyTimes>,
    /// Keys that the envelopes of stored records may name, and so have proxies ask a provider for: only those that policies of this
    /// Kafka cluster have or had (`Known`), or all (`Any`). By default `Known`, unless the ledger is from a version that did not say
    /// whether it has them all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub envelope_keys: Option<EnvelopeKeys>,
    /// Time between the two equal answers of a broker by which it is settled where history ends under `onPlaintext: PassUntil`. From 1s
    /// to 1h, by default 1m. Less than brokers' `replica.lag.time.max.ms` may cut off records that followers had not copied yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 16), regex(pattern = r"^([0-9]{1,5}h)?([0-9]{1,5}m)?([0-9]{1,5}s)?$"))]
    pub history_settles: Option<String>,
    /// Topics that no rule of any policy matches: `Passthrough` in plaintext, or `Reject` writes to them.
    #[serde(default)]
    pub unmatched_topics: UnmatchedTopics,
    /// Whose policies count.
    #[serde(default)]
    pub allowed_policies: AllowedPolicies,
    /// The image of the proxies. By default the one that belongs to the operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    pub image: Option<String>,
    /// CPU and memory of each proxy, as requests and limits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<ResourceRequirements>,
    /// What the proxies log.
    #[serde(default)]
    pub logging: Logging,
    /// Whether a proxy is alive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub liveness_probe: Option<Probe>,
    /// Whether a proxy takes clients.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub readiness_probe: Option<Probe>,
    /// Whether clients find a Secret in the form of the service binding specification: where to connect, and whom to trust.
    #[serde(default)]
    pub service_binding: bool,
    /// Changes to the objects that the operator makes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<Template>,
    /// Bounds on memory, connections and waiting of each proxy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
}

/// Which keys records open under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum EnvelopeKeys {
    /// Those that policies of the Kafka cluster have or had.
    Known,
    /// All of the providers.
    Any,
}

/// Whom the proxies are for brokers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpstreamAuthentication {
    /// A `KafkaUser` of the same namespace with TLS or SCRAM-SHA-512 authentication.
    pub kafka_user_ref: LocalRef,
}

/// Where certificates come from: at most one of the fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!(has(self.secretRef) && has(self.issuerRef))").message("give at most one of secretRef and issuerRef"))]
pub struct ProxyTls {
    /// A Secret of type `kubernetes.io/tls`, kept up to date by somebody else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<LocalRef>,
    /// An `Issuer` of cert-manager in the same namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer_ref: Option<LocalRef>,
}

/// What happens to topics without a rule.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum UnmatchedTopics {
    /// They pass in plaintext.
    #[default]
    Passthrough,
    /// Writes to them are refused.
    Reject,
}

/// Whose policies count.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("(has(self.namespaces) && self.namespaces == 'Selector') == has(self.selector)").message("selector must be given with namespaces: Selector, and with nothing else").field_path(".selector"))]
pub struct AllowedPolicies {
    /// Which namespaces: only that of the fleet (`Same`), every one (`All`), or those that a selector chooses (`Selector`).
    #[serde(default)]
    pub namespaces: NamespacesFrom,
    /// Labels of the namespaces, for `Selector`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<LabelSelector>,
}

/// Which namespaces.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum NamespacesFrom {
    /// That of the fleet.
    #[default]
    Same,
    /// Every one.
    All,
    /// Those that a selector chooses.
    Selector,
}

/// What the proxies log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Logging {
    /// From which level on.
    #[serde(default)]
    pub level: LogLevel,
    /// Lines of text, or of JSON.
    #[serde(default)]
    pub format: LogFormat,
}

/// From which level on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// What must be mended.
    Error,
    /// What may have to be.
    Warn,
    /// What changes.
    #[default]
    Info,
    /// What happens on each connection.
    Debug,
}

/// The form of a line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For programs.
    #[default]
    Json,
    /// For people.
    Text,
}

fn default_replicas() -> i32 {
    2
}
