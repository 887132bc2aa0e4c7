//! How clients reach the proxies.

use k8s_openapi::api::core::v1::Service;
use kube::ResourceExt;
use operator_api::{
    BrokerNames as BrokerNamesSpec, ClientAuthentication, GatewayRef, Listener as ListenerSpec, ListenerType,
};
use proxy_config::{BrokerNames, NamePattern, ProxyConfig};

use crate::cluster::KafkaKey;
use crate::controller::dereference::Observed;
use crate::controller::validate::Obstacle;
use crate::fleet::{ClientAuthority, Clients, Listener};
use crate::names::Names;

/// Where Gateways listen, unless it is said.
const GATEWAY_PORT: u16 = 443;

pub(super) fn listener(
    key: &KafkaKey,
    names: &Names,
    observed: &Observed,
    last: Option<&ProxyConfig>,
    spec: &ListenerSpec,
) -> Result<Listener, Obstacle> {
    let broker_names = spec.broker_names.as_ref().map(|names| broker_names(spec, names)).transpose()?;
    if spec.kind == ListenerType::TlsRoute && (spec.broker_names.is_none() || spec.tls_route.is_none()) {
        return Err(wrong(&spec.name, "brokerNames", "and tlsRoute are required for type: tlsroute"));
    }
    Ok(Listener {
        name: spec.name.clone(),
        kind: spec.kind,
        tls: spec.tls,
        // The schema bounds ports well within a port's range.
        port: u16::try_from(spec.port).unwrap_or(u16::MAX),
        advertised_host: advertised_host(key, names, observed, last, spec)?,
        broker_names,
        gateways: gateways(spec),
        clients: spec.authentication.as_ref().map(|authentication| clients(key, authentication)),
        min_version: spec.min_version,
        cipher_suites: spec.cipher_suites.clone(),
        proxy_protocol: spec.proxy_protocol,
        peers: spec.network_policy_peers.clone(),
    })
}

fn advertised_host(
    key: &KafkaKey,
    names: &Names,
    observed: &Observed,
    last: Option<&ProxyConfig>,
    spec: &ListenerSpec,
) -> Result<Option<String>, Obstacle> {
    if spec.broker_names.is_some() && spec.advertised_host.is_none() {
        return Err(wrong(&spec.name, "advertisedHost", "is required with brokerNames"));
    }
    let internal = format!("{}.{}.svc", names.bootstrap(), key.namespace);
    Ok(match spec.kind {
        // With names it leads where the platform owner has it lead.
        ListenerType::Internal if spec.broker_names.is_none() => Some(internal),
        ListenerType::Internal | ListenerType::NodePort | ListenerType::TlsRoute => {
            spec.advertised_host.clone()
        }
        ListenerType::LoadBalancer => {
            let service =
                observed.ours.services.iter().find(|each| each.name_any() == names.listener(&spec.name));
            let known = || {
                let told = last?.listeners.iter().find(|told| told.name.as_str() == spec.name)?;
                let was_balancer =
                    service.is_none_or(is_balancer) && told.advertised_host.as_str() != internal;
                was_balancer.then(|| told.advertised_host.to_string())
            };
            spec.advertised_host.clone().or_else(|| balancer_address(service?)).or_else(known)
        }
    })
}

fn gateways(spec: &ListenerSpec) -> Vec<GatewayRef> {
    let route = spec.tls_route.as_ref().filter(|_| spec.kind == ListenerType::TlsRoute);
    route.map(|route| route.parent_refs.clone()).unwrap_or_default()
}

fn broker_names(listener: &ListenerSpec, spec: &BrokerNamesSpec) -> Result<BrokerNames, Obstacle> {
    let pattern = NamePattern::new(&spec.pattern)
        .map_err(|error| wrong(&listener.name, "brokerNames.pattern", &error.to_string()))?;
    // The schema bounds ports.
    let given = spec.advertised_port.map(|port| u16::try_from(port).unwrap_or(u16::MAX));
    let advertised_port = given.or_else(|| (listener.kind == ListenerType::TlsRoute).then_some(GATEWAY_PORT));
    Ok(BrokerNames { pattern, advertised_port })
}

fn wrong(listener: &str, field: &str, problem: &str) -> Obstacle {
    Obstacle::Settings(format!("listeners[{listener}].{field} {problem}"))
}

fn clients(key: &KafkaKey, spec: &ClientAuthentication) -> Clients {
    let strimzis = format!("{}-clients-ca-cert", key.name);
    let authority = match &spec.ca_secret_ref {
        Some(given) if given.name != strimzis => ClientAuthority::Given(given.name.clone()),
        _ => ClientAuthority::Strimzi(strimzis),
    };
    Clients {
        authority,
        certificates: spec.client_certificates,
        revoked: spec.crl_secret_ref.as_ref().map(|secret| secret.name.clone()),
        principals: spec.allowed_principals.clone(),
    }
}

fn balancer_address(service: &Service) -> Option<String> {
    let ingress = service.status.as_ref()?.load_balancer.as_ref()?.ingress.as_ref()?.first()?;
    ingress.hostname.clone().or_else(|| ingress.ip.clone())
}

fn is_balancer(service: &Service) -> bool {
    service.spec.as_ref().and_then(|spec| spec.type_.as_deref()) == Some("LoadBalancer")
}
