//! A listener that takes some subjects only of those that its clients' authority signed for.

use serde_json::Value;
use tests::{Certificates, Client, Cluster, Identity, Proxy, eventually};
use tokio_rustls::rustls::AlertDescription;

use super::outcome::{alert, is_refused, is_served};
use super::{connect, handshake};
use crate::security::{PATIENCE, policy};

/// A listener that takes payments, and a client beside it that has as good a certificate.
struct Listed {
    certificates: Certificates,
    payments: Identity,
    orders: Identity,
    proxy: Proxy,
}

impl Listed {
    async fn start() -> Self {
        let certificates = Certificates::new();
        let [payments, orders] = ["payments", "orders"].map(|name| certificates.client(name, name));
        let builder = Proxy::before(Cluster::shared().await).policy(policy("tls."));
        let builder = builder.tls(&certificates.server("proxy", &[]), Some(&certificates.authority()));
        let proxy = builder.tls_field("allowedPrincipals", vec!["CN=payments"]).start().await;
        Self { certificates, payments, orders, proxy }
    }

    fn properties(&self, client: Client, own: &Identity) -> Vec<(String, String)> {
        client.tls(&self.certificates.authority(), Some(own))
    }

    /// Whom the audit log tells of as refused, and of how many connections.
    fn told(&self) -> Vec<(String, u64)> {
        let log = self.proxy.log();
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let refused = lines.filter(|line| line["event"] == "clientRefused");
        refused
            .map(|line| {
                let subject = line["subject"].as_str().unwrap();
                (subject.to_owned(), line["connections"].as_u64().unwrap())
            })
            .collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_of_an_allowed_principal_write_and_read_what_is_encrypted() {
    let listed = Listed::start().await;
    for client in [Client::Java, Client::Librdkafka, Client::Go] {
        is_served(&listed.proxy, client, &listed.properties(client, &listed.payments)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_another_principal_is_refused_and_nothing_of_it_reaches_a_broker() {
    let listed = Listed::start().await;
    is_refused(&listed.proxy, &listed.properties(Client::Java, &listed.orders)).await;
    let passed = async || listed.proxy.metrics().await.sum("topic_encryption_frames_total", &[]);
    assert!(passed().await < 0.5, "requests of a client that is refused went through");
    connect(&listed.proxy, &listed.certificates.authority(), Some(&listed.payments)).await.unwrap();
    assert!(passed().await > 0.5, "requests of a client that is served are not counted");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_log_names_the_principal_of_each_connection_that_is_refused() {
    const CONNECTIONS: u64 = 3;
    let listed = Listed::start().await;
    let authority = listed.certificates.authority();
    connect(&listed.proxy, &authority, Some(&listed.payments)).await.unwrap();
    for _ in 0..CONNECTIONS {
        let connected = handshake(&listed.proxy, &authority, Some(&listed.orders)).await;
        assert_eq!(alert(connected).await, AlertDescription::AccessDenied);
    }
    let at_once = async || listed.told().first() == Some(&("CN=orders".to_owned(), 1));
    eventually("the first one is told of at once", PATIENCE, at_once).await;
    // The others have their line a minute later, or when the proxy ends.
    assert!(listed.proxy.terminate().await.success());
    let told = listed.told();
    assert!(told.iter().all(|(subject, _)| subject == "CN=orders"), "{told:?}");
    assert_eq!(told.iter().map(|(_, connections)| connections).sum::<u64>(), CONNECTIONS, "{told:?}");
}
