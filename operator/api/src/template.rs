//! Changes to the objects that the operator makes, with the names that Strimzi gives them.

mod service;

pub use self::service::{ExternalServiceTemplate, ExternalTrafficPolicy, ServiceTemplate};

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Affinity, CSIVolumeSource, ConfigMapVolumeSource, EmptyDirVolumeSource, EnvVar, HostAlias,
    ImageVolumeSource, LocalObjectReference, PersistentVolumeClaimVolumeSource, PodDNSConfig,
    PodSecurityContext, SecretVolumeSource, SecurityContext, Toleration, TopologySpreadConstraint,
    VolumeMount,
};
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Changes to the objects that the operator makes. What is given here wins over its defaults; labels and annotations are added
/// to its own, which stay.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Template {
    /// The Deployment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment: Option<DeploymentTemplate>,
    /// Its pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod: Option<PodTemplate>,
    /// The container of the proxy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy_container: Option<ContainerTemplate>,
    /// The Services of listeners, and of those of the types `loadbalancer` and `nodeport` what `externalService` does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<ServiceTemplate>,
    /// The Services of listeners of the types `loadbalancer` and `nodeport`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_service: Option<ExternalServiceTemplate>,
    /// How many proxies may be away at the same time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_disruption_budget: Option<PodDisruptionBudgetTemplate>,
    /// The `ServiceAccount`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_account: Option<MetadataOnly>,
}

/// Labels and annotations.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    /// Labels. Those of the operator stay.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Annotations. Those of the operator stay.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// An object of which only labels and annotations can be changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct MetadataOnly {
    /// Labels and annotations.
    #[serde(default)]
    pub metadata: Metadata,
}

/// The Deployment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeploymentTemplate {
    /// Labels and annotations.
    #[serde(default)]
    pub metadata: Metadata,
    /// `RollingUpdate` starts a new proxy before it ends an old one; `Recreate` ends all first.
    #[serde(default)]
    pub deployment_strategy: DeploymentStrategy,
}

/// How pods are replaced.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DeploymentStrategy {
    /// A new one before an old one ends.
    #[default]
    RollingUpdate,
    /// All old ones end first.
    Recreate,
}

/// Pods.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.securityContext) || !has(self.securityContext.windowsOptions) || !has(self.securityContext.windowsOptions.hostProcess) || !self.securityContext.windowsOptions.hostProcess").message("securityContext.windowsOptions.hostProcess must not be true; leave it out").field_path(".securityContext"))]
#[x_kube(validation = Rule::new("!has(self.volumes) || self.volumes.all(volume, !(volume.name in ['config', 'state', 'tmp', 'tls', 'upstream-ca', 'upstream-user']) && !volume.name.startsWith('keys-') && !volume.name.startsWith('clients-'))").message("volumes[].name must not be config, state, tmp, tls, upstream-ca or upstream-user, nor begin with keys- or clients-: the operator has volumes of these names").field_path(".volumes"))]
pub struct PodTemplate {
    /// Labels and annotations.
    #[serde(default)]
    pub metadata: Metadata,
    /// Secrets to pull images with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub image_pull_secrets: Vec<LocalObjectReference>,
    /// The security context of the pod. By default what the `restricted` profile asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security_context: Option<PodSecurityContext>,
    /// How long a proxy has to end, in seconds, with what it needs to hand its clients over. By default 60.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 15, max = 3600))]
    pub termination_grace_period_seconds: Option<i64>,
    /// Where pods run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub affinity: Option<Affinity>,
    /// Which taints they tolerate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub tolerations: Vec<Toleration>,
    /// How they spread. By default over nodes and zones, where possible.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub topology_spread_constraints: Vec<TopologySpreadConstraint>,
    /// Their priority class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority_class_name: Option<String>,
    /// Their scheduler.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduler_name: Option<String>,
    /// Names that they know besides DNS.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub host_aliases: Vec<HostAlias>,
    /// How they resolve names: `ClusterFirst`, `ClusterFirstWithHostNet`, `Default` or `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub dns_policy: Option<String>,
    /// Servers, domains and options of their resolver besides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dns_config: Option<PodDNSConfig>,
    /// Whether every Service of the namespace is told in environment variables. By default not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enable_service_links: Option<bool>,
    /// Whether they use the node's user namespace. By default as the cluster decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_users: Option<bool>,
    /// Volumes besides those of the operator, for `proxyContainer.volumeMounts`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub volumes: Vec<AdditionalVolume>,
    /// The most that `/tmp` holds, in memory. By default 5Mi.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32), regex(pattern = r"^[0-9]+(\.[0-9]+)?(Ki|Mi|Gi|k|M|G)?$"))]
    pub tmp_dir_size_limit: Option<String>,
}

