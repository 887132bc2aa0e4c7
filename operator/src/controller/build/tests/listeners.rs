//! What an `EncryptionProxy` says of listeners and bounds, as the proxies' own reader takes it.

use std::time::Duration;

use operator_api::EncryptionProxy;
use proxy_config::{CipherSuite, ClientCertificates, Listener, Principal, TlsVersion};
use serde_json::{Value, json};

use super::files::config;
use super::{container, pod};
use crate::controller::build::mounted_secrets;
use crate::controller::fixtures::{fleet, obstacle, with_proxy};

/// The listeners as proxies read them.
fn listeners(listeners: &str) -> Vec<Listener> {
    config(&fleet(&with_proxy(&format!("{{listeners: {listeners}}}")))).listeners
}

#[test]
fn every_bound_reaches_the_proxies() {
    let limits =
        "{connectionsPerAddress: 7, fetchMaxBytes: 4096, authenticationTimeout: 30s, idleTimeout: 1h30m}";
    let told = config(&fleet(&with_proxy(&format!("{{limits: {limits}}}")))).limits;
    assert_eq!((told.connections_per_address, told.fetch_max_bytes), (Some(7), Some(4096)));
    assert_eq!(told.authentication_timeout.duration(), Duration::from_secs(30));
    assert_eq!(told.idle_timeout.duration(), Duration::from_mins(90));
}

#[test]
fn versions_suites_and_the_proxy_protocol_are_those_of_their_listener_alone() {
    let told = listeners(
        "[
            {name: strict, minVersion: TLSv1.3, cipherSuites: [TLS_AES_128_GCM_SHA256], proxyProtocol: true},
            {name: easy, port: 9300},
        ]",
    );
    let tls = |index: usize| told[index].tls.clone().unwrap();
    assert_eq!(tls(0).min_version, TlsVersion::Tls13);
    assert_eq!(tls(0).cipher_suites, Some(vec![CipherSuite::Aes128Gcm]));
    assert_eq!((tls(1).min_version, tls(1).cipher_suites), (TlsVersion::Tls12, None));
    assert_eq!((told[0].proxy_protocol, told[1].proxy_protocol), (true, false));
}

const MTLS: &str = "[
    {name: strict, authentication: {
        type: tls, crlSecretRef: {name: revoked}, allowedPrincipals: [CN=payments, 'CN=audit,OU=Risk'],
    }},
    {name: easy, port: 9300, authentication: {type: tls, caSecretRef: {name: ours}, clientCertificates: Optional}},
]";

#[test]
fn certificates_of_clients_are_demanded_and_judged_as_the_listener_says() {
    let told = listeners(MTLS);
    let tls = |index: usize| told[index].tls.clone().unwrap();
    assert!(tls(0).demands_certificates());
    let principals = tls(0).allowed_principals.unwrap();
    assert_eq!(
        principals.iter().map(Principal::as_str).collect::<Vec<_>>(),
        ["CN=payments", "CN=audit,OU=Risk"]
    );
    let revoked = tls(0).client_crl_file.unwrap().to_string();
    assert_eq!(revoked, "/etc/topic-encryption-revoked/strict/ca.crl");
    assert_eq!(tls(1).client_certificates, ClientCertificates::Optional);
    assert_eq!((tls(1).client_crl_file, tls(1).allowed_principals), (None, None));
}

#[test]
fn of_the_secret_of_revoked_certificates_pods_see_the_lists_alone() {
    let fleet = fleet(&with_proxy(&format!("{{listeners: {MTLS}}}")));
    let volumes = pod(&fleet).volumes.unwrap();
    let secret =
        volumes.into_iter().find(|volume| volume.name == "clients-strict-crl").unwrap().secret.unwrap();
    assert_eq!(secret.secret_name.as_deref(), Some("revoked"));
    let items = secret.items.unwrap();
    assert_eq!(items.iter().map(|item| item.key.as_str()).collect::<Vec<_>>(), ["ca.crl"]);
    let mount =
        container(&fleet).volume_mounts.unwrap().into_iter().find(|mount| mount.name == "clients-strict-crl");
    assert_eq!(mount.unwrap().mount_path, "/etc/topic-encryption-revoked/strict");
    assert!(mounted_secrets(&fleet).contains(&"revoked".to_owned()), "its changes reach pods at once");
}

#[test]
fn clients_that_may_come_without_a_certificate_are_not_told_to_show_one() {
    let discovery = |certificates: &str| {
        let settings = format!(
            "{{listenerName: plain, listeners: [{{name: tls, authentication: {{type: tls, clientCertificates: {certificates}}}}}]}}"
        );
        let fleet = fleet(&with_proxy(&settings));
        fleet.client_authentication(&fleet.listeners[0]).to_owned()
    };
    assert_eq!(discovery("Required"), "tls");
    assert_eq!(discovery("Optional"), "none");
}

#[test]
fn more_principals_than_the_proxies_files_have_room_for_are_refused() {
    let principals: Vec<_> = (0..1000).map(|index| format!("CN={index},OU={}", "a".repeat(100))).collect();
    let listener = json!({"name": "tls", "authentication": {"type": "tls", "allowedPrincipals": principals}});
    let (reason, message) = obstacle(&with_proxy(&json!({"listeners": [listener]}).to_string()));
    assert_eq!(reason, "InvalidSettings");
    assert!(message.contains("list fewer allowedPrincipals"), "{message}");
}

#[test]
fn the_definition_has_the_proxies_cipher_suites_and_no_others() {
    let every: Vec<_> = CipherSuite::ALL.iter().map(|suite| suite.name()).collect();
    let told = listeners(&format!("[{{name: tls, cipherSuites: {}}}]", json!(every)));
    assert_eq!(told[0].tls.as_ref().unwrap().cipher_suites.as_deref(), Some(CipherSuite::ALL));
    let definition = serde_json::to_value(<EncryptionProxy as kube::CustomResourceExt>::crd()).unwrap();
    let suites = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/listeners/items/properties/cipherSuites";
    let of_definition: Vec<Value> = every.into_iter().map(Value::from).collect();
    assert_eq!(definition.pointer(suites).unwrap()["items"]["enum"], json!(of_definition));
}

#[test]
fn what_the_proxies_would_refuse_is_no_fleet() {
    // As from an API server whose definitions are older.
    for (settings, said) in [
        ("{limits: {fetchMaxBytes: 104857601}}", "must be at most maxFrameBytes"),
        ("{limits: {idleTimeout: 59s}}", "must be a time from 1m to 24h"),
        (
            "{listeners: [{name: tls, authentication: {type: tls, allowedPrincipals: []}}]}",
            "must have at least one entry",
        ),
        (
            "{listeners: [{name: tls, authentication: {type: tls, clientCertificates: Optional}}],
              authentication: {kafkaUserRef: {name: proxies}}, listenerName: mtls}",
            "clientCertificates: must be Required",
        ),
        ("{listeners: [{name: tls, cipherSuites: []}]}", "must have at least one entry"),
    ] {
        let (reason, message) = obstacle(&with_proxy(settings));
        assert_eq!(reason, "InvalidSettings");
        assert!(message.contains(said), "{message}");
    }
}
