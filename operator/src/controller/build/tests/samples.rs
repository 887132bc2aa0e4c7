//! Fleets from the samples: what is built of each is what proxies take and what a namespace of restricted pods admits.

use std::path::Path;

use operator_api::EncryptionProxy;
use serde_json::Value;

use super::files::config;
use super::{assert_restricted, pod};
use crate::controller::build::{network_policy, services};
use crate::controller::fixtures::{fleet, settings, with_proxy};

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
        let balancers =
            spec["listeners"].as_array().into_iter().flatten().filter(|each| each["type"] == "loadbalancer");
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
