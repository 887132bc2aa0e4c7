//! What an `EncryptionProxy` says of listeners and bounds, as the proxies' own reader takes it.

use std::time::Duration;

use operator_api::EncryptionProxy;
use proxy_config::{CipherSuite, Listener, TlsVersion};
use serde_json::{Value, json};

use super::files::config;
use crate::controller::fixtures::{fleet, obstacle, with_proxy};

/// The listeners as proxies read them.
fn listeners(listeners: &str) -> Vec<Listener> {
    config(&fleet(&with_proxy(&format!("{{listeners: {listeners}}}")))).listeners
}

#[test]
fn every_bound_reaches_the_proxies() {
    let limits = "{connectionsPerAddress: 7, fetchMaxBytes: 4096, authenticationTimeout: 30s, idleTimeout: 1h30m}";
    let told = config(&fleet(&with_proxy(&format!("{{limits: {limits}}}")))).limits;
    assert_eq!((told.connections_per_address, told.fetch_max_bytes), (Some(7), Some(4096)));
    assert_eq!(told.authentication_timeout.duration(), Duration::from_secs(30));
    assert_eq!(told.idle_timeout.duration(), Duration::from_secs(5400));
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
        ("{listeners: [{name: tls, cipherSuites: []}]}", "must have at least one entry"),
    ] {
        let (reason, message) = obstacle(&with_proxy(settings));
        assert_eq!(reason, "InvalidSettings");
        assert!(message.contains(said), "{message}");
    }
}
