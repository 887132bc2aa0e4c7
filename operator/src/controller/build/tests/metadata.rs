//! Labels, owners, and what templates may change.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};

use super::{container, deployed, pod, spec};
use crate::controller::build::{
    Files, authority_bundle, config_map, deployment, mounted_secrets, network_policy, pod_disruption_budget,
    service_account, services,
};
use crate::controller::fixtures::{fleet, observed, settings, with_proxy};
use crate::fleet::Fleet;

fn all(fleet: &Fleet) -> Vec<ObjectMeta> {
    let [proxy, brokers, policy, sources, ledger] = Default::default();
    let mut all = vec![
        deployed(fleet).metadata,
        service_account(fleet).metadata,
        pod_disruption_budget(fleet).unwrap().metadata,
        network_policy(fleet, &settings(&[])).metadata,
        config_map(fleet, &Files { proxy, brokers, policy, sources, ledger }).metadata,
        authority_bundle(fleet, "").metadata,
    ];
    all.extend(services(fleet).into_iter().map(|service| service.metadata));
    all
}

fn owner(fleet: &Fleet) -> OwnerReference {
    let owners: Vec<_> = all(fleet).into_iter().map(|each| each.owner_references.unwrap()).collect();
    let owner = owners[0][0].clone();
    assert!(owners.iter().all(|owners| *owners == [owner.clone()]));
    owner
}

#[test]
fn the_kafka_resource_owns_a_fleet_without_settings() {
    let owner = owner(&fleet(&observed()));
    assert_eq!((owner.kind.as_str(), owner.name.as_str()), ("Kafka", "my-cluster"));
    assert_eq!(owner.api_version, "kafka.strimzi.io/v1");
    assert_eq!(owner.uid, "5b1c7f0a-7f7a-4c55-9a07-3d2f4a8f9d10");
    assert_eq!(owner.block_owner_deletion, Some(true));
}

#[test]
fn an_encryption_proxy_owns_its_fleet() {
    let owner = owner(&fleet(&with_proxy("{}")));
    assert_eq!(owner.api_version, "encryption.strimzi.io/v1alpha1");
    assert_eq!((owner.kind.as_str(), owner.name.as_str()), ("EncryptionProxy", "proxies"));
    assert_eq!(owner.uid, "uid-of-proxies");
}

#[test]
fn what_must_outlast_the_fleet_has_no_owner() {
    assert_eq!(fleet(&observed()).lasting_metadata("ledger".to_owned()).owner_references, None);
}

#[test]
fn everything_is_labelled_as_ours() {
    let fleet = fleet(&observed());
    for metadata in all(&fleet) {
        let labels = metadata.labels.unwrap();
        assert!(
            fleet.names.labels().iter().all(|(name, value)| labels.get(name) == Some(value)),
            "{labels:?}"
        );
        assert_eq!(metadata.namespace.as_deref(), Some("kafka"));
    }
}

#[test]
fn a_users_labels_are_added_and_never_take_the_place_of_ours() {
    let template = "{metadata: {
        labels: {team: payments, app.kubernetes.io/name: mine, encryption.strimzi.io/kafka: mine},
        annotations: {note: hello, encryption.strimzi.io/proxy-yaml-hash: mine, strimzi.io/discovery: mine},
    }}";
    let kinds = ["deployment", "pod", "service", "podDisruptionBudget", "serviceAccount"];
    let template: Vec<_> = kinds.iter().map(|kind| format!("{kind}: {template}")).collect();
    let fleet = fleet(&with_proxy(&format!("{{template: {{{}}}}}", template.join(", "))));
    let mut changed = vec![
        deployed(&fleet).metadata,
        spec(&fleet).template.metadata.unwrap(),
        pod_disruption_budget(&fleet).unwrap().metadata,
        service_account(&fleet).metadata,
    ];
    changed.extend(services(&fleet).into_iter().map(|service| service.metadata));
    for ObjectMeta { labels, annotations, .. } in changed {
        let labels = labels.unwrap();
        assert_eq!(labels["team"], "payments");
        assert!(
            fleet.names.labels().iter().all(|(name, value)| labels.get(name) == Some(value)),
            "{labels:?}"
        );
        assert_eq!(annotations.unwrap()["note"], "hello");
    }
    let pod = spec(&fleet).template.metadata.unwrap().annotations.unwrap();
    assert_eq!(pod["encryption.strimzi.io/proxy-yaml-hash"], "hash-of-proxy-yaml");
    let service = services(&fleet).remove(0).metadata.annotations.unwrap();
    assert!(service["strimzi.io/discovery"].starts_with('['));
}

