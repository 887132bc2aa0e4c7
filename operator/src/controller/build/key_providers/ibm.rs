//! IBM Key Protect.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::VolumeProjection;
use k8s_openapi::api::networking::v1::NetworkPolicyEgressRule;
use operator_api::{IbmCredentials, IbmKeyProtectProvider};
use serde_json::{Value, json};

use super::{HTTPS, authorities, port, secret, token, way};

pub(super) fn settings(ibm: &IbmKeyProtectProvider, directory: &str) -> Value {
    let file = |name: &str| format!("{directory}/{name}");
    let credentials = match &ibm.credentials.trusted_profile {
        Some(profile) => {
            json!({"trustedProfile": {"profileId": profile.profile_id, "tokenFile": file("token")}})
        }
        None => json!({"apiKeyFile": file("api-key")}),
    };
    let mut settings =
        json!({"endpoint": ibm.endpoint, "instanceId": ibm.instance_id, "credentials": credentials});
    let given = [("keyRing", &ibm.key_ring), ("iamEndpoint", &ibm.iam_endpoint)];
    for (name, value) in given.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?))) {
        settings[name] = json!(value);
    }
    if ibm.tls.is_some() {
        settings["tls"] = json!({"caFile": file("ca.crt")});
    }
    settings
}

pub(super) fn files(ibm: &IbmKeyProtectProvider) -> Vec<VolumeProjection> {
    let IbmCredentials { trusted_profile, api_key } = &ibm.credentials;
    let token = trusted_profile.as_ref().map(|profile| token(&profile.token_audience));
    let secret = api_key.as_ref().map(|key| secret(&key.secret_ref, &["api-key"]));
    let tls = ibm.tls.iter();
    let tls = tls.flat_map(|tls| authorities(tls.ca_config_map_ref.as_ref(), tls.ca_secret_ref.as_ref()));
    token.into_iter().chain(secret).chain(tls).collect()
}

pub(super) fn egress(ibm: &IbmKeyProtectProvider) -> Vec<NetworkPolicyEgressRule> {
    let iam = ibm.iam_endpoint.as_deref().map_or(HTTPS, port);
    let ports: BTreeSet<u16> = [port(&ibm.endpoint), iam].into();
    vec![way(&ibm.network_policy_peers, ports)]
}
