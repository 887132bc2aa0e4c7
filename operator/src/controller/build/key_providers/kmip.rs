//! A KMIP server.

use k8s_openapi::api::core::v1::VolumeProjection;
use k8s_openapi::api::networking::v1::NetworkPolicyEgressRule;
use operator_api::KmipProvider;
use serde_json::{Value, json};

use super::{port, tls_files, tls_settings, way};

pub(super) fn settings(kmip: &KmipProvider, directory: &str) -> Value {
    let mut settings = json!({"address": kmip.address, "tls": tls_settings(&kmip.tls, directory)});
    if kmip.fetch_keys {
        settings["fetchKeys"] = json!(true);
    }
    settings
}

pub(super) fn files(kmip: &KmipProvider) -> Vec<VolumeProjection> {
    tls_files(&kmip.tls)
}

pub(super) fn egress(kmip: &KmipProvider) -> Vec<NetworkPolicyEgressRule> {
    vec![way(&kmip.network_policy_peers, [port(&kmip.address)])]
}
