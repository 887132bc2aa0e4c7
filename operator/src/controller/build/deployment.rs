//! The proxies. A new one is ready before an old one ends, and an old one hands its clients over before it does.

use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec, DeploymentStrategy, RollingUpdateDeployment};
use k8s_openapi::api::core::v1::{
    Capabilities, Container, ContainerPort, HTTPGetAction, Lifecycle, LifecycleHandler, LocalObjectReference,
    PodSecurityContext, PodSpec, PodTemplateSpec, ResourceRequirements, SeccompProfile, SecurityContext,
    SleepAction, TopologySpreadConstraint,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use operator_api::{DeploymentStrategy as Strategy, Metadata, PodTemplate};

use super::{merge, non_empty};
use crate::fleet::{Fleet, Listener};
use crate::settings::Settings;

mod volumes;

pub(super) use self::volumes::{
    KEYS_DIRECTORY, REVOKED_FILE, SERVER_CERTIFICATE_DIRECTORY, UPSTREAM_CA_DIRECTORY,
    UPSTREAM_USER_DIRECTORY, client_ca_directory, revoked_directory,
};
pub(crate) use self::volumes::{UPSTREAM_USER_VOLUME, mounted_secrets};

/// The container of the proxy, beside which others may be put.
pub(crate) const CONTAINER: &str = "proxy";
/// Health, metrics, and what is loaded.
pub(crate) const ADMIN_PORT: u16 = 8080;
/// How long Services may take to stop sending new clients.
pub(super) const PRE_STOP_SECONDS: i64 = 5;
const GRACE_SECONDS: i64 = 60;
/// The user of the image.
const USER: i64 = 65532;
/// What proxies read once: a new content rolls the pods.
const PROXY_YAML_ANNOTATION: &str = "encryption.strimzi.io/proxy-yaml-hash";

pub(super) fn grace_period_seconds(fleet: &Fleet) -> i64 {
    let template = fleet.template.pod.as_ref();
    template.and_then(|pod| pod.termination_grace_period_seconds).unwrap_or(GRACE_SECONDS)
}

pub(crate) fn deployment(fleet: &Fleet, settings: &Settings, proxy_yaml_hash: &str) -> Deployment {
    let template = fleet.template.deployment.as_ref();
    let pod = fleet.template.pod.clone().unwrap_or_default();
    Deployment {
        metadata: merge(fleet.metadata(fleet.names.fleet()), template.map(|template| &template.metadata)),
        spec: Some(DeploymentSpec {
            replicas: Some(fleet.replicas),
            selector: fleet.names.selector(),
            strategy: Some(strategy(
                template.map_or(Strategy::RollingUpdate, |each| each.deployment_strategy),
            )),
            template: PodTemplateSpec {
                metadata: Some(pod_metadata(fleet, &pod.metadata, proxy_yaml_hash)),
                spec: Some(pod_spec(fleet, settings, pod)),
            },
            ..DeploymentSpec::default()
        }),
        status: None,
    }
}

fn strategy(strategy: Strategy) -> DeploymentStrategy {
    match strategy {
        Strategy::Recreate => DeploymentStrategy { type_: Some("Recreate".to_owned()), rolling_update: None },
        Strategy::RollingUpdate => DeploymentStrategy {
            type_: Some("RollingUpdate".to_owned()),
            rolling_update: Some(RollingUpdateDeployment {
                max_surge: Some(IntOrString::Int(1)),
                max_unavailable: Some(IntOrString::Int(0)),
            }),
        },
    }
}

fn pod_metadata(fleet: &Fleet, template: &Metadata, proxy_yaml_hash: &str) -> ObjectMeta {
    let metadata = ObjectMeta {
        labels: Some(fleet.names.labels()),
        annotations: non_empty([(PROXY_YAML_ANNOTATION.to_owned(), proxy_yaml_hash.to_owned())].into()),
        ..ObjectMeta::default()
    };
    merge(metadata, Some(template))
}

fn pod_spec(fleet: &Fleet, settings: &Settings, template: PodTemplate) -> PodSpec {
    let spread = if template.topology_spread_constraints.is_empty() {
        vec![spread(fleet, "topology.kubernetes.io/zone"), spread(fleet, "kubernetes.io/hostname")]
    } else {
        template.topology_spread_constraints
    };
    let pull_secrets = if template.image_pull_secrets.is_empty() {
        let names = settings.proxy_image_pull_secrets.iter();
        names.map(|name| LocalObjectReference { name: name.clone() }).collect()
    } else {
        template.image_pull_secrets
    };
    let mut volumes = volumes::volumes(fleet, template.tmp_dir_size_limit.as_deref());
    volumes.extend(template.volumes.into_iter().map(volumes::additional));
    PodSpec {
        service_account_name: Some(fleet.names.fleet()),
        automount_service_account_token: Some(false),
        enable_service_links: Some(template.enable_service_links.unwrap_or(false)),
        dns_policy: template.dns_policy,
        dns_config: template.dns_config,
        host_users: template.host_users,
        termination_grace_period_seconds: Some(grace_period_seconds(fleet)),
        security_context: Some(template.security_context.unwrap_or_else(pod_security)),
        containers: vec![container(fleet, settings)],
        volumes: Some(volumes),
        affinity: template.affinity,
        tolerations: Some(template.tolerations).filter(|list| !list.is_empty()),
        topology_spread_constraints: Some(spread),
        priority_class_name: template.priority_class_name,
        scheduler_name: template.scheduler_name,
        host_aliases: Some(template.host_aliases).filter(|list| !list.is_empty()),
        image_pull_secrets: Some(pull_secrets).filter(|list| !list.is_empty()),
        ..PodSpec::default()
    }
}

fn container(fleet: &Fleet, settings: &Settings) -> Container {
    let template = fleet.template.proxy_container.clone().unwrap_or_default();
    Container {
        name: CONTAINER.to_owned(),
        image: Some(fleet.image.clone()),
        image_pull_policy: settings.proxy_image_pull_policy.clone(),
        args: Some(["run", "--config", "/etc/topic-encryption/proxy.yaml"].map(str::to_owned).to_vec()),
        env: Some(template.env).filter(|list| !list.is_empty()),
        ports: Some(
            fleet.listeners.iter().map(client_port).chain([container_port("admin", ADMIN_PORT)]).collect(),
        ),
        resources: Some(fleet.resources.clone().unwrap_or_else(resources)),
        security_context: Some(template.security_context.unwrap_or_else(container_security)),
        volume_mounts: Some(volumes::mounts(fleet).into_iter().chain(template.volume_mounts).collect()),
        liveness_probe: Some(probe(&fleet.liveness_probe, "/livez", 10, 3)),
        readiness_probe: Some(probe(&fleet.readiness_probe, "/readyz", 2, 3)),
        lifecycle: Some(Lifecycle {
            pre_stop: Some(LifecycleHandler {
                sleep: Some(SleepAction { seconds: PRE_STOP_SECONDS }),
                ..LifecycleHandler::default()
            }),
            ..Lifecycle::default()
        }),
        ..Container::default()
    }
}

fn client_port(listener: &Listener) -> ContainerPort {
    container_port(&format!("tcp-{}", listener.name), listener.port)
}

fn container_port(name: &str, port: u16) -> ContainerPort {
    ContainerPort {
        name: Some(name.to_owned()),
        container_port: i32::from(port),
        protocol: Some("TCP".to_owned()),
        ..ContainerPort::default()
    }
}

/// Enough for a start; what a fleet needs depends on its clients, and is said in the `EncryptionProxy`.
fn resources() -> ResourceRequirements {
    let quantities = |pairs: &[(&str, &str)]| {
        Some(pairs.iter().map(|(name, value)| ((*name).to_owned(), Quantity((*value).to_owned()))).collect())
    };
    ResourceRequirements {
        requests: quantities(&[("cpu", "100m"), ("memory", "128Mi")]),
        limits: quantities(&[("memory", "1Gi")]),
        claims: None,
    }
}

fn probe(
    given: &operator_api::Probe,
    path: &str,
    period: i32,
    failures: i32,
) -> k8s_openapi::api::core::v1::Probe {
    k8s_openapi::api::core::v1::Probe {
        http_get: Some(HTTPGetAction {
            path: Some(path.to_owned()),
            port: IntOrString::String("admin".to_owned()),
            scheme: Some("HTTP".to_owned()),
            ..HTTPGetAction::default()
        }),
        initial_delay_seconds: given.initial_delay_seconds,
        period_seconds: Some(given.period_seconds.unwrap_or(period)),
        timeout_seconds: Some(given.timeout_seconds.unwrap_or(5)),
        failure_threshold: Some(given.failure_threshold.unwrap_or(failures)),
        ..k8s_openapi::api::core::v1::Probe::default()
    }
}

/// What the `restricted` profile asks of a pod.
fn pod_security() -> PodSecurityContext {
    PodSecurityContext {
        run_as_non_root: Some(true),
        run_as_user: Some(USER),
        run_as_group: Some(USER),
        fs_group: Some(USER),
        seccomp_profile: Some(SeccompProfile { type_: "RuntimeDefault".to_owned(), localhost_profile: None }),
        ..PodSecurityContext::default()
    }
}

/// What it asks of a container, and a file system that cannot be written.
fn container_security() -> SecurityContext {
    SecurityContext {
        allow_privilege_escalation: Some(false),
        read_only_root_filesystem: Some(true),
        capabilities: Some(Capabilities { add: None, drop: Some(vec!["ALL".to_owned()]) }),
        ..SecurityContext::default()
    }
}

fn spread(fleet: &Fleet, over: &str) -> TopologySpreadConstraint {
    TopologySpreadConstraint {
        max_skew: 1,
        topology_key: over.to_owned(),
        when_unsatisfiable: "ScheduleAnyway".to_owned(),
        label_selector: Some(fleet.names.selector()),
        ..TopologySpreadConstraint::default()
    }
}
