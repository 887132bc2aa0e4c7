use proxy_config::BrokerId;
use serde_json::json;

use super::super::fixtures::{kafka, kafka_error};
use super::super::{ListenerAuth, ListenerType};
use super::*;

#[test]
fn a_healthy_cluster_is_read_whole() {
    let kafka = kafka(&[]);
    assert_eq!((kafka.name.as_str(), kafka.namespace.as_str()), ("my-cluster", "kafka"));
    assert_eq!(kafka.uid.as_deref(), Some("5b1c7f0a-7f7a-4c55-9a07-3d2f4a8f9d10"));
    assert_eq!((kafka.generation, kafka.observed_generation), (Some(3), Some(3)));
    assert_eq!(kafka.state, KafkaState::Ready);
    assert_eq!(kafka.cluster_id.as_deref(), Some("nG3x6PZ-QXKq0yZqTn3b3A"));
    assert_eq!(kafka.kafka_version.as_deref(), Some("4.3.1"));
    let expected =
        Authorization { kind: "simple".into(), super_users: vec!["CN=admin".into(), "operations".into()] };
    assert_eq!(kafka.authorization, Some(expected));
    assert!(!kafka.pause_requested && !kafka.open_inside);
}

#[test]
fn listeners_are_read_with_what_matters_to_a_proxy() {
    let kafka = kafka(&[]);
    let names: Vec<_> = kafka.listeners.iter().map(|listener| listener.name.as_str()).collect();
    assert_eq!(names, ["plain", "tls", "mtls", "clusterip", "external"]);
    let clusterip = kafka.listener("clusterip").unwrap();
    assert_eq!((clusterip.port, clusterip.tls, &clusterip.kind), (9096, true, &ListenerType::ClusterIp));
    let custom = ListenerAuth::Custom { sasl: true, client_certificate: false };
    assert_eq!(clusterip.authentication, custom);
    let external = kafka.listener("external").unwrap();
    assert_eq!(external.kind, ListenerType::Other("loadbalancer".into()));
    assert_eq!(external.advertised_hosts[&BrokerId::new(0).unwrap()], "first.kafka.example.com");
    assert_eq!(external.advertised_host_template.as_deref(), Some("broker-{nodeId}.kafka.example.com"));
}

#[test]
fn a_listener_in_status_may_have_several_addresses() {
    let kafka = kafka(&[]);
    let addresses: Vec<_> =
        kafka.listener_status["external"].bootstrap.iter().map(ToString::to_string).collect();
    assert_eq!(addresses, ["198.51.100.7:9094", "198.51.100.8:9094"]);
    assert_eq!(kafka.listener_status["tls"].certificates.len(), 1);
}

#[test]
fn unknown_fields_and_types_are_normal() {
    let kafka = kafka(&[
        ("/spec/kafka/quantum", json!({"entangled": [1, 2]})),
        ("/spec/kafka/listeners/0/authentication", json!({"type": "telepathy", "range": 3})),
        ("/spec/kafka/listeners/1/type", json!("wormhole")),
        ("/status/listeners/0/type", json!("plain")),
        ("/status/novel", json!(true)),
    ]);
    assert_eq!(kafka.listeners[0].authentication, ListenerAuth::Other("telepathy".into()));
    assert_eq!(kafka.listeners[1].kind, ListenerType::Other("wormhole".into()));
}

#[test]
fn a_listener_of_v1beta2_may_have_its_name_under_type() {
    let kafka =
        kafka(&[("/status/listeners/0/name", json!(null)), ("/status/listeners/0/type", json!("plain"))]);
    assert_eq!(kafka.listener_status["plain"].bootstrap.len(), 1);
}

#[test]
fn a_paused_cluster_keeps_no_more_than_its_id() {
    let kafka = kafka(&[
        ("/metadata/annotations/strimzi.io~1pause-reconciliation", json!("true")),
        (
            "/status",
            json!({
                "observedGeneration": 2,
                "clusterId": "nG3x6PZ-QXKq0yZqTn3b3A",
                "clusterSecurity": {"authentication": {"type": "strimzi-mtls"}},
                "conditions": [{"type": "ReconciliationPaused", "status": "True"}]
            }),
        ),
    ]);
    assert_eq!(kafka.state, KafkaState::Paused);
    assert!(kafka.pause_requested && kafka.listener_status.is_empty() && kafka.kafka_version.is_none());
    assert_eq!(kafka.cluster_id.as_deref(), Some("nG3x6PZ-QXKq0yZqTn3b3A"));
    assert_eq!(kafka.listeners.len(), 5);
}