#[test]
fn a_users_security_contexts_win_as_a_whole() {
    let fleet = fleet(&with_proxy(
        "{template: {pod: {securityContext: {runAsUser: 1234}},
                     proxyContainer: {securityContext: {readOnlyRootFilesystem: false}}}}",
    ));
    let security = pod(&fleet).security_context.unwrap();
    assert_eq!((security.run_as_user, security.fs_group), (Some(1234), None));
    let security = container(&fleet).security_context.unwrap();
    assert_eq!((security.read_only_root_filesystem, security.capabilities), (Some(false), None));
}

#[test]
fn pull_secrets_are_the_operators_unless_the_user_names_some() {
    let arguments =
        settings(&["--proxy-image-pull-secrets", "one,two", "--proxy-image-pull-policy", "Always"]);
    let secrets = |observed| {
        let pod = deployment(&fleet(&observed), &arguments, "").spec.unwrap().template.spec.unwrap();
        assert_eq!(pod.containers[0].image_pull_policy.as_deref(), Some("Always"));
        pod.image_pull_secrets.unwrap().into_iter().map(|secret| secret.name).collect::<Vec<_>>()
    };
    assert_eq!(secrets(observed()), ["one", "two"]);
    assert_eq!(secrets(with_proxy("{template: {pod: {imagePullSecrets: [{name: mine}]}}}")), ["mine"]);
}

#[test]
fn image_resources_and_environment_are_the_users() {
    let fleet = fleet(&with_proxy(
        "{image: 'mine:2', resources: {limits: {cpu: '2'}},
          template: {proxyContainer: {env: [{name: A, value: b}]}, pod: {tmpDirSizeLimit: 9Mi, priorityClassName: high}}}",
    ));
    let container = container(&fleet);
    assert_eq!(container.image.as_deref(), Some("mine:2"));
    assert_eq!(container.resources.unwrap().limits.unwrap()["cpu"].0, "2");
    assert_eq!(container.env.unwrap()[0].name, "A");
    assert_eq!(pod(&fleet).priority_class_name.as_deref(), Some("high"));
    let tmp = pod(&fleet).volumes.unwrap().into_iter().find(|volume| volume.name == "tmp").unwrap();
    assert_eq!(tmp.empty_dir.unwrap().size_limit.unwrap().0, "9Mi");
}

#[test]
fn what_else_pods_have_is_the_users_and_the_operators_volumes_stay() {
    let plain = fleet(&observed());
    let fleet = fleet(&with_proxy(
        "{template: {
            pod: {
                dnsPolicy: None, dnsConfig: {nameservers: [192.0.2.53]}, enableServiceLinks: true, hostUsers: false,
                volumes: [{name: tokens, csi: {driver: tokens.example.com}}, {name: more, secret: {secretName: mine}}],
            },
            proxyContainer: {volumeMounts: [{name: tokens, mountPath: /mnt/tokens, readOnly: true}]},
        }}",
    ));
    let (before, after) = (pod(&plain), pod(&fleet));
    assert_eq!((before.enable_service_links, before.host_users), (Some(false), None));
    assert_eq!((after.enable_service_links, after.host_users), (Some(true), Some(false)));
    assert_eq!(after.dns_policy.as_deref(), Some("None"));
    assert_eq!(after.dns_config.unwrap().nameservers.unwrap(), ["192.0.2.53"]);
    let (before, after) = (before.volumes.unwrap(), after.volumes.unwrap());
    assert!(after.starts_with(&before));
    let added: Vec<_> = after[before.len()..].iter().map(|volume| volume.name.as_str()).collect();
    assert_eq!(added, ["tokens", "more"]);
    let mounts = container(&fleet).volume_mounts.unwrap();
    assert_eq!(mounts.last().unwrap().mount_path, "/mnt/tokens");
    // What only the user mounts does not make the operator look at Secrets.
    assert!(!mounted_secrets(&fleet).contains(&"mine".to_owned()));
}

#[test]
fn selectors_are_few_labels_that_never_change() {
    let selector = spec(&fleet(&observed())).selector.match_labels.unwrap();
    let labels: Vec<_> = selector.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(
        labels,
        ["app.kubernetes.io/instance=my-cluster", "app.kubernetes.io/name=topic-encryption-proxy"]
    );
}
