//! A listener to which clients may come with a certificate or without one.

use tests::{Certificates, Client, Cluster, Proxy};

use super::outcome::{is_refused, is_served};
use crate::security::policy;

struct Optional {
    certificates: Certificates,
    proxy: Proxy,
}

impl Optional {
    async fn start() -> Self {
        let certificates = Certificates::new();
        let builder = Proxy::before(Cluster::shared().await).policy(policy("tls."));
        let builder = builder.tls(&certificates.server("proxy", &[]), Some(&certificates.authority()));
        let proxy = builder.tls_field("clientCertificates", "Optional").start().await;
        Self { certificates, proxy }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_without_a_certificate_are_served_where_it_is_optional() {
    let Optional { certificates, proxy } = Optional::start().await;
    for client in [Client::Java, Client::Librdkafka, Client::Go] {
        is_served(&proxy, client, &client.tls(&certificates.authority(), None)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_with_a_certificate_are_served_where_it_is_optional() {
    let Optional { certificates, proxy } = Optional::start().await;
    let own = certificates.client("friend", "friend");
    for client in [Client::Java, Client::Librdkafka, Client::Go] {
        is_served(&proxy, client, &client.tls(&certificates.authority(), Some(&own))).await;
    }
}

/// A certificate that is shown is never passed over.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_with_a_strangers_certificate_is_refused_where_it_is_optional() {
    let Optional { certificates, proxy } = Optional::start().await;
    // Their authority has the same name, so that clients take their certificates for some that are asked for.
    let strangers = Certificates::new();
    let stranger = strangers.client("stranger", "friend");
    is_refused(&proxy, &Client::Java.tls(&certificates.authority(), Some(&stranger))).await;
}
