//! The oldest version of TLS that a listener speaks.

use std::fs;

use tests::{Certificates, Client, Cluster, Proxy, RawConnection};
use tokio_rustls::rustls::AlertDescription;
use tokio_rustls::rustls::version::TLS12;

use super::outcome::{alert, is_refused, is_served};
use crate::security::policy;

struct Versioned {
    certificates: Certificates,
    proxy: Proxy,
}

impl Versioned {
    /// A listener that speaks this version and newer ones.
    async fn start(oldest: &str) -> Self {
        let certificates = Certificates::new();
        let builder = Proxy::before(Cluster::shared().await).policy(policy("tls."));
        let builder = builder.tls(&certificates.server("proxy", &[]), None).tls_field("minVersion", oldest);
        Self { certificates, proxy: builder.start().await }
    }

    /// Java's client with this version alone.
    fn java(&self, version: &str) -> Vec<(String, String)> {
        let mut tls = Client::Java.tls(&self.certificates.authority(), None);
        tls.push(("ssl.enabled.protocols".to_owned(), version.to_owned()));
        tls
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_tls_1_2_is_served_where_that_is_the_oldest_version() {
    let versioned = Versioned::start("TLSv1.2").await;
    is_served(&versioned.proxy, Client::Java, &versioned.java("TLSv1.2")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_tls_1_2_is_refused_by_an_alert_where_1_3_is_the_oldest_version() {
    let versioned = Versioned::start("TLSv1.3").await;
    let authority = fs::read_to_string(versioned.certificates.authority()).unwrap();
    let address = versioned.proxy.bootstrap();
    let connected = RawConnection::connect_tls_in(&[&TLS12], &address, "localhost", &authority, None).await;
    assert_eq!(alert(connected).await, AlertDescription::ProtocolVersion);
    is_refused(&versioned.proxy, &versioned.java("TLSv1.2")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_of_tls_1_3_are_served_where_it_is_the_oldest_version() {
    let versioned = Versioned::start("TLSv1.3").await;
    is_served(&versioned.proxy, Client::Java, &versioned.java("TLSv1.3")).await;
    for client in [Client::Python, Client::Go, Client::Librdkafka] {
        let tls = client.tls(&versioned.certificates.authority(), None);
        is_served(&versioned.proxy, client, &tls).await;
    }
}
