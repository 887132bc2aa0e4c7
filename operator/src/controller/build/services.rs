//! Services: one for all internal listeners, one for each other. Every broker has a port of its own, as every proxy serves
//! every broker.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use operator_api::ListenerType;
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
    let template = fleet.template.service.as_ref();
    let mut metadata = fleet.metadata(name);
    metadata.labels.get_or_insert_default().insert(DISCOVERY.to_owned(), "true".to_owned());
    metadata.annotations.get_or_insert_default().insert(DISCOVERY.to_owned(), discovery(fleet, listeners));
    Service {
        metadata: merge(metadata, template.map(|template| &template.metadata)),
        spec: Some(ServiceSpec {
            type_: Some(service_type(kind).to_owned()),
            selector: Some(fleet.names.selector_labels()),
            ports: Some(listeners.iter().flat_map(|listener| ports(fleet, listener)).collect()),
            ip_family_policy: template.and_then(|template| template.ip_family_policy.clone()),
            ip_families: template
                .map(|template| template.ip_families.clone())
                .filter(|families| !families.is_empty()),
            ..ServiceSpec::default()
        }),
        status: None,
    }
}

fn service_type(kind: ListenerType) -> &'static str {
    match kind {
        ListenerType::Internal => "ClusterIP",
        ListenerType::LoadBalancer => "LoadBalancer",
        ListenerType::NodePort => "NodePort",
    }
}

/// The bootstrap port, and one for each broker that there is.
fn ports(fleet: &Fleet, listener: &Listener) -> Vec<ServicePort> {
    let bootstrap = port(listener, format!("tcp-{}", listener.name), u32::from(listener.port));
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
            json!({"port": listener.port, "tls": listener.tls, "protocol": "kafka", "auth": auth})
        })
        .collect();
    json!(entries).to_string()
}
