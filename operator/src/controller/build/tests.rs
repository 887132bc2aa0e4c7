//! Pods: what they may do, what they see, and how they come and go. Other objects have files of their own.

mod binding;
mod broker_names;
mod documentation;
mod files;
mod key_providers;
mod listeners;
mod metadata;
mod network;
mod samples;
mod services;

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec};
use k8s_openapi::api::core::v1::{Container, PodSpec, Volume};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::{deployment, mounted_secrets, service_account};
use crate::controller::fixtures::{fleet, observed, settings, with_proxy};
use crate::fleet::Fleet;

fn deployed(fleet: &Fleet) -> Deployment {
    deployment(fleet, &settings(&[]), "hash-of-proxy-yaml")
}

fn spec(fleet: &Fleet) -> DeploymentSpec {
    deployed(fleet).spec.unwrap()
}

fn pod(fleet: &Fleet) -> PodSpec {
    spec(fleet).template.spec.unwrap()
}

fn container(fleet: &Fleet) -> Container {
    let mut containers = pod(fleet).containers;
    assert_eq!(containers.len(), 1);
    containers.remove(0)
}

/// Every listener, provider and credential that there can be.
fn everything() -> Fleet {
    let listeners = "[{name: tls}, {name: mtls, port: 9300, authentication: {type: tls}}]";
    let providers = "[{name: default, local: {}}, {name: other, local: {secretRef: {name: my-keys}}}]";
    let authentication = "{kafkaUserRef: {name: proxies}}";
    fleet(&with_proxy(&format!(
        "{{listeners: {listeners}, keyProviders: {providers}, listenerName: mtls, authentication: {authentication}}}"
    )
    .replace("{name: tls}", "{name: tls, authentication: {type: tls, caSecretRef: {name: my-clients}}}")))
}

/// What the `restricted` Pod Security Standard asks for, as of Kubernetes 1.33.
fn assert_restricted(pod: &PodSpec) {
    assert!(
        !pod.host_network.unwrap_or(false)
            && !pod.host_pid.unwrap_or(false)
            && !pod.host_ipc.unwrap_or(false)
    );
    let security = pod.security_context.as_ref().unwrap();
    assert!(security.sysctls.is_none());
    assert_eq!(security.run_as_non_root, Some(true));
    assert!(security.run_as_user.is_some_and(|user| user != 0));
    assert_eq!(
        security.seccomp_profile.as_ref().map(|profile| profile.type_.as_str()),
        Some("RuntimeDefault")
    );
    for volume in pod.volumes.iter().flatten() {
        let Volume { name, config_map, secret, empty_dir, projected, image, .. } = volume.clone();
        let allowed = Volume { name, config_map, secret, empty_dir, projected, image, ..Volume::default() };
        assert_eq!(*volume, allowed, "only ConfigMaps, Secrets, tokens, images and empty directories");
    }
    for container in &pod.containers {
        let security = container.security_context.as_ref().unwrap();
        assert_eq!(security.allow_privilege_escalation, Some(false));
        assert!(!security.privileged.unwrap_or(false) && security.run_as_non_root != Some(false));
        let capabilities = security.capabilities.as_ref().unwrap();
        assert_eq!(capabilities.drop, Some(vec!["ALL".to_owned()]));
        assert!(capabilities.add.is_none());
        assert!(container.ports.iter().flatten().all(|port| port.host_port.is_none()));
    }
}

#[test]
fn pods_pass_the_restricted_standard() {
    assert_restricted(&pod(&fleet(&observed())));
    assert_restricted(&pod(&everything()));
}

#[test]
fn pods_have_no_token_and_the_account_mounts_none() {
    let fleet = fleet(&observed());
    assert_eq!(pod(&fleet).automount_service_account_token, Some(false));
    assert_eq!(service_account(&fleet).automount_service_account_token, Some(false));
    assert_eq!(pod(&fleet).service_account_name, service_account(&fleet).metadata.name);
}

#[test]
fn nothing_is_written_but_into_memory_of_a_bounded_size() {
    let fleet = everything();
    let container = container(&fleet);
    assert_eq!(container.security_context.unwrap().read_only_root_filesystem, Some(true));
    let volumes: BTreeMap<_, _> =
        pod(&fleet).volumes.unwrap().into_iter().map(|volume| (volume.name.clone(), volume)).collect();
    let mut writable = Vec::new();
    for mount in container.volume_mounts.unwrap() {
        if mount.read_only == Some(true) {
            continue;
        }
        let directory = volumes[&mount.name].empty_dir.as_ref().unwrap();
        assert_eq!(directory.medium.as_deref(), Some("Memory"));
        assert_eq!(directory.size_limit.as_ref().unwrap().0, "5Mi");
        writable.push(mount.mount_path);
    }
    assert_eq!(writable, ["/tmp"]);
}

