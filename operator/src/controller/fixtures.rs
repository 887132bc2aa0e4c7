//! A Kafka cluster as its operator finds it, for tests: everything is healthy until a test says otherwise.

pub(crate) mod api_server;

use clap::Parser;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ConfigMap, Service};
use kube::core::DynamicObject;
use operator_api::{EncryptionProxy, TopicEncryptionPolicy};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::build::{Files, brokers_yaml, config_map, proxy_yaml};
use super::dereference::{Observed, Ours, Strimzi};
use super::validate::{Judgement, identities, validate};
use crate::cluster::KafkaKey;
use crate::fleet::Fleet;
use crate::names;
use crate::pods::{Key, Phase, Proxy, Report};
use crate::settings::Settings;

/// One rule, for topics that begin with `payments.`.
pub(super) const RULE: &str = "[{topics: [{prefix: payments.}], key: {name: payments}}]";

#[derive(Debug, Parser)]
struct Cli {
    #[command(flatten)]
    settings: Settings,
}

pub(super) fn key() -> KafkaKey {
    KafkaKey { namespace: "kafka".to_owned(), name: "my-cluster".to_owned() }
}

pub(crate) fn settings(arguments: &[&str]) -> Settings {
    let fixed = ["operator", "--proxy-image", "proxy:1", "--pod-namespace", "operators"];
    Cli::try_parse_from(fixed.iter().chain(arguments)).expect("these are arguments").settings
}

fn yaml<T: DeserializeOwned>(text: &str) -> T {
    serde_yaml::from_str(text).expect("the object is what its schema says")
}

fn object<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).expect("the object is what its schema says")
}

/// The policy `payments` with these rules.
pub(super) fn policy(rules: &str) -> TopicEncryptionPolicy {
    policy_of("kafka", "payments", rules)
}

pub(super) fn policy_of(namespace: &str, name: &str, rules: &str) -> TopicEncryptionPolicy {
    object(json!({
        "apiVersion": "encryption.strimzi.io/v1alpha1",
        "kind": "TopicEncryptionPolicy",
        "metadata": {
            "name": name, "namespace": namespace, "uid": format!("uid-of-{name}"), "generation": 1,
            "creationTimestamp": "2026-08-20T10:00:00Z",
        },
        "spec": {"kafkaRef": {"name": "my-cluster", "namespace": "kafka"}, "rules": yaml::<Value>(rules)},
    }))
}

/// An `EncryptionProxy` with these settings besides `kafkaRef`.
pub(super) fn proxy(name: &str, spec: &str) -> EncryptionProxy {
    let mut spec: Value = yaml(spec);
    spec["kafkaRef"] = json!({"name": "my-cluster"});
    object(json!({
        "apiVersion": "encryption.strimzi.io/v1alpha1",
        "kind": "EncryptionProxy",
        "metadata": {
            "name": name, "namespace": "kafka", "uid": format!("uid-of-{name}"), "generation": 4,
            "creationTimestamp": "2026-08-20T09:00:00Z",
        },
        "spec": spec,
    }))
}

/// A cluster with one policy, and nothing made for it yet.
pub(super) fn observed() -> Observed {
    Observed {
        policies: vec![policy(RULE)],
        proxies: Vec::new(),
        malformed: Vec::new(),
        strimzi: Some(Strimzi {
            kafka: Some(yaml(include_str!("../strimzi/fixtures/kafka.yaml"))),
            pools: yaml(include_str!("../strimzi/fixtures/node-pools.yaml")),
            topics: Vec::new(),
            users: vec![yaml(include_str!("../strimzi/fixtures/user.yaml"))],
        }),
        namespaces: [].into(),
        ours: Ours::default(),
        fleet: Vec::new(),
        ledger_serial: 0,
    }
}

/// The same with an `EncryptionProxy` that says this.
pub(super) fn with_proxy(spec: &str) -> Observed {
    Observed { proxies: vec![proxy("proxies", spec)], ..observed() }
}

