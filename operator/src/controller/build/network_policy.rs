//! Who may talk to proxies and to whom they may talk: clients, the operator, scrapers of metrics; brokers and DNS.

use k8s_openapi::api::networking::v1::{
    NetworkPolicy, NetworkPolicyEgressRule, NetworkPolicyIngressRule, NetworkPolicyPeer, NetworkPolicyPort,
    NetworkPolicySpec,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::deployment::ADMIN_PORT;
use super::key_providers;
use crate::fleet::{Fleet, Listener};
use crate::settings::Settings;

pub(crate) fn network_policy(fleet: &Fleet, settings: &Settings) -> NetworkPolicy {
    let ingress = fleet.listeners.iter().map(|listener| clients(fleet, listener));
    NetworkPolicy {
        metadata: fleet.metadata(fleet.names.fleet()),
        spec: Some(NetworkPolicySpec {
            pod_selector: Some(fleet.names.selector()),
            policy_types: Some(vec!["Ingress".to_owned(), "Egress".to_owned()]),
            ingress: Some(ingress.chain([admin(settings)]).collect()),
            egress: Some(
                [brokers(fleet), dns()]
                    .into_iter()
                    .chain(fleet.providers.values().flat_map(key_providers::egress))
                    .collect(),
            ),
        }),
    }
}

fn clients(fleet: &Fleet, listener: &Listener) -> NetworkPolicyIngressRule {
    let last = u32::from(listener.port) + fleet.broker_ports(listener);
    NetworkPolicyIngressRule {
        from: Some(listener.peers.clone()).filter(|peers| !peers.is_empty()),
        ports: Some(vec![NetworkPolicyPort {
            end_port: i32::try_from(last).ok().filter(|_| listener.broker_names.is_none()),
            ..port("TCP", i32::from(listener.port))
        }]),
    }
}

fn admin(settings: &Settings) -> NetworkPolicyIngressRule {
    let operator = NetworkPolicyPeer {
        namespace_selector: Some(labels("kubernetes.io/metadata.name", &settings.pod_namespace)),
        pod_selector: Some(labels("app.kubernetes.io/name", "topic-encryption-operator")),
        ip_block: None,
    };
    // An empty selector would choose every namespace.
    let scraped = settings.metrics_namespace_labels.labels();
    let scrapers = (!scraped.is_empty()).then(|| NetworkPolicyPeer {
        namespace_selector: Some(LabelSelector {
            match_labels: Some(scraped.clone()),
            match_expressions: None,
        }),
        ..NetworkPolicyPeer::default()
    });
    NetworkPolicyIngressRule {
        from: Some([operator].into_iter().chain(scrapers).collect()),
        ports: Some(vec![port("TCP", i32::from(ADMIN_PORT))]),
    }
}

fn brokers(fleet: &Fleet) -> NetworkPolicyEgressRule {
    let mut pods = labels("strimzi.io/cluster", &fleet.key.name);
    pods.match_labels.get_or_insert_default().insert("strimzi.io/kind".to_owned(), "Kafka".to_owned());
    NetworkPolicyEgressRule {
        to: Some(vec![NetworkPolicyPeer { pod_selector: Some(pods), ..NetworkPolicyPeer::default() }]),
        ports: Some(vec![port("TCP", i32::from(fleet.upstream.port))]),
    }
}

/// DNS servers are where the cluster has them, on port 53 for whoever asks.
fn dns() -> NetworkPolicyEgressRule {
    NetworkPolicyEgressRule { to: None, ports: Some(vec![port("UDP", 53), port("TCP", 53)]) }
}

fn port(protocol: &str, number: i32) -> NetworkPolicyPort {
    NetworkPolicyPort {
        protocol: Some(protocol.to_owned()),
        port: Some(IntOrString::Int(number)),
        end_port: None,
    }
}

fn labels(name: &str, value: &str) -> LabelSelector {
    LabelSelector {
        match_labels: Some([(name.to_owned(), value.to_owned())].into()),
        match_expressions: None,
    }
}
