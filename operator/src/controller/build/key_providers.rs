//! Key management systems, as proxies are told of them: their settings, the files that these name, and the way there.
//!
//! Everything that a provider needs is in one volume, so that its settings can name files by where they are.

use k8s_openapi::api::core::v1::{
    ConfigMapProjection, KeyToPath, ProjectedVolumeSource, SecretProjection, ServiceAccountTokenProjection,
    VolumeProjection,
};
use operator_api::{LocalRef, ProviderTls, VaultAuthentication, VaultBinding, VaultProvider, VaultRole};
use serde_json::{Value, json};

/// The kubelet makes a new token after four fifths of this.
const TOKEN_SECONDS: i64 = 3600;
/// Group-readable only: the proxies' user is not the owner of mounted files.
const MODE: i32 = 0o440;
const HTTPS: u16 = 443;

/// The settings of `proxy.yaml`.
pub(super) fn vault(vault: &VaultProvider, directory: &str) -> Value {
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
    if let Some(given) = &vault.tls {
        let mut tls = json!({});
        if given.ca_config_map_ref.is_some() || given.ca_secret_ref.is_some() {
            tls["caFile"] = json!(file("ca.crt"));
        }
        if given.client_secret_ref.is_some() {
            tls["certificateFile"] = json!(file("tls.crt"));
            tls["keyFile"] = json!(file("tls.key"));
        }
        settings["tls"] = tls;
    }
    settings
}

/// The files that the settings name. The operator reads none of them.
pub(super) fn vault_files(vault: &VaultProvider) -> ProjectedVolumeSource {
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
    ProjectedVolumeSource { sources: Some(sources), default_mode: Some(MODE) }
}

fn tls_files(tls: &ProviderTls) -> Vec<VolumeProjection> {
    let ca = tls.ca_config_map_ref.iter().map(|object| VolumeProjection {
        config_map: Some(ConfigMapProjection {
            name: object.name.clone(),
            items: Some(items(&["ca.crt"])),
            optional: None,
        }),
        ..VolumeProjection::default()
    });
    let ca_secret = tls.ca_secret_ref.iter().map(|object| secret(object, &["ca.crt"]));
    let client = tls.client_secret_ref.iter().map(|object| secret(object, &["tls.crt", "tls.key"]));
    ca.chain(ca_secret).chain(client).collect()
}

fn token(audience: &str) -> VolumeProjection {
    VolumeProjection {
        service_account_token: Some(ServiceAccountTokenProjection {
            audience: Some(audience.to_owned()),
            expiration_seconds: Some(TOKEN_SECONDS),
            path: "token".to_owned(),
        }),
        ..VolumeProjection::default()
    }
}

fn secret(object: &LocalRef, entries: &[&str]) -> VolumeProjection {
    VolumeProjection {
        secret: Some(SecretProjection {
            name: object.name.clone(),
            items: Some(items(entries)),
            optional: None,
        }),
        ..VolumeProjection::default()
    }
}

fn items(entries: &[&str]) -> Vec<KeyToPath> {
    let item = |entry: &&str| KeyToPath { key: (*entry).to_owned(), path: (*entry).to_owned(), mode: None };
    entries.iter().map(item).collect()
}

/// The port of an address.
pub(super) fn port(address: &str) -> u16 {
    let address = address.trim_end_matches('/');
    let port = address.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
    port.unwrap_or(HTTPS)
}