/// A volume of a pod: exactly one of the fields besides its name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("[has(self.secret), has(self.configMap), has(self.emptyDir), has(self.persistentVolumeClaim), has(self.csi), has(self.image)].filter(given, given).size() == 1").message("give exactly one of secret, configMap, emptyDir, persistentVolumeClaim, csi and image"))]
pub struct AdditionalVolume {
    /// Its name, by which it is mounted.
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub name: String,
    /// A Secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<SecretVolumeSource>,
    /// A `ConfigMap`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_map: Option<ConfigMapVolumeSource>,
    /// A directory that is empty at first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub empty_dir: Option<EmptyDirVolumeSource>,
    /// A claim.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub persistent_volume_claim: Option<PersistentVolumeClaimVolumeSource>,
    /// What a driver provides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub csi: Option<CSIVolumeSource>,
    /// What an image has, read-only. Kubernetes must know such volumes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageVolumeSource>,
}

/// A container.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.securityContext) || !has(self.securityContext.privileged) || !self.securityContext.privileged").message("securityContext.privileged must not be true: a proxy needs nothing of its node; leave it out").field_path(".securityContext"))]
#[x_kube(validation = Rule::new("!has(self.securityContext) || !has(self.securityContext.allowPrivilegeEscalation) || !self.securityContext.allowPrivilegeEscalation").message("securityContext.allowPrivilegeEscalation must not be true: a proxy gains no rights; leave it out").field_path(".securityContext"))]
#[x_kube(validation = Rule::new("!has(self.securityContext) || !has(self.securityContext.capabilities) || !has(self.securityContext.capabilities.add) || self.securityContext.capabilities.add.size() == 0").message("securityContext.capabilities.add must be empty: ports of listeners need no capability; leave it out").field_path(".securityContext"))]
#[x_kube(validation = Rule::new("!has(self.securityContext) || !has(self.securityContext.windowsOptions) || !has(self.securityContext.windowsOptions.hostProcess) || !self.securityContext.windowsOptions.hostProcess").message("securityContext.windowsOptions.hostProcess must not be true; leave it out").field_path(".securityContext"))]
#[x_kube(validation = Rule::new("!has(self.volumeMounts) || self.volumeMounts.all(mount, mount.mountPath.startsWith('/mnt/'))").message("volumeMounts[].mountPath must begin with /mnt/").field_path(".volumeMounts"))]
pub struct ContainerTemplate {
    /// Environment variables.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub env: Vec<EnvVar>,
    /// Where volumes of `pod.volumes` are mounted: below `/mnt/`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub volume_mounts: Vec<VolumeMount>,
    /// The security context of the container. By default what the `restricted` profile asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security_context: Option<SecurityContext>,
}

/// How many proxies may be away at the same time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct PodDisruptionBudgetTemplate {
    /// Labels and annotations.
    #[serde(default)]
    pub metadata: Metadata,
    /// The most. By default 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1000))]
    pub max_unavailable: Option<i32>,
}

/// When a probe asks, and what it makes of the answers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Probe {
    /// How long after the start the first question is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 3600))]
    pub initial_delay_seconds: Option<i32>,
    /// How often it is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 3600))]
    pub period_seconds: Option<i32>,
    /// How long an answer may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 3600))]
    pub timeout_seconds: Option<i32>,
    /// How many bad answers in a row count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub failure_threshold: Option<i32>,
}