#[test]
fn a_status_that_differs_in_times_only_is_no_change() {
    let later = kafka(&[
        ("/metadata/resourceVersion", json!("50000")),
        ("/status/conditions/1/lastTransitionTime", json!("2026-08-21T00:00:00Z")),
    ]);
    assert_eq!(later, kafka(&[]));
}

#[test]
fn a_cluster_that_strimzi_has_not_seen_has_no_status() {
    let kafka = kafka(&[("/status", json!(null))]);
    assert_eq!((kafka.state, kafka.observed_generation), (KafkaState::Unknown, None));
}

#[test]
fn a_malformed_object_is_an_error_that_names_the_field() {
    for (pointer, value, expected) in [
        ("/spec/kafka", json!("big"), "spec.kafka must be an object"),
        ("/spec/kafka/listeners", json!({}), "spec.kafka.listeners must be a list"),
        ("/spec/kafka/listeners/1", json!("tls"), "spec.kafka.listeners[1] must be an object"),
        ("/spec/kafka/listeners/1/port", json!(0), "spec.kafka.listeners[1].port must be from 1 to 65535"),
        (
            "/spec/kafka/listeners/1/port",
            json!(65536),
            "spec.kafka.listeners[1].port must be from 1 to 65535",
        ),
        (
            "/spec/kafka/listeners/1/port",
            json!("9093"),
            "spec.kafka.listeners[1].port must be a whole number",
        ),
        ("/spec/kafka/listeners/1/name", json!(null), "spec.kafka.listeners[1].name is missing"),
        ("/spec/kafka/listeners/1/tls", json!("yes"), "spec.kafka.listeners[1].tls must be true or false"),
        ("/spec/kafka/authorization/type", json!(null), "spec.kafka.authorization.type is missing"),
        (
            "/spec/kafka/authorization/superUsers/0",
            json!(7),
            "spec.kafka.authorization.superUsers[0] must be text",
        ),
        ("/status", json!([]), "status must be an object"),
        ("/status/clusterId", json!(7), "status.clusterId must be text"),
        ("/status/conditions/1/type", json!(null), "status.conditions[1].type is missing"),
        (
            "/status/listeners/0/bootstrapServers",
            json!(9092),
            "status.listeners[0].bootstrapServers must be text",
        ),
        ("/metadata/name", json!(null), "metadata.name is missing"),
        ("/metadata/namespace", json!(""), "metadata.namespace is missing"),
    ] {
        assert_eq!(kafka_error(&[(pointer, value)]), expected);
    }
}

#[test]
fn metadata_that_is_none_is_an_error() {
    assert!(
        kafka_error(&[("/metadata", json!("my-cluster"))])
            .starts_with("failed to read the object's metadata: ")
    );
}

#[test]
fn an_address_that_is_none_hides_no_other() {
    let servers = json!("2001:db8::1:9094,198.51.100.8:9094");
    let kafka = kafka(&[("/status/listeners/4/bootstrapServers", servers)]);
    assert_eq!(kafka.listener_status["external"].bootstrap.len(), 1);
    assert_eq!(kafka.listener_status["tls"].bootstrap.len(), 1);
}

#[test]
fn the_size_that_brokers_take_is_read_as_a_number_or_text_and_matters_no_more_than_that() {
    let read = |config| kafka(&[("/spec/kafka/config", config)]).max_message_bytes;
    assert_eq!(read(json!({"message.max.bytes": 2_000_000})), Some(2_000_000));
    assert_eq!(read(json!({"message.max.bytes": "1000012"})), Some(1_000_012));
    for unknown in [json!({}), json!(null), json!("text"), json!({"message.max.bytes": "many"})] {
        assert_eq!(read(unknown), None);
    }
}
