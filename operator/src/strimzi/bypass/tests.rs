use serde_json::{Value, json};

use super::super::fixtures::{kafka, kafka_error};
use super::*;

fn labels() -> BTreeMap<String, String> {
    let labels = [
        ("app.kubernetes.io/name", "topic-encryption-proxy"),
        ("app.kubernetes.io/instance", "my-cluster"),
        ("app.kubernetes.io/part-of", "topic-encryption"),
        ("encryption.strimzi.io/kafka", "my-cluster"),
    ];
    labels.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

fn with_peers(peers: Value) -> Kafka {
    kafka(&[("/spec/kafka/listeners/1/networkPolicyPeers", peers)])
}

fn of_peers(peers: Value, namespace: &str) -> Bypass {
    let kafka = with_peers(peers);
    bypass(&kafka, kafka.listener("tls").unwrap(), &labels(), namespace)
}

fn pods(labels: &Value) -> Value {
    json!({"podSelector": {"matchLabels": labels}})
}

fn ours() -> Value {
    pods(
        &json!({"app.kubernetes.io/name": "topic-encryption-proxy", "app.kubernetes.io/instance": "my-cluster"}),
    )
}

#[test]
fn a_listener_without_peers_or_with_none_is_open() {
    assert_eq!(of_peers(json!(null), "kafka"), Bypass::Open);
    assert_eq!(of_peers(json!([]), "kafka"), Bypass::Open);
}

/// Conformance: P17-34.
#[test]
fn peers_that_name_our_pods_admit_only_us() {
    assert_eq!(of_peers(json!([ours()]), "kafka"), Bypass::AdmitsOnlyUs);
    let expression = |key: &str, value: &str| json!({"key": key, "operator": "In", "values": [value]});
    let name = expression("app.kubernetes.io/name", "topic-encryption-proxy");
    let instance = expression("app.kubernetes.io/instance", "my-cluster");
    let expressions = json!({"podSelector": {"matchExpressions": [name, instance]}});
    assert_eq!(of_peers(json!([expressions]), "kafka"), Bypass::AdmitsOnlyUs);
}

#[test]
fn peers_that_leave_room_for_others_do_not_count_as_only_us() {
    for peer in [
        json!({"podSelector": {}}),
        pods(&json!({"app.kubernetes.io/part-of": "topic-encryption"})),
        pods(&json!({"app.kubernetes.io/name": "topic-encryption-proxy"})),
        json!({"namespaceSelector": {}}),
        json!({"namespaceSelector": {"matchLabels": {"team": "data"}}}),
        json!({"namespaceSelector": {}, "podSelector": ours()["podSelector"]}),
        json!({"ipBlock": {"cidr": "0.0.0.0/0"}}),
        json!({"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}}),
        json!({"podSelector": {"matchExpressions": [{"key": "app.kubernetes.io/name", "operator": "Exists"}]}}),
        json!({}),
    ] {
        assert_eq!(of_peers(json!([peer]), "kafka"), Bypass::AdmitsOthers, "{peer}");
    }
    assert_eq!(of_peers(json!([ours(), pods(&json!({"app": "connect"}))]), "kafka"), Bypass::AdmitsOthers);
}

#[test]
fn peers_that_leave_us_out_are_noticed() {
    for peer in [
        pods(&json!({"app": "connect"})),
        pods(
            &json!({"app.kubernetes.io/name": "topic-encryption-proxy", "app.kubernetes.io/instance": "other"}),
        ),
        json!({"podSelector": {"matchExpressions": [{"key": "encryption.strimzi.io/kafka", "operator": "DoesNotExist"}]}}),
        json!({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "apps"}}}),
        json!({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "apps", "team": "data"}}}),
    ] {
        assert_eq!(of_peers(json!([peer]), "kafka"), Bypass::NotAdmitted, "{peer}");
    }
}

#[test]
fn a_bare_selector_of_pods_means_the_namespace_of_the_kafka_cluster() {
    assert_eq!(of_peers(json!([ours()]), "elsewhere"), Bypass::NotAdmitted);
    let named = json!({
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "elsewhere"}},
        "podSelector": ours()["podSelector"]
    });
    assert_eq!(of_peers(json!([named]), "elsewhere"), Bypass::AdmitsOnlyUs);
}

#[test]
fn the_snippet_closes_the_listener_when_pasted() {
    let expected = "networkPolicyPeers:\n\
        - podSelector:\n    \
            matchLabels:\n      \
              app.kubernetes.io/instance: my-cluster\n      \
              app.kubernetes.io/name: topic-encryption-proxy\n";
    assert_eq!(peers_snippet(&kafka(&[]), &labels(), "kafka"), expected);
    for namespace in ["kafka", "elsewhere"] {
        let snippet = peers_snippet(&kafka(&[]), &labels(), namespace);
        let pasted: Value = serde_yaml::from_str(&snippet).unwrap();
        assert_eq!(of_peers(pasted["networkPolicyPeers"].clone(), namespace), Bypass::AdmitsOnlyUs);
    }
}

#[test]
fn every_listener_may_be_a_way_round() {
    let access = listener_access(&with_peers(json!([ours()])), &labels(), "kafka");
    let open: Vec<_> =
        access.iter().filter(|access| access.is_way_round()).map(|access| access.listener.as_str()).collect();
    assert_eq!(open, ["plain", "mtls", "clusterip", "external"]);
}

#[test]
fn the_advice_says_what_to_do() {
    let advice = |bypass| ListenerAccess { listener: "tls".into(), bypass }.advice();
    assert_eq!(advice(Bypass::AdmitsOnlyUs), None);
    assert!(advice(Bypass::Open).unwrap().contains("admits everyone"));
    assert!(advice(Bypass::AdmitsOthers).unwrap().contains("leave only the proxies"));
    assert!(advice(Bypass::NotAdmitted).unwrap().contains("go round the proxies"));
}

#[test]
fn malformed_peers_are_an_error_that_names_the_field() {
    let peers = "spec.kafka.listeners[1].networkPolicyPeers";
    let selector = format!("{peers}[0].podSelector must be a label selector");
    let operator = json!([{"podSelector": {"matchExpressions": [{"key": "a", "operator": "Resembles"}]}}]);
    for (value, expected) in [
        (json!({}), format!("{peers} must be a list")),
        (json!(["us"]), format!("{peers}[0] must be an object")),
        (json!([{"podSelector": "us"}]), selector.clone()),
        (json!([{"podSelector": {"matchLabels": {"a": 1}}}]), selector.clone()),
        (operator, selector),
    ] {
        assert_eq!(kafka_error(&[("/spec/kafka/listeners/1/networkPolicyPeers", value)]), expected);
    }
}
