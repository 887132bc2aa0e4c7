//! Services: one for all internal listeners, one for each other. Every broker has a port or a name of its own, as every proxy
//! serves every broker.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use operator_api::{
    ExternalServiceTemplate, ExternalTrafficPolicy, ListenerType, Metadata, ServiceTemplate, Template,
};
use serde_json::json;

use super::merge;
use crate::fleet::{Fleet, Listener};

/// How Strimzi marks Services where Kafka is found.
const DISCOVERY: &str = "strimzi.io/discovery";

pub(crate) fn services(fleet: &Fleet) -> Vec<Service> {
    let mut by_name: BTreeMap<String, Vec<&Listener>> = BTreeMap::new();
    for listener in &fleet.listeners {
        by_name.entry(fleet.service(listener)).or_default().push(listener);
    }
    by_name.into_iter().map(|(name, listeners)| service(fleet, name, &listeners)).collect()
}

fn service(fleet: &Fleet, name: String, listeners: &[&Listener]) -> Service {
    let kind = listeners.first().map_or(ListenerType::Internal, |listener| listener.kind);
    let template = template(&fleet.template, kind);
    let is_balancer = kind == ListenerType::LoadBalancer;
    let mut metadata = fleet.metadata(name);
    metadata.labels.get_or_insert_default().insert(DISCOVERY.to_owned(), "true".to_owned());
    metadata.annotations.get_or_insert_default().insert(DISCOVERY.to_owned(), discovery(fleet, listeners));
    Service {
        metadata: merge(metadata, Some(&template.metadata)),
        spec: Some(ServiceSpec {
            type_: Some(service_type(kind).to_owned()),
            selector: Some(fleet.names.selector_labels()),
            ports: Some(listeners.iter().flat_map(|listener| ports(fleet, listener)).collect()),
            ip_family_policy: template.ip_family_policy,
            ip_families: Some(template.ip_families).filter(|families| !families.is_empty()),
            load_balancer_class: template.load_balancer_class.filter(|_| is_balancer),
            load_balancer_source_ranges: Some(template.load_balancer_source_ranges)
                .filter(|ranges| is_balancer && !ranges.is_empty()),
            external_traffic_policy: template
                .external_traffic_policy
                .map(|policy| traffic_policy(policy).to_owned()),
            ..ServiceSpec::default()
        }),
        status: None,
    }
}

/// What is said of Services of a kind: for those that lead out, `service` holds where `externalService` says nothing.
fn template(all: &Template, kind: ListenerType) -> ExternalServiceTemplate {
    let ServiceTemplate { metadata, ip_family_policy, ip_families } = all.service.clone().unwrap_or_default();
    let service = ExternalServiceTemplate {
        metadata,
        ip_family_policy,
        ip_families,
        ..ExternalServiceTemplate::default()
    };
    let leads_out = matches!(kind, ListenerType::LoadBalancer | ListenerType::NodePort);
    let Some(mut external) = all.external_service.clone().filter(|_| leads_out) else {
        return service;
    };
    let (mut labels, mut annotations) = (service.metadata.labels, service.metadata.annotations);
    labels.extend(external.metadata.labels);
    annotations.extend(external.metadata.annotations);
    external.metadata = Metadata { labels, annotations };
    external.ip_family_policy = external.ip_family_policy.or(service.ip_family_policy);
    if external.ip_families.is_empty() {
        external.ip_families = service.ip_families;
    }
    external
}

fn traffic_policy(policy: ExternalTrafficPolicy) -> &'static str {
    match policy {
        ExternalTrafficPolicy::Cluster => "Cluster",
        ExternalTrafficPolicy::Local => "Local",
    }
}

fn service_type(kind: ListenerType) -> &'static str {
    match kind {
        ListenerType::Internal | ListenerType::TlsRoute => "ClusterIP",
        ListenerType::LoadBalancer => "LoadBalancer",
        ListenerType::NodePort => "NodePort",
    }
}

/// The bootstrap port, and one for each broker that there is and has one.
fn ports(fleet: &Fleet, listener: &Listener) -> Vec<ServicePort> {
    let bootstrap = port(listener, format!("tcp-{}", listener.name), u32::from(listener.service_port()));
    let bootstrap =
        ServicePort { target_port: Some(IntOrString::Int(i32::from(listener.port))), ..bootstrap };
    let brokers = fleet.served_brokers(listener).map(|id| {
        let number = listener.broker_port(id);
        // No listener is named so, even one that is called by a number.
        port(listener, format!("tcp-b-{number}"), number)
    });
    std::iter::once(bootstrap).chain(brokers).collect()
}

fn port(listener: &Listener, name: String, number: u32) -> ServicePort {
    // Ports were checked to be ports when the fleet was validated.
    let number = i32::try_from(number).unwrap_or(i32::MAX);
    ServicePort {
        name: Some(name),
        port: number,
        target_port: Some(IntOrString::Int(number)),
        node_port: (listener.kind == ListenerType::NodePort).then_some(number),
        protocol: Some("TCP".to_owned()),
        app_protocol: None,
    }
}

fn discovery(fleet: &Fleet, listeners: &[&Listener]) -> String {
    let entries: Vec<_> = listeners
        .iter()
        .map(|listener| {
            let auth = fleet.client_authentication(listener);
            json!({"port": listener.service_port(), "tls": listener.tls, "protocol": "kafka", "auth": auth})
        })
        .collect();
    json!(entries).to_string()
}
