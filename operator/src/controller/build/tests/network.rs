//! Who may talk to proxies, how many may be away, and certificates of cert-manager.

use k8s_openapi::api::networking::v1::{NetworkPolicyIngressRule, NetworkPolicyPort, NetworkPolicySpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::{Value, json};

use crate::controller::build::{cert_manager_certificate, network_policy, pod_disruption_budget};
use crate::controller::fixtures::{fleet, observed, with_proxy};

fn policy(settings: &str) -> NetworkPolicySpec {
    network_policy(&fleet(&with_proxy(settings)), &crate::controller::fixtures::settings(&[])).spec.unwrap()
}

fn range(ports: Option<&Vec<NetworkPolicyPort>>) -> (i32, Option<i32>) {
    let port = &ports.unwrap()[0];
    let Some(IntOrString::Int(first)) = port.port else { panic!("a number") };
    (first, port.end_port)
}

fn ingress(policy: NetworkPolicySpec, port: i32) -> NetworkPolicyIngressRule {
    let rules = policy.ingress.unwrap();
    rules.into_iter().find(|rule| range(rule.ports.as_ref()).0 == port).unwrap()
}

#[test]
fn clients_get_to_bootstrap_and_broker_ports_from_everywhere() {
    let rule = ingress(policy("{}"), 9092);
    assert_eq!(range(rule.ports.as_ref()), (9092, Some(9092 + 32)));
    assert_eq!(rule.from, None);
}

#[test]
fn peers_of_a_listener_keep_others_out_of_it_alone() {
    let peers = "[{podSelector: {matchLabels: {app: orders}}}]";
    let policy = policy(&format!(
        "{{listeners: [{{name: tls, networkPolicyPeers: {peers}}}, {{name: open, port: 9300}}]}}"
    ));
    let from = ingress(policy.clone(), 9092).from.unwrap();
    assert_eq!(json!(from), json!([{"podSelector": {"matchLabels": {"app": "orders"}}}]));
    assert_eq!(ingress(policy, 9300).from, None);
}

#[test]
fn the_admin_port_is_for_the_operator_and_those_who_scrape() {
    let from = ingress(policy("{}"), 8080).from.unwrap();
    let operator = json!({
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "operators"}},
        "podSelector": {"matchLabels": {"app.kubernetes.io/name": "topic-encryption-operator"}},
    });
    let scrapers = json!({"namespaceSelector": {"matchLabels": {"encryption.strimzi.io/scrape": "true"}}});
    assert_eq!(json!(from), json!([operator, scrapers]));
}

#[test]
fn who_may_scrape_is_told_to_the_operator_and_nobody_is_not_everybody() {
    let from = |labels: &str| {
        let settings = crate::controller::fixtures::settings(&["--metrics-namespace-labels", labels]);
        let policy = network_policy(&fleet(&observed()), &settings).spec.unwrap();
        json!(ingress(policy, 8080).from)
    };
    let labels = json!({"kubernetes.io/metadata.name": "monitoring", "team": "a"});
    let several = from("kubernetes.io/metadata.name=monitoring,team=a");
    assert_eq!(several[1]["namespaceSelector"]["matchLabels"], labels);
    assert_eq!(from("").as_array().unwrap().len(), 1);
}

#[test]
fn proxies_get_to_brokers_of_their_cluster_and_to_dns_and_nowhere_else() {
    let policy = policy("{}");
    assert_eq!(policy.policy_types, Some(vec!["Ingress".to_owned(), "Egress".to_owned()]));
    let egress: Value = json!(policy.egress);
    let brokers = json!({
        "to": [{"podSelector": {"matchLabels": {"strimzi.io/cluster": "my-cluster", "strimzi.io/kind": "Kafka"}}}],
        "ports": [{"protocol": "TCP", "port": 9093}],
    });
    let dns = json!({"ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}]});
    assert_eq!(egress, json!([brokers, dns]));
}

#[test]
fn a_budget_is_for_two_proxies_and_more() {
    for (replicas, has) in [(0, false), (1, false), (2, true), (5, true)] {
        let fleet = fleet(&with_proxy(&format!("{{replicas: {replicas}}}")));
        assert_eq!(pod_disruption_budget(&fleet).is_some(), has, "{replicas}");
    }
    let most = |fleet| pod_disruption_budget(&fleet).unwrap().spec.unwrap().max_unavailable;
    assert_eq!(most(fleet(&observed())), Some(IntOrString::Int(1)));
    let spec = pod_disruption_budget(&fleet(&observed())).unwrap().spec.unwrap();
    assert_eq!(spec.unhealthy_pod_eviction_policy.as_deref(), Some("AlwaysAllow"));
    let template = "{template: {podDisruptionBudget: {maxUnavailable: 2}}}";
    assert_eq!(most(fleet(&with_proxy(template))), Some(IntOrString::Int(2)));
}

#[test]
fn cert_manager_is_asked_for_every_name_and_address_that_clients_use() {
    let fleet = fleet(&with_proxy(
        "{tls: {issuerRef: {name: issuer}}, listeners: [
            {name: tls},
            {name: nodes, type: nodeport, port: 30000, advertisedHost: 192.0.2.1},
            {name: outside, type: loadbalancer, port: 9300, advertisedHost: kafka.example.com},
        ]}",
    ));
    let certificate = cert_manager_certificate(&fleet, "issuer", "cluster.local");
    let spec = &certificate.data["spec"];
    assert_eq!(spec["secretName"], "my-cluster-encryption-tls");
    assert_eq!(spec["issuerRef"], json!({"kind": "Issuer", "name": "issuer", "group": "cert-manager.io"}));
    let service = "my-cluster-encryption-bootstrap";
    let names = [
        "kafka.example.com".to_owned(),
        service.to_owned(),
        format!("{service}.kafka"),
        format!("{service}.kafka.svc"),
        format!("{service}.kafka.svc.cluster.local"),
    ];
    assert_eq!(spec["dnsNames"], json!(names));
    assert_eq!(spec["ipAddresses"], json!(["192.0.2.1"]));
    assert_eq!(certificate.metadata.owner_references, Some(vec![fleet.owner]));
}

#[test]
fn nothing_is_said_of_addresses_so_that_it_holds_for_both_families() {
    let address = "address: 'https://[fd00::5]:8200', authentication: {kubernetes: {role: proxies}}";
    for settings in ["{}", &format!("{{keyProviders: [{{name: default, vault: {{{address}}}}}]}}")] {
        let text = serde_json::to_string(&policy(settings)).unwrap();
        assert!(!text.contains("ipBlock") && text.contains("egress"), "{text}");
    }
}
