//! Kubernetes objects of a `Fleet`, one file for each kind. Pure: nothing here reads or writes anything.

mod certificate;
mod config_map;
mod deployment;
mod key_providers;
mod network_policy;
mod pod_disruption_budget;
mod service_account;
mod service_binding;
mod services;
mod tls_route;

pub(crate) use self::certificate::{authority_bundle, cert_manager_certificate, cert_manager_resource};
pub(crate) use self::config_map::{
    Files, LEDGER_COPY, UPSTREAM_CA_FILE, brokers_yaml, config_map, proxy_yaml,
};
pub(crate) use self::deployment::{ADMIN_PORT, CONTAINER, UPSTREAM_USER_VOLUME, deployment, mounted_secrets};
pub(crate) use self::network_policy::network_policy;
pub(crate) use self::pod_disruption_budget::pod_disruption_budget;
pub(crate) use self::service_account::service_account;
pub(crate) use self::service_binding::binding_secret;
pub(crate) use self::services::services;
pub(crate) use self::tls_route::{GATEWAY_GROUP, TLS_ROUTES, tls_route_resource, tls_routes};

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use operator_api::Metadata;

/// Adds labels and annotations of a template; the operator's own labels stay.
fn merge(mut metadata: ObjectMeta, template: Option<&Metadata>) -> ObjectMeta {
    let Some(template) = template else { return metadata };
    let mut labels = template.labels.clone();
    labels.extend(metadata.labels.take().unwrap_or_default());
    metadata.labels = Some(labels);
    let mut annotations = template.annotations.clone();
    annotations.extend(metadata.annotations.take().unwrap_or_default());
    metadata.annotations = non_empty(annotations);
    metadata
}

fn non_empty(map: BTreeMap<String, String>) -> Option<BTreeMap<String, String>> {
    Some(map).filter(|map| !map.is_empty())
}

#[cfg(test)]
mod tests;
