//! What has a Gateway pass connections on to a listener's Service, by the names that clients ask for.

use kube::core::{ApiResource, DynamicObject, GroupVersionKind};
use proxy_config::BrokerId;
use serde_json::{Value, json};

use crate::fleet::{Fleet, Listener};

pub(crate) const GATEWAY_GROUP: &str = "gateway.networking.k8s.io";
pub(crate) const TLS_ROUTES: &str = "tlsroutes";
/// How many names a route may have in its older versions.
const MOST_NAMES: usize = 16;

/// The kind of routes, in a version.
pub(crate) fn tls_route_resource(version: &str) -> ApiResource {
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(GATEWAY_GROUP, version, "TLSRoute"), TLS_ROUTES)
}

/// As many as the names of a listener need.
pub(crate) fn tls_routes(fleet: &Fleet, resource: &ApiResource) -> Vec<DynamicObject> {
    let mut all = Vec::new();
    for listener in fleet.listeners.iter().filter(|listener| !listener.gateways.is_empty()) {
        let names = names(listener, fleet.upstream.brokers.keys().copied());
        for (index, names) in names.chunks(MOST_NAMES).enumerate() {
            // Names of listeners have no hyphen, so this is nobody else's.
            let suffix = if index == 0 { String::new() } else { format!("-{}", index + 1) };
            let name = format!("{}{suffix}", fleet.service(listener));
            let mut route = DynamicObject::new(&name, resource);
            route.metadata = fleet.metadata(name);
            route.data = json!({"spec": spec(fleet, listener, names)});
            all.push(route);
        }
    }
    all
}

/// That of the bootstrap first. Names of routes are in lower case.
fn names(listener: &Listener, brokers: impl Iterator<Item = BrokerId>) -> Vec<String> {
    let bootstrap = listener.advertised_host.iter().map(|host| host.to_ascii_lowercase());
    bootstrap.chain(brokers.filter_map(|id| listener.broker_name(id))).collect()
}

fn spec(fleet: &Fleet, listener: &Listener, names: &[String]) -> Value {
    json!({
        "parentRefs": listener.gateways,
        "hostnames": names,
        "rules": [{"backendRefs": [{"name": fleet.service(listener), "port": listener.service_port()}]}],
    })
}