/// The `Kafka` resource, to be edited.
pub(super) fn kafka(observed: &mut Observed) -> &mut Value {
    let strimzi = observed.strimzi.as_mut().expect("Strimzi is installed");
    &mut strimzi.kafka.as_mut().expect("there is a Kafka").data
}

pub(super) fn pool(observed: &mut Observed, index: usize) -> &mut DynamicObject {
    &mut observed.strimzi.as_mut().expect("Strimzi is installed").pools[index]
}

pub(super) fn judge(observed: &Observed) -> Judgement {
    validate(&key(), observed, &settings(&[]))
}

pub(super) fn fleet(observed: &Observed) -> Fleet {
    judge(observed).fleet.expect("a fleet")
}

/// Why there is no fleet: the reason, and the explanation.
pub(super) fn obstacle(observed: &Observed) -> (&'static str, String) {
    let obstacle = judge(observed).fleet.expect_err("no fleet");
    (obstacle.reason(), obstacle.to_string())
}

/// What a pass would leave behind: the ledger and the files of proxies.
pub(super) fn told(mut observed: Observed) -> Observed {
    let judgement = judge(&observed);
    let fleet = judgement.fleet.expect("a fleet");
    let next = judgement.ledger.next(&judgement.merged, &judgement.merged.program);
    let text = next.with_providers(&identities(&fleet.names, &judgement.spec)).to_yaml();
    let files = Files {
        proxy: serde_yaml::to_string(&proxy_yaml(&fleet)).unwrap(),
        brokers: serde_yaml::to_string(&brokers_yaml(&fleet)).unwrap(),
        policy: judgement.merged.program.to_yaml(),
        sources: serde_yaml::to_string(&super::validate::next_sources(&observed, &judgement.merged)).unwrap(),
        ledger: text.clone(),
    };
    observed.ours.config = Some(config_map(&fleet, &files));
    observed.ours.ledger = Some(ledger(&text));
    observed
}

/// Changes a file of the proxies.
pub(super) fn config_with(observed: &mut Observed, name: &str, text: &str) {
    let data = observed.ours.config.as_mut().and_then(|map| map.data.as_mut()).expect("there are files");
    data.insert(name.to_owned(), text.to_owned());
}

pub(super) fn ledger(text: &str) -> ConfigMap {
    object(json!({
        "metadata": {"name": "my-cluster-encryption-ledger", "namespace": "kafka", "resourceVersion": "7"},
        "data": {"ledger.yaml": text},
    }))
}

/// The Service of a load balancer, with or without an address.
pub(super) fn balancer(name: &str, address: Option<&str>) -> Service {
    let ingress = address.map(|host| json!([{"hostname": host}])).unwrap_or_default();
    object(json!({
        "metadata": {"name": name, "namespace": "kafka"},
        "spec": {"type": "LoadBalancer"},
        "status": {"loadBalancer": {"ingress": ingress}},
    }))
}

/// A proxy that takes clients under the policy with this text.
pub(super) fn pod(name: &str, policy: &str) -> Proxy {
    let report = Report {
        policy: Some(names::sha256(policy)),
        keys: vec![tried("payments", "Ready")],
        ..Report::default()
    };
    let phase = Phase::Running { ready: true };
    Proxy {
        name: name.to_owned(),
        phase,
        placed: Some(Timestamp::UNIX_EPOCH),
        nudged: None,
        image: None,
        report: Ok(report),
    }
}

/// What a proxy says of a key of the provider `default`, with its state as it words that.
pub(super) fn tried(key: &str, state: &str) -> Key {
    let message = (state != "Ready").then(|| "permission denied".to_owned());
    let version = Some("1".to_owned());
    Key {
        provider: "default".to_owned(),
        key: key.to_owned(),
        state: object(json!(state)),
        version,
        message,
        topics: Vec::new(),
        unreadable: 0,
        refused: Vec::new(),
    }
}
