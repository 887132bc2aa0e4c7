//! A hardware security module.

use k8s_openapi::api::core::v1::VolumeProjection;
use k8s_openapi::api::networking::v1::NetworkPolicyEgressRule;
use operator_api::Pkcs11Provider;
use serde_json::{Value, json};

use super::{secret, way};

pub(super) fn settings(pkcs11: &Pkcs11Provider, directory: &str) -> Value {
    let mut settings = json!({"module": pkcs11.module, "pinFile": format!("{directory}/pin")});
    if let Some(label) = &pkcs11.token_label {
        settings["tokenLabel"] = json!(label);
    }
    if let Some(slot) = pkcs11.slot {
        settings["slot"] = json!(slot);
    }
    settings
}

pub(super) fn files(pkcs11: &Pkcs11Provider) -> Vec<VolumeProjection> {
    vec![secret(&pkcs11.pin_secret_ref, &["pin"])]
}

/// Without ports the library reaches its device by other means, or needs none.
pub(super) fn egress(pkcs11: &Pkcs11Provider) -> Vec<NetworkPolicyEgressRule> {
    let ports: Vec<u16> =
        pkcs11.network_policy_ports.iter().filter_map(|port| u16::try_from(*port).ok()).collect();
    let any = !ports.is_empty();
    any.then(|| way(&pkcs11.network_policy_peers, ports)).into_iter().collect()
}
