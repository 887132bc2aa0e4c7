//! Listeners at which brokers are told apart by name.

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::ResourceExt as _;
use proxy_config::{BrokerAddresses, BrokerId};
use serde_json::{Value, json};

use super::files::config;
use crate::controller::build::{
    cert_manager_certificate, network_policy, services, tls_route_resource, tls_routes,
};
use crate::controller::fixtures::{fleet, obstacle, pool, settings, with_proxy};
use crate::fleet::Fleet;

const NAMES: &str =
    "brokerNames: {pattern: 'broker-{id}.kafka.example.com'}, advertisedHost: kafka.example.com";

fn with(listeners: &str) -> Fleet {
    fleet(&with_proxy(&format!("{{listeners: [{listeners}]}}")))
}

/// Number and target of each port.
fn ports(service: &Service) -> Vec<(i32, i32)> {
    let ports = service.spec.clone().unwrap().ports.unwrap();
    let target = |port: Option<IntOrString>| match port {
        Some(IntOrString::Int(number)) => number,
        other => panic!("a number, not {other:?}"),
    };
    ports.into_iter().map(|port| (port.port, target(port.target_port))).collect()
}

#[test]
fn proxies_tell_brokers_apart_by_the_names_of_their_listener() {
    let told = config(&with(&format!("{{name: sni, {NAMES}}}, {{name: tls, port: 9300}}"))).listeners;
    let BrokerAddresses::BrokerNames(names) = &told[0].brokers else { panic!("{:?}", told[0]) };
    assert_eq!(names.pattern.name(BrokerId::new(12).unwrap()), "broker-12.kafka.example.com");
    assert_eq!((names.advertised_port, told[0].advertised_host.as_str()), (None, "kafka.example.com"));
    assert!(told[1].broker_ports().is_some());
}

#[test]
fn one_port_is_enough_for_whatever_brokers_there_are() {
    let mut observed = with_proxy(&format!(
        "{{listeners: [{{name: sni, {NAMES}}}, {{name: tls, port: 9093}}, {{name: other, port: 9120}}]}}"
    ));
    pool(&mut observed, 0).data["status"]["nodeIds"] = json!([0, 900]);
    let fleet = fleet(&observed);
    let crowded: Vec<_> = fleet.crowded().map(|listener| listener.name.as_str()).collect();
    assert_eq!(crowded, ["tls"]);
    assert_eq!(ports(&services(&fleet)[0])[..2], [(9092, 9092), (9093, 9093)]);
    let policy: Value = json!(network_policy(&fleet, &settings(&[])).spec.unwrap().ingress);
    assert_eq!(policy[0]["ports"], json!([{"protocol": "TCP", "port": 9092}]));
}

#[test]
fn a_load_balancer_listens_on_the_port_that_clients_are_told() {
    let names = NAMES.replace("'}", "', advertisedPort: 443}");
    for (kind, port, listens) in [
        ("loadbalancer", 9443, (443, 9443)),
        ("nodeport", 30443, (30443, 30443)),
        ("internal", 9443, (9443, 9443)),
    ] {
        let fleet = with(&format!("{{name: sni, type: {kind}, port: {port}, {names}}}"));
        let service = services(&fleet).remove(0);
        assert_eq!(ports(&service), [listens], "{kind}");
        let discovery: Value = serde_json::from_str(&service.annotations()["strimzi.io/discovery"]).unwrap();
        assert_eq!(discovery[0]["port"], listens.0, "{kind}");
        assert_eq!(fleet.bootstrap_servers().as_deref(), Some("kafka.example.com:443"), "{kind}");
        let told = &config(&fleet).listeners[0];
        assert_eq!(i32::from(told.bind.port()), port, "{kind}");
        let BrokerAddresses::BrokerNames(names) = &told.brokers else { panic!("{told:?}") };
        assert_eq!(names.advertised_port, Some(443), "{kind}");
    }
}

#[test]
fn nobody_waits_for_an_address_that_the_platform_owner_has_to_know() {
    let fleet = with(&format!("{{name: sni, type: loadbalancer, {NAMES}}}"));
    assert_eq!(fleet.pending().count(), 0);
    assert_eq!(config(&fleet).listeners.len(), 1);
}

