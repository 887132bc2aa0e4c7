//! Services: a port for every broker, and marks for those who look for Kafka.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Service, ServiceSpec};
use kube::ResourceExt;
use serde_json::{Value, json};

use crate::controller::build::services;
use crate::controller::fixtures::{fleet, observed, with_proxy};

const OUTSIDE: &str = "{listeners: [
    {name: elevenchars},
    {name: clear, tls: false, port: 9200},
    {name: nodes, type: nodeport, port: 30000, advertisedHost: node.example.com},
    {name: balanced, type: loadbalancer, port: 9300},
]}";

fn spec(service: &Service) -> ServiceSpec {
    service.spec.clone().unwrap()
}

#[test]
fn brokers_have_ports_by_their_ids_and_gaps_have_none() {
    let services = services(&fleet(&observed()));
    assert_eq!(services.len(), 1);
    let ports: Vec<_> = spec(&services[0]).ports.unwrap().iter().map(|port| port.port).collect();
    assert_eq!(ports, [9092, 9093, 9100, 9105]);
}

#[test]
fn internal_listeners_share_a_service_and_every_other_has_its_own() {
    let services = services(&fleet(&with_proxy(OUTSIDE)));
    let kinds: Vec<_> =
        services.iter().map(|each| format!("{} {}", each.name_any(), spec(each).type_.unwrap())).collect();
    assert_eq!(
        kinds,
        [
            "my-cluster-encryption-balanced LoadBalancer",
            "my-cluster-encryption-bootstrap ClusterIP",
            "my-cluster-encryption-nodes NodePort",
        ]
    );
    let internal: Vec<_> = spec(&services[1]).ports.unwrap().iter().map(|port| port.port).collect();
    assert_eq!(internal, [9092, 9093, 9100, 9105, 9200, 9201, 9208, 9213]);
}

#[test]
fn names_of_ports_are_unique_and_short_whatever_listeners_are_called() {
    // One is called by the number of another's port.
    let numbered = "{listeners: [{name: '9293', port: 9092}, {name: elevenchars, port: 9292}]}";
    for settings in [OUTSIDE, numbered] {
        for service in services(&fleet(&with_proxy(settings))) {
            let ports = spec(&service).ports.unwrap();
            let names: BTreeSet<_> = ports.iter().map(|port| port.name.clone().unwrap()).collect();
            assert_eq!(names.len(), ports.len(), "{names:?}");
            assert!(names.iter().all(|name| name.len() <= 15), "{names:?}");
        }
    }
}

#[test]
fn node_ports_are_the_ports_themselves_and_nothing_else_has_any() {
    for service in services(&fleet(&with_proxy(OUTSIDE))) {
        let is_node_port = spec(&service).type_.as_deref() == Some("NodePort");
        for port in spec(&service).ports.unwrap() {
            assert_eq!(port.node_port, is_node_port.then_some(port.port));
        }
    }
}

#[test]
fn services_choose_the_fleets_pods() {
    let fleet = fleet(&with_proxy(OUTSIDE));
    for service in services(&fleet) {
        assert_eq!(spec(&service).selector, Some(fleet.names.selector_labels()));
    }
}

#[test]
fn kafka_is_found_by_strimzis_label_and_annotation() {
    let discovery = |service: &Service| -> Value {
        assert_eq!(service.labels()["strimzi.io/discovery"], "true");
        serde_json::from_str(&service.annotations()["strimzi.io/discovery"]).unwrap()
    };
    let services = services(&fleet(&with_proxy(OUTSIDE)));
    let entry = |port: u16, tls: bool| json!({"port": port, "tls": tls, "protocol": "kafka", "auth": "scram-sha-512"});
    assert_eq!(discovery(&services[1]), json!([entry(9092, true), entry(9200, false)]));
    assert_eq!(discovery(&services[0]), json!([entry(9300, true)]));
}

#[test]
fn families_of_addresses_are_the_users_choice() {
    let template = "{template: {service: {ipFamilyPolicy: PreferDualStack, ipFamilies: [IPv6, IPv4]}}}";
    let chosen = spec(&services(&fleet(&with_proxy(template)))[0]);
    assert_eq!(chosen.ip_family_policy.as_deref(), Some("PreferDualStack"));
    assert_eq!(chosen.ip_families, Some(vec!["IPv6".to_owned(), "IPv4".to_owned()]));
    assert_eq!(spec(&services(&fleet(&observed()))[0]).ip_families, None);
}

#[test]
fn services_that_lead_out_have_a_template_of_their_own_over_that_of_all() {
    let template = "service: {metadata: {labels: {a: all, b: all}, annotations: {c: all}}, ipFamilyPolicy: SingleStack, ipFamilies: [IPv6]}, \
         externalService: {metadata: {labels: {b: external}, annotations: {d: external}}, ipFamilyPolicy: PreferDualStack, \
         loadBalancerClass: example.com/lb, loadBalancerSourceRanges: [10.0.0.0/8], externalTrafficPolicy: Local}";
    let settings = OUTSIDE.replacen('{', &format!("{{template: {{{template}}}, "), 1);
    let services = services(&fleet(&with_proxy(&settings)));
    let [balanced, internal, nodes] = services.as_slice() else { panic!("{services:#?}") };
    let said = |service: &Service| {
        let text = |all: &std::collections::BTreeMap<String, String>, name: &str| {
            all.get(name).cloned().unwrap_or_default()
        };
        let labels = ["a", "b"].map(|name| text(service.labels(), name));
        let annotations = ["c", "d"].map(|name| text(service.annotations(), name));
        [labels, annotations].concat().join(" ")
    };
    assert_eq!(said(internal), "all all all ");
    assert_eq!(spec(internal).ip_family_policy.as_deref(), Some("SingleStack"));
    assert_eq!((spec(internal).external_traffic_policy, spec(internal).load_balancer_class), (None, None));
    for service in [balanced, nodes] {
        assert_eq!(said(service), "all external all external");
        assert_eq!(spec(service).ip_family_policy.as_deref(), Some("PreferDualStack"));
        assert_eq!(spec(service).ip_families, Some(vec!["IPv6".to_owned()]));
        assert_eq!(spec(service).external_traffic_policy.as_deref(), Some("Local"));
    }
    assert_eq!(spec(balanced).load_balancer_class.as_deref(), Some("example.com/lb"));
    assert_eq!(spec(balanced).load_balancer_source_ranges, Some(vec!["10.0.0.0/8".to_owned()]));
    let of_nodes = spec(nodes);
    assert_eq!((of_nodes.load_balancer_class, of_nodes.load_balancer_source_ranges), (None, None));
}

#[test]
fn services_that_lead_out_follow_the_template_of_all_where_they_have_none() {
    let settings = OUTSIDE.replacen(
        '{',
        "{template: {service: {metadata: {labels: {a: all}}, ipFamilies: [IPv6]}}, ",
        1,
    );
    for service in services(&fleet(&with_proxy(&settings))) {
        assert_eq!(service.labels()["a"], "all");
        assert_eq!(spec(&service).ip_families, Some(vec!["IPv6".to_owned()]));
        assert_eq!(spec(&service).external_traffic_policy, None);
    }
}
