//! A Transit secrets engine.

use k8s_openapi::api::core::v1::VolumeProjection;
use k8s_openapi::api::networking::v1::NetworkPolicyEgressRule;
use operator_api::{VaultAuthentication, VaultBinding, VaultProvider, VaultRole};
use serde_json::{Value, json};

use super::{port, secret, tls_files, tls_settings, token, way};

pub(super) fn settings(vault: &VaultProvider, directory: &str) -> Value {
    let file = |name: &str| format!("{directory}/{name}");
    let role = |role: &VaultRole, method: &str| {
        let mount = role.mount.as_deref().unwrap_or(method);
        json!({"role": role.role, "mount": mount, "tokenFile": file("token")})
    };
    let auth = match &vault.authentication {
        VaultAuthentication { kubernetes: Some(by), .. } => json!({"kubernetes": role(by, "kubernetes")}),
        VaultAuthentication { jwt: Some(by), .. } => json!({"jwt": role(by, "jwt")}),
        VaultAuthentication { app_role: Some(by), .. } => json!({"appRole": {
            "mount": by.mount, "roleIdFile": file("role-id"), "secretIdFile": file("secret-id"),
        }}),
        _ => json!({"tokenFile": file("token")}),
    };
    let binding = match vault.binding {
        VaultBinding::AssociatedData => "AssociatedData",
        VaultBinding::DerivedKey => "DerivedKey",
        VaultBinding::None => "None",
    };
    let mut settings =
        json!({"address": vault.address, "mount": vault.mount, "binding": binding, "auth": auth});
    if let Some(namespace) = &vault.namespace {
        settings["namespace"] = json!(namespace);
    }
    if let Some(tls) = &vault.tls {
        settings["tls"] = tls_settings(tls, directory);
    }
    settings
}

pub(super) fn files(vault: &VaultProvider) -> Vec<VolumeProjection> {
    let mut sources = Vec::new();
    match &vault.authentication {
        VaultAuthentication { kubernetes: Some(role), .. } | VaultAuthentication { jwt: Some(role), .. } => {
            sources.push(token(&role.audience));
        }
        VaultAuthentication { app_role: Some(by), .. } => {
            sources.push(secret(&by.secret_ref, &["role-id", "secret-id"]));
        }
        VaultAuthentication { token_secret_ref: Some(by), .. } => sources.push(secret(by, &["token"])),
        VaultAuthentication { .. } => {}
    }
    sources.extend(vault.tls.iter().flat_map(tls_files));
    sources
}

pub(super) fn egress(vault: &VaultProvider) -> Vec<NetworkPolicyEgressRule> {
    vec![way(&vault.network_policy_peers, [port(&vault.address)])]
}
