//! Fleets from the samples: what is built of each is what proxies take and what a namespace of restricted pods admits.

use std::path::Path;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::PodSpec;
use operator_api::EncryptionProxy;
use proxy_config::{Decision, EffectivePolicy, Ledger, Policy, ProxyConfig};
use serde::Deserialize as _;
use serde_json::Value;

use super::files::config;
use super::{assert_restricted, pod};
use crate::controller::build::{network_policy, services};
use crate::controller::fixtures::{fleet, observed, settings, with_proxy};

const SAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/samples");

/// The `EncryptionProxy` of each sample that has one.
fn proxies() -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for entry in Path::new(SAMPLES).read_dir().unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        for document in text.split("\n---\n") {
            let object: Value = serde_yaml::from_str(document).unwrap();
            if object["kind"] == "EncryptionProxy" {
                // As the API server would, so that defaults and types count.
                let read: EncryptionProxy = serde_json::from_value(object.clone()).unwrap();
                assert_eq!(read.spec.kafka_ref.name, "my-cluster", "{}", path.display());
                found
                    .push((path.file_name().unwrap().to_string_lossy().into_owned(), object["spec"].clone()));
            }
        }
    }
    found
}

/// Conformance: TE-B09.
#[test]
fn every_sample_becomes_a_fleet() {
    let proxies = proxies();
    for (file, mut spec) in proxies.clone() {
        // The user of the cluster that the tests know, at the listener that takes it.
        if spec["authentication"].is_object() {
            spec["authentication"]["kafkaUserRef"]["name"] = "proxies".into();
            spec["listenerName"] = "mtls".into();
        }
        let fleet = fleet(&with_proxy(&spec.to_string()));
        let told = config(&fleet);
        let wanted = spec["listeners"].as_array().map_or(1, Vec::len);
        let waits = |each: &&Value| each["type"] == "loadbalancer" && each["advertisedHost"].is_null();
        let balancers = spec["listeners"].as_array().into_iter().flatten().filter(waits);
        // Load balancers have no address yet, so proxies are not told of them.
        assert_eq!(told.listeners.len(), wanted - balancers.count(), "{file}");
        let providers = spec["keyProviders"].as_array().map_or(1, Vec::len);
        assert_eq!(told.key_providers.len(), providers, "{file}");
        assert_restricted(&pod(&fleet));
        assert!(!services(&fleet).is_empty(), "{file}");
        let policy = network_policy(&fleet, &settings(&[])).spec.unwrap();
        assert_eq!(policy.policy_types.unwrap(), ["Ingress", "Egress"], "{file}");
    }
    assert!(proxies.len() >= 7, "{proxies:?}");
}

/// Where a volume of a pod comes from, by the folder that it is at.
fn source(pod: &PodSpec, folder: &str) -> String {
    let mounts = pod.containers.iter().flat_map(|container| container.volume_mounts.iter().flatten());
    let mount = mounts.into_iter().find(|mount| mount.mount_path == folder).unwrap();
    let volume = pod.volumes.iter().flatten().find(|volume| volume.name == mount.name).unwrap();
    let map = volume.config_map.as_ref().map(|map| map.name.clone());
    map.or_else(|| volume.secret.as_ref()?.secret_name.clone()).unwrap()
}

#[test]
fn audits_read_the_files_of_the_fleet_where_its_pods_have_them() {
    for file in ["70-audit.yaml", "71-audit-without-authentication.yaml"] {
        let text = std::fs::read_to_string(Path::new(SAMPLES).join(file)).unwrap();
        let objects = serde_yaml::Deserializer::from_str(&text).map(|each| Value::deserialize(each).unwrap());
        let job = objects.into_iter().find(|object| object["kind"] == "Job").unwrap();
        let job: Job = serde_json::from_value(job).unwrap();
        let audit = job.spec.unwrap().template.spec.unwrap();
        assert_restricted(&audit);
        let fleet = pod(&fleet(&observed()));
        for folder in ["/etc/topic-encryption", "/etc/topic-encryption-upstream/ca"] {
            assert_eq!(source(&audit, folder), source(&fleet, folder), "{file}: {folder}");
        }
        let words = audit.containers[0].args.as_ref().unwrap();
        assert!(words.contains(&"--config=/etc/topic-encryption/proxy.yaml".to_owned()), "{file}: {words:?}");
    }
}

/// P17-33: a proxy beside a client, from files alone.
#[test]
fn the_sidecar_reads_its_files_where_the_pod_has_them() {
    let text = std::fs::read_to_string(Path::new(SAMPLES).join("42-sidecar.yaml")).unwrap();
    let objects = serde_yaml::Deserializer::from_str(&text).map(|each| Value::deserialize(each).unwrap());
    let [map, deployment] = objects.collect::<Vec<_>>().try_into().unwrap();
    let file = |name: &str| map["data"][name].as_str().unwrap();
    let config = ProxyConfig::parse(file("proxy.yaml"), Path::new("/etc/topic-encryption")).unwrap();
    let policy = Policy::parse(file("policy.yaml"), &config.provider_names()).unwrap();
    let effective = EffectivePolicy::new(policy, Ledger::default());
    assert!(matches!(effective.decide("payments.orders"), Decision::Encrypt(_)));
    // A file system that cannot be written, and a pod that is gone, keep no memory.
    assert_eq!(config.policy.state_file, None);
    assert_eq!(config.policy.file.as_path(), Path::new("/etc/topic-encryption/policy.yaml"));

    let deployment: Deployment = serde_json::from_value(deployment).unwrap();
    let mut pod = deployment.spec.unwrap().template.spec.unwrap();
    let client = pod.containers[0].env.iter().flatten().find(|each| each.name == "BOOTSTRAP_SERVERS");
    assert_eq!(client.unwrap().value, Some(config.listeners[0].bind.to_string()));
    pod.containers.extend(pod.init_containers.take().unwrap());
    assert_restricted(&pod);
    assert_eq!(source(&pod, "/etc/topic-encryption"), map["metadata"]["name"].as_str().unwrap());
    for folder in ["/etc/topic-encryption-keys", "/etc/topic-encryption-upstream/ca"] {
        assert!(file("proxy.yaml").contains(folder) && !source(&pod, folder).is_empty(), "{folder}");
    }
}