#[test]
fn the_certificate_is_for_all_brokers_at_once_where_one_name_can_say_so() {
    let names = |pattern: &str| {
        let fleet = with(&format!(
            "{{name: sni, brokerNames: {{pattern: '{pattern}'}}, advertisedHost: kafka.example.com}}"
        ));
        let ordered =
            cert_manager_certificate(&fleet, "issuer", "cluster.local").data["spec"]["dnsNames"].clone();
        let all = fleet.host_names("cluster.local");
        assert_eq!(ordered, json!(all));
        crate::certificates::ServerNames::new(&all).unwrap();
        all.into_iter().filter(|name| !name.starts_with("my-cluster-")).collect::<Vec<_>>()
    };
    assert_eq!(names("broker-{id}.kafka.example.com"), ["*.kafka.example.com", "kafka.example.com"]);
    assert_eq!(names("{id}.Kafka.example.com"), ["*.kafka.example.com", "kafka.example.com"]);
    // The id is no part of the first label, or too few labels follow it.
    for pattern in ["kafka.b-{id}.example.com", "b-{id}.example", "b-{id}"] {
        let brokers = ["0", "12", "7"].map(|id| pattern.replace("{id}", id));
        let mut expected = [&brokers[..], &["kafka.example.com".to_owned()]].concat();
        expected.sort();
        assert_eq!(names(pattern), expected);
    }
}

#[test]
fn names_that_proxies_could_not_tell_apart_are_refused() {
    for (names, said) in [
        (
            "brokerNames: {pattern: 'b{id}.example.com'}",
            "listeners[sni].advertisedHost is required with brokerNames",
        ),
        (
            "brokerNames: {pattern: '-{id}..example.com'}, advertisedHost: kafka.example.com",
            "listeners[sni].brokerNames.pattern must be a DNS name",
        ),
        (
            "brokerNames: {pattern: 'b{id}.example.com'}, advertisedHost: b7.example.com",
            "as the name of a broker",
        ),
        (
            "brokerNames: {pattern: 'b{id}.example.com'}, advertisedHost: 192.0.2.1",
            "needs a DNS name as advertisedHost",
        ),
    ] {
        let (reason, message) = obstacle(&with_proxy(&format!("{{listeners: [{{name: sni, {names}}}]}}")));
        assert_eq!(reason, "InvalidSettings");
        assert!(message.contains(said), "{message}");
    }
}

const ROUTED: &str = "{name: sni, type: tlsroute, port: 9443, advertisedHost: Kafka.example.com,
    brokerNames: {pattern: 'broker-{id}.kafka.example.com'},
    tlsRoute: {parentRefs: [{name: edge, sectionName: kafka, port: 443}]}}";

#[test]
fn a_route_leads_every_name_to_the_service_of_its_listener() {
    let fleet = with(&format!("{ROUTED}, {{name: tls, port: 9300}}"));
    let routes = tls_routes(&fleet, &tls_route_resource("v1"));
    let [route] = routes.as_slice() else { panic!("{routes:?}") };
    let hostnames = [
        "kafka.example.com",
        "broker-0.kafka.example.com",
        "broker-7.kafka.example.com",
        "broker-12.kafka.example.com",
    ];
    let spec = json!({
        "parentRefs": [{"name": "edge", "sectionName": "kafka", "port": 443}],
        "hostnames": hostnames,
        "rules": [{"backendRefs": [{"name": "my-cluster-encryption-sni", "port": 9443}]}],
    });
    assert_eq!(route.data["spec"], spec);
    assert_eq!(route.metadata.owner_references, Some(vec![fleet.owner.clone()]));
    let services = services(&fleet);
    let service = services.iter().find(|service| service.name_any() == "my-cluster-encryption-sni").unwrap();
    assert_eq!(service.spec.as_ref().unwrap().type_.as_deref(), Some("ClusterIP"));
    assert_eq!(ports(service), [(9443, 9443)]);
    assert_eq!(fleet.bootstrap_servers().as_deref(), Some("Kafka.example.com:443"));
    let BrokerAddresses::BrokerNames(names) = &config(&fleet).listeners[0].brokers.clone() else {
        panic!("names")
    };
    assert_eq!(names.advertised_port, Some(443));
}

#[test]
fn the_template_of_services_that_lead_out_is_not_for_what_a_gateway_leads_to() {
    let template =
        "template: {externalService: {loadBalancerSourceRanges: [10.0.0.0/8], externalTrafficPolicy: Local}}";
    let fleet = fleet(&with_proxy(&format!("{{listeners: [{ROUTED}], {template}}}")));
    let spec = services(&fleet).remove(0).spec.unwrap();
    assert_eq!((spec.external_traffic_policy, spec.load_balancer_source_ranges), (None, None));
}
