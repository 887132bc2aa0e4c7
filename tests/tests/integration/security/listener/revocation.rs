//! A listener that follows the list of what its clients' authority has revoked.

use std::fs;

use serde_json::json;
use tests::{
    Certificates, Client, Cluster, ConsumeOptions, Feed, Identity, Proxy, Scratch, assert_same, eventually,
    topic,
};
use tokio_rustls::rustls::AlertDescription;

use super::outcome::{alert, is_refused, is_served};
use super::{certificate_loads, connect, handshake};
use crate::reload::load::end;
use crate::security::{PATIENCE, policy};

/// Numbers of certificates: of none, of one that is revoked later, of one that never is.
const NOBODY: u64 = 1;
const LEAVING: u64 = 7;
const STAYING: u64 = 8;
const LIST: &str = "clients.crl";

struct Revoking {
    certificates: Certificates,
    leaving: Identity,
    staying: Identity,
    proxy: Proxy,
    folder: Scratch,
}

impl Revoking {
    async fn start() -> Self {
        let (certificates, folder) = (Certificates::new(), Scratch::new("revocation"));
        let list = folder.join(LIST);
        fs::write(&list, certificates.revocation_list(&[NOBODY])).unwrap();
        let builder = Proxy::before(Cluster::shared().await).policy(policy("tls."));
        let builder = builder.tls(&certificates.server("proxy", &[]), Some(&certificates.authority()));
        let proxy = builder.tls_field("clientCrlFile", json!(list)).start().await;
        let leaving = certificates.numbered_client("leaving", "leaving", LEAVING);
        let staying = certificates.numbered_client("staying", "staying", STAYING);
        Self { certificates, leaving, staying, proxy, folder }
    }

    fn properties(&self, client: Client, own: &Identity) -> Vec<(String, String)> {
        client.tls(&self.certificates.authority(), Some(own))
    }

    /// Puts the next list in place, in one step, and waits until the proxy says that it has it.
    async fn revoke(&self, number: u64) {
        let loaded = certificate_loads(&self.proxy, "loaded").await;
        let next = self.folder.join("next.crl");
        fs::write(&next, self.certificates.revocation_list(&[number])).unwrap();
        fs::rename(next, self.folder.join(LIST)).unwrap();
        let told = async || certificate_loads(&self.proxy, "loaded").await > loaded;
        eventually("the next list is loaded", PATIENCE, told).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_is_revoked_is_served_on_by_the_connection_that_it_has() {
    const EACH: usize = 5;
    let revoking = Revoking::start().await;
    let topic = topic("tls.revoked");
    Cluster::shared().await.create_topic(&topic, 1, &[]).await;
    let tls = revoking.properties(Client::Librdkafka, &revoking.leaving);
    let mut feed = Feed::start(&revoking.proxy.bootstrap(), &topic, &tls).await;
    feed.send(EACH).await;
    let sent = i64::try_from(feed.sent()).unwrap();
    eventually("the client is connected", PATIENCE, async || end(&topic).await == sent).await;

    revoking.revoke(LEAVING).await;
    feed.send(EACH).await;
    // No other connection of this client would be let in.
    feed.finish().await;
    let tls = revoking.properties(Client::Java, &revoking.staying);
    let options = ConsumeOptions::from(revoking.proxy.bootstrap(), &topic).properties(&tls);
    let received = Client::Java.consume_all(&options).await;
    assert_same("before and after", &Feed::records(2 * EACH), &received);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_is_revoked_gets_no_new_connection_and_others_do() {
    let revoking = Revoking::start().await;
    let authority = revoking.certificates.authority();
    connect(&revoking.proxy, &authority, Some(&revoking.leaving)).await.expect("nobody is revoked yet");

    revoking.revoke(LEAVING).await;
    let connected = handshake(&revoking.proxy, &authority, Some(&revoking.leaving)).await;
    assert_eq!(alert(connected).await, AlertDescription::CertificateRevoked);
    is_refused(&revoking.proxy, &revoking.properties(Client::Java, &revoking.leaving)).await;
    for client in [Client::Java, Client::Librdkafka, Client::Go] {
        is_served(&revoking.proxy, client, &revoking.properties(client, &revoking.staying)).await;
    }
}
