//! Every library that the matrix has, with certificates and with passwords.

use std::time::Duration;

use tests::{
    Certificates, Client, ConsumeOptions, ProduceOptions, Proxy, Segments, SentRecord, assert_same, canary,
};

use super::outcome::is_served;
use super::tls_proxy;
use crate::security::{Secured, policy};

/// The machine may be busy, and some libraries try again later only.
const TIMEOUT: Duration = Duration::from_mins(1);

fn libraries() -> impl Iterator<Item = Client> {
    Client::MATRIX.into_iter().filter(|client| client.has_tls())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_library_shows_its_certificate_where_it_is_demanded() {
    let certificates = Certificates::new();
    let authority = certificates.authority();
    let proxy = tls_proxy(&certificates.server("proxy", &[]), Some(&authority)).await;
    let own = certificates.client("friend", "friend");
    for client in libraries() {
        is_served(&proxy, client, &client.tls(&authority, Some(&own))).await;
    }
}

/// Alice alone may use the topic, so that the broker knows whose connection it is.
#[tokio::test(flavor = "multi_thread")]
async fn every_library_authenticates_at_the_broker_through_tls() {
    let secured = Secured::shared().await;
    let authority = secured.certificates.authority();
    let server = secured.certificates.server("libraries", &[]);
    let builder = Proxy::builder(vec![secured.cluster.sasl_address(0)], 1).policy(policy("secured."));
    let proxy = builder.upstream_tls(&authority).tls(&server, None).start().await;
    for client in libraries() {
        let mechanism = client.password_mechanism();
        let topic = secured.create(&format!("library-{client}")).await;
        secured.allow_only(&topic, "alice").await;
        let needle = canary("library");
        let sent = [SentRecord::of(needle.clone()).key("key").partition(0)];
        let sasl = client.sasl(mechanism, "alice", "alice-secret", Some(&authority));
        let to = ProduceOptions::to(proxy.bootstrap(), &topic).properties(&sasl).timeout(TIMEOUT);
        client.produce_all(&to, &sent).await;
        let from = ConsumeOptions::from(proxy.bootstrap(), &topic).properties(&sasl).timeout(TIMEOUT);
        assert_same(&format!("{client} {mechanism}"), &sent, &client.consume_all(&from).await);
        let search = Segments::of(secured.cluster.topic_dirs(&topic)).search(&[needle]).await;
        assert!(!search.found(0) && search.records > 0, "{client}: {search:?}");
    }
}
