//! Azure Key Vault.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::VolumeProjection;
use k8s_openapi::api::networking::v1::NetworkPolicyEgressRule;
use operator_api::{AzureAlgorithm, AzureCredentials, AzureKeyVaultProvider};
use serde_json::{Value, json};

use super::{HTTPS, authorities, port, secret, token, way};

pub(super) fn settings(azure: &AzureKeyVaultProvider, directory: &str) -> Value {
    let file = |name: &str| format!("{directory}/{name}");
    let algorithm = match azure.algorithm {
        AzureAlgorithm::A256Kw => "A256KW",
        AzureAlgorithm::RsaOaep256 => "RSA-OAEP-256",
    };
    let (kind, mut credentials) = match &azure.credentials {
        AzureCredentials { workload_identity: Some(identity), .. } => (
            "workloadIdentity",
            json!({"tenantId": identity.tenant_id, "clientId": identity.client_id, "tokenFile": file("token")}),
        ),
        AzureCredentials { client_secret: Some(given), .. } => (
            "clientSecret",
            json!({"tenantId": given.tenant_id, "clientId": given.client_id, "secretFile": file("client-secret")}),
        ),
        // The definition has exactly one of them.
        AzureCredentials { .. } => ("workloadIdentity", json!({})),
    };
    if let Some(authority) = authority(azure) {
        credentials["authority"] = json!(authority);
    }
    let mut settings =
        json!({"vault": azure.vault, "algorithm": algorithm, "credentials": {kind: credentials}});
    if let Some(audience) = &azure.audience {
        settings["audience"] = json!(audience);
    }
    if azure.tls.is_some() {
        settings["tls"] = json!({"caFile": file("ca.crt")});
    }
    settings
}

pub(super) fn files(azure: &AzureKeyVaultProvider) -> Vec<VolumeProjection> {
    let AzureCredentials { workload_identity, client_secret } = &azure.credentials;
    let token = workload_identity.as_ref().map(|identity| token(&identity.token_audience));
    let secret = client_secret.as_ref().map(|given| secret(&given.secret_ref, &["client-secret"]));
    let tls = azure.tls.iter();
    let tls = tls.flat_map(|tls| authorities(tls.ca_config_map_ref.as_ref(), tls.ca_secret_ref.as_ref()));
    token.into_iter().chain(secret).chain(tls).collect()
}

pub(super) fn egress(azure: &AzureKeyVaultProvider) -> Vec<NetworkPolicyEgressRule> {
    let ports: BTreeSet<u16> = [port(&azure.vault), authority(azure).map_or(HTTPS, port)].into();
    vec![way(&azure.network_policy_peers, ports)]
}

fn authority(azure: &AzureKeyVaultProvider) -> Option<&str> {
    let AzureCredentials { workload_identity, client_secret } = &azure.credentials;
    let identity = workload_identity.as_ref().and_then(|identity| identity.authority.as_deref());
    identity.or_else(|| client_secret.as_ref()?.authority.as_deref())
}