#[test]
fn every_volume_is_mounted_once_where_the_files_say() {
    let fleet = everything();
    let volumes = pod(&fleet).volumes.unwrap();
    let mounts = container(&fleet).volume_mounts.unwrap();
    let named: Vec<_> = volumes.iter().map(|volume| &volume.name).collect();
    assert_eq!(named, mounts.iter().map(|mount| &mount.name).collect::<Vec<_>>());
    let places: BTreeMap<_, _> = volumes
        .iter()
        .zip(&mounts)
        .filter_map(|(volume, mount)| {
            let secret = volume.secret.as_ref()?;
            // The group of the pod may read, nobody else.
            assert_eq!(secret.default_mode, Some(0o440));
            Some((mount.mount_path.as_str(), secret.secret_name.as_deref()?))
        })
        .collect();
    let expected = [
        ("/etc/topic-encryption-clients/mtls", "my-cluster-clients-ca-cert"),
        ("/etc/topic-encryption-clients/tls", "my-clients"),
        ("/etc/topic-encryption-keys/default", "my-cluster-encryption-keys"),
        ("/etc/topic-encryption-keys/other", "my-keys"),
        ("/etc/topic-encryption-tls", "my-cluster-encryption-tls"),
        ("/etc/topic-encryption-upstream/ca", "my-cluster-cluster-ca-cert"),
        ("/etc/topic-encryption-upstream/user", "strimzi-proxies"),
    ];
    assert_eq!(places, expected.into());
    let mut mounted = mounted_secrets(&fleet);
    mounted.sort();
    let mut secrets: Vec<_> = expected.iter().map(|(_, secret)| (*secret).to_owned()).collect();
    secrets.sort();
    assert_eq!(mounted, secrets);
}

#[test]
fn a_new_proxy_is_ready_before_an_old_one_ends() {
    let rolling = spec(&fleet(&observed())).strategy.unwrap().rolling_update.unwrap();
    assert_eq!(rolling.max_surge, Some(IntOrString::Int(1)));
    assert_eq!(rolling.max_unavailable, Some(IntOrString::Int(0)));
    let recreate = with_proxy("{template: {deployment: {deploymentStrategy: Recreate}}}");
    let strategy = spec(&fleet(&recreate)).strategy.unwrap();
    assert_eq!((strategy.type_.as_deref(), strategy.rolling_update), (Some("Recreate"), None));
}

#[test]
fn pods_spread_over_zones_and_nodes_but_run_anyway() {
    let fleet = fleet(&observed());
    let spread = pod(&fleet).topology_spread_constraints.unwrap();
    let keys: Vec<_> = spread.iter().map(|each| each.topology_key.as_str()).collect();
    assert_eq!(keys, ["topology.kubernetes.io/zone", "kubernetes.io/hostname"]);
    for each in spread {
        assert_eq!((each.max_skew, each.when_unsatisfiable.as_str()), (1, "ScheduleAnyway"));
        assert_eq!(each.label_selector, Some(fleet.names.selector()));
    }
}

#[test]
fn probes_ask_the_admin_port_and_take_the_users_numbers() {
    let observed = with_proxy("{livenessProbe: {failureThreshold: 9}, readinessProbe: {periodSeconds: 7}}");
    let container = container(&fleet(&observed));
    assert!(container.ports.unwrap().iter().any(|port| port.name.as_deref() == Some("admin")));
    let (live, ready) = (container.liveness_probe.unwrap(), container.readiness_probe.unwrap());
    for (probe, path) in [(&live, "/livez"), (&ready, "/readyz")] {
        let http = probe.http_get.as_ref().unwrap();
        assert_eq!(
            (http.path.as_deref(), &http.port),
            (Some(path), &IntOrString::String("admin".to_owned()))
        );
    }
    assert_eq!((live.failure_threshold, ready.period_seconds), (Some(9), Some(7)));
}

#[test]
fn a_change_of_what_is_read_once_rolls_the_pods() {
    let fleet = fleet(&observed());
    let other = deployment(&fleet, &settings(&[]), "another-hash");
    assert_ne!(deployed(&fleet).spec.unwrap().template, other.spec.unwrap().template);
}
