//! Google Cloud KMS.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::VolumeProjection;
use k8s_openapi::api::networking::v1::NetworkPolicyEgressRule;
use operator_api::{GcpCredentials, GcpKmsProvider, GcpWorkloadIdentity};
use serde_json::{Value, json};

use super::{HTTPS, authorities, block, port, secret, token, way};

/// Where GKE's metadata server is for pods, with its two kinds of network.
const METADATA: [(&str, u16); 2] = [("169.254.169.254/32", 80), ("169.254.169.252/32", 988)];

pub(super) fn settings(gcp: &GcpKmsProvider, directory: &str) -> Value {
    let file = |name: &str| format!("{directory}/{name}");
    let mut settings = json!({"keyRing": gcp.key_ring});
    if let Some(endpoint) = &gcp.endpoint {
        settings["endpoint"] = json!(endpoint);
    }
    match &gcp.credentials {
        Some(GcpCredentials { workload_identity: Some(identity), .. }) => {
            settings["credentials"] = json!({"workloadIdentity": federation(identity, &file("token"))});
        }
        Some(GcpCredentials { service_account_key: Some(_), .. }) => {
            settings["credentials"] = json!({"serviceAccountFile": file("key.json")});
        }
        Some(GcpCredentials { .. }) | None => {}
    }
    if gcp.tls.is_some() {
        settings["tls"] = json!({"caFile": file("ca.crt")});
    }
    settings
}

fn federation(identity: &GcpWorkloadIdentity, token: &str) -> Value {
    let mut settings = json!({"audience": identity.audience, "tokenFile": token});
    let given = [
        ("serviceAccount", &identity.service_account),
        ("stsEndpoint", &identity.sts_endpoint),
        ("iamCredentialsEndpoint", &identity.iam_credentials_endpoint),
    ];
    for (name, value) in given.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?))) {
        settings[name] = json!(value);
    }
    settings
}

pub(super) fn files(gcp: &GcpKmsProvider) -> Vec<VolumeProjection> {
    let mut sources = Vec::new();
    match &gcp.credentials {
        Some(GcpCredentials { workload_identity: Some(identity), .. }) => {
            let default = || format!("https:{}", identity.audience);
            sources.push(token(&identity.token_audience.clone().unwrap_or_else(default)));
        }
        Some(GcpCredentials { service_account_key: Some(key), .. }) => {
            sources.push(secret(&key.secret_ref, &["key.json"]));
        }
        Some(GcpCredentials { .. }) | None => {}
    }
    if let Some(tls) = &gcp.tls {
        sources.extend(authorities(tls.ca_config_map_ref.as_ref(), tls.ca_secret_ref.as_ref()));
    }
    sources
}

pub(super) fn egress(gcp: &GcpKmsProvider) -> Vec<NetworkPolicyEgressRule> {
    let mut addresses = vec![gcp.endpoint.as_deref()];
    match &gcp.credentials {
        Some(GcpCredentials { workload_identity: Some(identity), .. }) => {
            addresses.push(identity.sts_endpoint.as_deref());
            addresses.extend(
                identity.service_account.as_ref().map(|_| identity.iam_credentials_endpoint.as_deref()),
            );
        }
        // The operator does not read the address of the token server in the key's file: it is Google's.
        Some(_) => addresses.push(None),
        None => {}
    }
    let ports: BTreeSet<u16> = addresses.into_iter().map(|address| address.map_or(HTTPS, port)).collect();
    let metadata = METADATA.map(|(cidr, number)| way(&[block(cidr)], [number]));
    let metadata = metadata.into_iter().filter(|_| gcp.credentials.is_none());
    [way(&gcp.network_policy_peers, ports)].into_iter().chain(metadata).collect()
}
