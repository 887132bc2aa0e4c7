//! Another TLS library than the proxy's own at its listeners: that of librdkafka and Python, by OpenSSL's client.

mod talk;

use serde_json::{Value, json};
use tests::proxy::ProxyBuilder;
use tests::{Certificates, Cluster, Identity, Proxy};

use super::{PATIENCE, policy};
use talk::Talk;

/// Alerts (RFC 8446, section 6).
const HANDSHAKE_FAILURE: u8 = 40;
const PROTOCOL_VERSION: u8 = 70;

/// Those of the configuration, as OpenSSL calls them, by the version that they belong to and the key that they need.
const TLS_1_3: [&str; 3] =
    ["TLS_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256", "TLS_CHACHA20_POLY1305_SHA256"];
const ECDSA: [&str; 3] =
    ["ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"];
const RSA: [&str; 3] =
    ["ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-CHACHA20-POLY1305"];

struct Listener {
    certificates: Certificates,
    proxy: Proxy,
}

impl Listener {
    /// With these fields of its TLS.
    async fn with(fields: &[(&str, Value)]) -> Self {
        let certificates = Certificates::new();
        let server = certificates.server("proxy", &[]);
        Self::presenting(certificates, &server, fields).await
    }

    async fn presenting(certificates: Certificates, server: &Identity, fields: &[(&str, Value)]) -> Self {
        let builder = Proxy::before(Cluster::shared().await).policy(policy("tls.")).tls(server, None);
        let add =
            |builder: ProxyBuilder, (field, value): &(&str, Value)| builder.tls_field(field, value.clone());
        let proxy = fields.iter().fold(builder, add).start().await;
        Self { certificates, proxy }
    }

    async fn talk(&self, options: &[&str]) -> Talk {
        Talk::with(&self.proxy, &self.certificates.authority(), options).await
    }

    /// A client of this version alone is served.
    async fn serves(&self, option: &str, version: &str) {
        let talk = self.talk(&[option]).await;
        assert!(talk.answered, "{talk:?}");
        assert_eq!(talk.agreed().0, version);
    }

    /// A client that has this cipher suite alone is served with it.
    async fn serves_suite(&self, suite: &str) {
        let talk = self.talk(&only(suite)).await;
        assert!(talk.answered, "{suite}: {talk:?}");
        assert_eq!(talk.agreed().1, suite);
    }

    /// A client that has this cipher suite alone is told that there is none in common.
    async fn refuses_suite(&self, suite: &str) {
        let talk = self.talk(&only(suite)).await;
        assert_eq!((talk.answered, talk.alert()), (false, Some(HANDSHAKE_FAILURE)), "{suite}: {talk:?}");
    }
}

fn only(suite: &str) -> [&str; 3] {
    if suite.starts_with("TLS_") {
        ["-tls1_3", "-ciphersuites", suite]
    } else {
        ["-tls1_2", "-cipher", suite]
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn openssl_is_served_in_tls_1_2_and_1_3_where_nothing_is_said_of_versions() {
    let listener = Listener::with(&[]).await;
    listener.serves("-tls1_2", "TLSv1.2").await;
    listener.serves("-tls1_3", "TLSv1.3").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn openssl_is_refused_by_an_alert_in_tls_1_1() {
    let listener = Listener::with(&[]).await;
    // OpenSSL does not try what it thinks weak itself.
    let talk = listener.talk(&["-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"]).await;
    assert!(!talk.answered && talk.alert().is_some(), "{talk:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn openssl_is_served_in_tls_1_3_alone_where_that_is_the_oldest_version() {
    let listener = Listener::with(&[("minVersion", json!("TLSv1.3"))]).await;
    let talk = listener.talk(&["-tls1_2"]).await;
    assert_eq!((talk.answered, talk.alert()), (false, Some(PROTOCOL_VERSION)), "{talk:?}");
    listener.serves("-tls1_3", "TLSv1.3").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_suite_of_the_configuration_is_openssls_too_with_a_key_on_an_elliptic_curve() {
    let listener = Listener::with(&[]).await;
    for suite in TLS_1_3.into_iter().chain(ECDSA) {
        listener.serves_suite(suite).await;
    }
    listener.refuses_suite(RSA[0]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_suite_of_the_configuration_is_openssls_too_with_a_key_of_rsa() {
    let certificates = Certificates::new();
    let server = certificates.rsa_server("proxy");
    let listener = Listener::presenting(certificates, &server, &[]).await;
    for suite in TLS_1_3.into_iter().chain(RSA) {
        listener.serves_suite(suite).await;
    }
    listener.refuses_suite(ECDSA[0]).await;
}

/// Without forward secrecy, and without authenticated encryption.
#[tokio::test(flavor = "multi_thread")]
async fn openssl_is_refused_with_suites_that_no_configuration_can_name() {
    let certificates = Certificates::new();
    let server = certificates.rsa_server("proxy");
    let listener = Listener::presenting(certificates, &server, &[]).await;
    for suite in ["AES256-GCM-SHA384", "ECDHE-RSA-AES256-SHA384"] {
        listener.refuses_suite(suite).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn openssl_is_served_with_the_suites_that_are_listed_and_no_others() {
    let listed = json!(["TLS_AES_128_GCM_SHA256", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"]);
    let listener = Listener::with(&[("cipherSuites", listed)]).await;
    for (option, suite) in [("-tls1_3", TLS_1_3[1]), ("-tls1_2", ECDSA[1])] {
        let talk = listener.talk(&[option]).await;
        assert!(talk.answered, "{talk:?}");
        assert_eq!(talk.agreed().1, suite, "of all that it has");
    }
    for suite in [TLS_1_3[0], TLS_1_3[2], ECDSA[0], ECDSA[2]] {
        listener.refuses_suite(suite).await;
    }
}

/// Kafka has no application protocol. Some clients' TLS libraries offer one all the same.
#[tokio::test(flavor = "multi_thread")]
async fn openssl_is_served_whichever_application_protocols_it_offers() {
    let listener = Listener::with(&[]).await;
    for option in ["-tls1_2", "-tls1_3"] {
        let talk = listener.talk(&[option, "-alpn", "h2,kafka"]).await;
        assert!(talk.answered, "{talk:?}");
        assert!(talk.said.contains("No ALPN negotiated"), "{talk:?}");
    }
}
