//! Key management systems, as proxies are told of them: their settings, the files that these name, and the way there.
//!
//! Everything that a provider needs is in one volume, so that its settings can name files by where they are.

mod aws;
mod azure;
mod gcp;
mod ibm;
mod kmip;
mod pkcs11;
mod vault;

use k8s_openapi::api::core::v1::{
    ConfigMapProjection, KeyToPath, ProjectedVolumeSource, SecretProjection, ServiceAccountTokenProjection,
    VolumeProjection,
};
use k8s_openapi::api::networking::v1::{
    IPBlock, NetworkPolicyEgressRule, NetworkPolicyPeer, NetworkPolicyPort,
};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use operator_api::{LocalRef, ProviderTls};
use serde_json::{Value, json};

use crate::fleet::Provider;

/// The kubelet makes a new token after four fifths of this.
const TOKEN_SECONDS: i64 = 3600;
/// Group-readable only: the proxies' user is not the owner of mounted files.
const MODE: i32 = 0o440;
const HTTPS: u16 = 443;

/// The settings of `proxy.yaml`.
pub(super) fn settings(provider: &Provider, directory: &str) -> Value {
    match provider {
        Provider::Local { .. } => json!({"local": {"directory": directory}}),
        Provider::Vault(vault) => json!({"vault": vault::settings(vault, directory)}),
        Provider::AwsKms(aws) => json!({"awsKms": aws::settings(aws, directory)}),
        Provider::AzureKeyVault(azure) => json!({"azureKeyVault": azure::settings(azure, directory)}),
        Provider::GcpKms(gcp) => json!({"gcpKms": gcp::settings(gcp, directory)}),
        Provider::IbmKeyProtect(ibm) => json!({"ibmKeyProtect": ibm::settings(ibm, directory)}),
        Provider::Pkcs11(pkcs11) => json!({"pkcs11": pkcs11::settings(pkcs11, directory)}),
        Provider::Kmip(kmip) => json!({"kmip": kmip::settings(kmip, directory)}),
    }
}

/// The files that the settings of an external provider name, if any. The operator reads none of them.
pub(super) fn files(provider: &Provider) -> Option<ProjectedVolumeSource> {
    let sources = match provider {
        Provider::Local { .. } => Vec::new(),
        Provider::Vault(vault) => vault::files(vault),
        Provider::AwsKms(aws) => aws::files(aws),
        Provider::AzureKeyVault(azure) => azure::files(azure),
        Provider::GcpKms(gcp) => gcp::files(gcp),
        Provider::IbmKeyProtect(ibm) => ibm::files(ibm),
        Provider::Pkcs11(pkcs11) => pkcs11::files(pkcs11),
        Provider::Kmip(kmip) => kmip::files(kmip),
    };
    (!sources.is_empty())
        .then_some(ProjectedVolumeSource { sources: Some(sources), default_mode: Some(MODE) })
}

/// The way to a key management system.
pub(super) fn egress(provider: &Provider) -> Vec<NetworkPolicyEgressRule> {
    match provider {
        Provider::Local { .. } => Vec::new(),
        Provider::Vault(vault) => vault::egress(vault),
        Provider::AwsKms(aws) => aws::egress(aws),
        Provider::AzureKeyVault(azure) => azure::egress(azure),
        Provider::GcpKms(gcp) => gcp::egress(gcp),
        Provider::IbmKeyProtect(ibm) => ibm::egress(ibm),
        Provider::Pkcs11(pkcs11) => pkcs11::egress(pkcs11),
        Provider::Kmip(kmip) => kmip::egress(kmip),
    }
}

fn block(cidr: &str) -> NetworkPolicyPeer {
    let ip_block = Some(IPBlock { cidr: cidr.to_owned(), except: None });
    NetworkPolicyPeer { ip_block, ..NetworkPolicyPeer::default() }
}

/// To these peers, or anywhere if there are none, at these ports.
fn way(peers: &[NetworkPolicyPeer], ports: impl IntoIterator<Item = u16>) -> NetworkPolicyEgressRule {
    let port = |number: u16| NetworkPolicyPort {
        protocol: Some("TCP".to_owned()),
        port: Some(IntOrString::Int(i32::from(number))),
        end_port: None,
    };
    NetworkPolicyEgressRule {
        to: Some(peers.to_vec()).filter(|peers| !peers.is_empty()),
        ports: Some(ports.into_iter().map(port).collect()),
    }
}

fn tls_settings(tls: &ProviderTls, directory: &str) -> Value {
    let mut settings = json!({});
    if tls.ca_config_map_ref.is_some() || tls.ca_secret_ref.is_some() {
        settings["caFile"] = json!(format!("{directory}/ca.crt"));
    }
    if tls.client_secret_ref.is_some() {
        settings["certificateFile"] = json!(format!("{directory}/tls.crt"));
        settings["keyFile"] = json!(format!("{directory}/tls.key"));
    }
    settings
}

fn tls_files(tls: &ProviderTls) -> Vec<VolumeProjection> {
    let client = tls.client_secret_ref.iter().map(|object| secret(object, &["tls.crt", "tls.key"]));
    authorities(tls.ca_config_map_ref.as_ref(), tls.ca_secret_ref.as_ref())
        .into_iter()
        .chain(client)
        .collect()
}

/// The file `ca.crt`.
fn authorities(config_map: Option<&LocalRef>, secret_ref: Option<&LocalRef>) -> Vec<VolumeProjection> {
    let config_map = config_map.map(|object| VolumeProjection {
        config_map: Some(ConfigMapProjection {
            name: object.name.clone(),
            items: Some(items(&["ca.crt"])),
            optional: None,
        }),
        ..VolumeProjection::default()
    });
    config_map.into_iter().chain(secret_ref.map(|object| secret(object, &["ca.crt"]))).collect()
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

/// The port of an address. The definition refuses one that there is not.
fn port(address: &str) -> u16 {
    let address = address.trim_end_matches('/');
    let port = address.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
    port.unwrap_or(HTTPS)
}
