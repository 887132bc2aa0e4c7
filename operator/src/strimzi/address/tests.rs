use serde_json::json;

use super::super::fixtures::{Edits, kafka, listener, pools};
use super::super::node_pool::brokers;
use super::*;

fn per_broker(edits: Edits<'_>, name: &str) -> Vec<String> {
    let kafka = kafka(edits);
    let brokers = brokers(&kafka, &pools(&[])).unwrap();
    let addresses = broker_addresses(&kafka, &listener(&kafka, name), &brokers, "cluster.local").unwrap();
    addresses.values().map(ToString::to_string).collect()
}

fn begin(edits: Edits<'_>, name: &str, last_good: Option<&[HostPort]>) -> (String, AddressSource) {
    let kafka = kafka(edits);
    let found = bootstrap(&kafka, &listener(&kafka, name), last_good).unwrap();
    (found.addresses[0].to_string(), found.source)
}

#[test]
fn brokers_of_internal_listeners_are_reached_by_their_pods() {
    let expected = [
        "my-cluster-brokers-0.my-cluster-kafka-brokers.kafka.svc:9093",
        "my-cluster-combined-7.my-cluster-kafka-brokers.kafka.svc:9093",
        "my-cluster-brokers-12.my-cluster-kafka-brokers.kafka.svc:9093",
    ];
    assert_eq!(per_broker(&[], "tls"), expected);
}

#[test]
fn brokers_of_cluster_ip_listeners_are_reached_by_their_services() {
    let expected = [
        "my-cluster-brokers-clusterip-0.kafka.svc:9096",
        "my-cluster-combined-clusterip-7.kafka.svc:9096",
        "my-cluster-brokers-clusterip-12.kafka.svc:9096",
    ];
    assert_eq!(per_broker(&[], "clusterip"), expected);
}

#[test]
fn a_listener_named_external_on_9094_has_services_of_the_old_names() {
    let old = [("/spec/kafka/listeners/4/type", json!("cluster-ip"))];
    assert_eq!(per_broker(&old, "external")[1], "my-cluster-combined-7.kafka.svc:9094");
    let other = [old[0].clone(), ("/spec/kafka/listeners/4/port", json!(9097))];
    assert_eq!(per_broker(&other, "external")[1], "my-cluster-combined-external-7.kafka.svc:9097");
}

#[test]
fn the_domain_of_the_cluster_is_added_where_the_listener_asks_for_it() {
    let configuration = json!({"useServiceDnsDomain": true});
    let edits = [
        ("/spec/kafka/listeners/1/configuration", configuration.clone()),
        ("/spec/kafka/listeners/3/configuration", configuration),
    ];
    let pod = "my-cluster-brokers-0.my-cluster-kafka-brokers.kafka.svc.cluster.local:9093";
    assert_eq!(per_broker(&edits, "tls")[0], pod);
    let service = "my-cluster-brokers-clusterip-0.kafka.svc.cluster.local:9096";
    assert_eq!(per_broker(&edits, "clusterip")[0], service);
}

#[test]
fn what_brokers_advertise_is_not_followed() {
    let proxies = json!({"advertisedHostTemplate": "proxy-{nodeId}.example.com", "brokers": [{"broker": 0, "advertisedHost": "proxy"}]});
    let edits = [("/spec/kafka/listeners/1/configuration", proxies)];
    assert_eq!(per_broker(&edits, "tls"), per_broker(&[], "tls"));
}

#[test]
fn addresses_in_status_are_the_best() {
    let last: HostPort = "old.kafka.svc:9093".parse().unwrap();
    let expected = ("my-cluster-kafka-bootstrap.kafka.svc:9093".to_owned(), AddressSource::Status);
    assert_eq!(begin(&[], "tls", Some(&[last])), expected);
}

#[test]
fn the_last_good_addresses_hold_while_status_has_none() {
    let paused = [("/status/listeners", json!(null))];
    let last: HostPort = "old.kafka.svc:9093".parse().unwrap();
    let expected = ("old.kafka.svc:9093".to_owned(), AddressSource::LastGood);
    assert_eq!(begin(&paused, "tls", Some(&[last])), expected);
}

#[test]
fn without_any_known_address_the_rule_of_strimzi_gives_one() {
    let new = [("/status", json!(null))];
    let internal = ("my-cluster-kafka-bootstrap.kafka.svc:9093".to_owned(), AddressSource::Derived);
    assert_eq!(begin(&new, "tls", None), internal);
    assert_eq!(begin(&new, "tls", Some(&[])), internal);
    let own = ("my-cluster-kafka-clusterip-bootstrap.kafka.svc:9096".to_owned(), AddressSource::Derived);
    assert_eq!(begin(&new, "clusterip", None), own);
}

#[test]
fn names_that_are_too_long_together_are_a_problem_that_shows_them() {
    let name = "a".repeat(60);
    let kafka = kafka(&[("/metadata/name", json!(name)), ("/status/listeners", json!(null))]);
    let problem = bootstrap(&kafka, &listener(&kafka, "tls"), None).unwrap_err();
    let expected = format!(
        "failed to make an address of {name}-kafka-bootstrap.kafka.svc:9093: \
         it must have a DNS name or an IP address as its host"
    );
    assert_eq!(problem.to_string(), expected);
}
