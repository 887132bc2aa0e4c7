//! TLS towards clients.

mod libraries;
mod optional;
mod outcome;
mod principals;
mod revocation;
mod versions;

use std::path::Path;
use std::{fs, io};

use tests::{
    Certificates, Client, Cluster, ConsumeOptions, Identity, Payload, ProduceOptions, Proxy, RawConnection,
    Scratch, SentRecord, assert_same, eventually, eventually_ok, topic,
};

use super::{PATIENCE, closed, policy};

/// A proxy with TLS towards clients, before the shared cluster.
async fn tls_proxy(server: &Identity, client_authority: Option<&Path>) -> Proxy {
    let builder = Proxy::before(Cluster::shared().await).policy(policy("tls."));
    builder.tls(server, client_authority).start().await
}

/// A TLS client that has yet to ask for anything.
async fn handshake(proxy: &Proxy, authority: &Path, own: Option<&Identity>) -> io::Result<RawConnection> {
    let authority = fs::read_to_string(authority)?;
    RawConnection::connect_tls(&proxy.bootstrap(), "localhost", &authority, own).await
}

/// Whether a TLS client is served.
async fn connect(proxy: &Proxy, authority: &Path, own: Option<&Identity>) -> io::Result<RawConnection> {
    let mut connection = handshake(proxy, authority, own).await?;
    // In TLS 1.3 a client learns only after its handshake that its certificate is not liked.
    connection.api_versions().await?;
    Ok(connection)
}

async fn certificate_loads(proxy: &Proxy, outcome: &str) -> f64 {
    let metrics = proxy.metrics().await;
    metrics.sum("topic_encryption_certificate_reloads_total", &[("outcome", outcome)])
}

/// Conformance: TE-23.
#[tokio::test(flavor = "multi_thread")]
async fn every_client_talks_tls_with_the_proxy() {
    let certificates = Certificates::new();
    let proxy = tls_proxy(&certificates.server("proxy", &[]), None).await;
    for client in Client::ALL {
        let topic = topic(&format!("tls.{client}"));
        Cluster::shared().await.create_topic(&topic, 1, &[]).await;
        let sent = Payload::new(3).orders(24);
        let tls = client.tls(&certificates.authority(), None);
        client.produce_all(&ProduceOptions::to(proxy.bootstrap(), &topic).properties(&tls), &sent).await;
        let options = ConsumeOptions::from(proxy.bootstrap(), &topic).properties(&tls);
        assert_same(client.name(), &sent, &client.consume_all(&options).await);
    }
}

/// Conformance: P17-35, TE-23.
#[tokio::test(flavor = "multi_thread")]
async fn a_listener_with_tls_serves_nobody_in_clear() {
    let certificates = Certificates::new();
    let proxy = tls_proxy(&certificates.server("proxy", &[]), None).await;
    connect(&proxy, &certificates.authority(), None).await.unwrap();
    let mut clear = RawConnection::connect(&proxy.bootstrap()).await.unwrap();
    clear.api_versions().await.unwrap_err();
    connect(&proxy, &Certificates::new().authority(), None).await.unwrap_err();
    eventually("failed handshakes are counted", PATIENCE, async || closed(&proxy, "handshake").await >= 2.0)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn client_certificates_are_demanded_where_an_authority_is_given() {
    let [certificates, strangers] = [Certificates::new(), Certificates::new()];
    let authority = certificates.authority();
    let proxy = tls_proxy(&certificates.server("proxy", &[]), Some(&authority)).await;
    connect(&proxy, &authority, None).await.unwrap_err();
    let stranger = strangers.client("stranger", "stranger");
    connect(&proxy, &authority, Some(&stranger)).await.unwrap_err();
    let expired = certificates.expired_client("expired", "expired");
    connect(&proxy, &authority, Some(&expired)).await.unwrap_err();
    connect(&proxy, &authority, Some(&certificates.client("friend", "friend"))).await.unwrap();
    let topic = topic("tls.demanded");
    Cluster::shared().await.create_topic(&topic, 1, &[]).await;
    let tls = Client::Java.tls(&authority, None);
    let options = ProduceOptions::to(proxy.bootstrap(), &topic).properties(&tls);
    let refused = Client::Java.produce(&options, &[SentRecord::of("never stored")]).await.remove(0);
    // Java's `SslAuthenticationException` is one of those that this error stands for.
    assert_eq!(refused.unwrap_err(), "INVALID_CONFIG");
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_with_a_certificate_work_where_it_is_demanded() {
    let certificates = Certificates::new();
    let authority = certificates.authority();
    let proxy = tls_proxy(&certificates.server("proxy", &[]), Some(&authority)).await;
    let own = certificates.client("friend", "friend");
    for client in [Client::Java, Client::Librdkafka, Client::Go] {
        let topic = topic(&format!("tls.own-{client}"));
        Cluster::shared().await.create_topic(&topic, 1, &[]).await;
        let sent = Payload::new(4).orders(12);
        let tls = client.tls(&authority, Some(&own));
        client.produce_all(&ProduceOptions::to(proxy.bootstrap(), &topic).properties(&tls), &sent).await;
        let options = ConsumeOptions::from(proxy.bootstrap(), &topic).properties(&tls);
        assert_same(client.name(), &sent, &client.consume_all(&options).await);
    }
}

/// Conformance: TE-08.
#[tokio::test(flavor = "multi_thread")]
async fn replaced_certificates_serve_new_connections_and_bad_ones_do_not() {
    let [before, after] = [Certificates::new(), Certificates::new()];
    let files = before.server("proxy", &[]);
    let proxy = tls_proxy(&files, None).await;
    let mut old = connect(&proxy, &before.authority(), None).await.unwrap();

    let renewed = after.server("proxy", &[]);
    fs::copy(&renewed.certificate, &files.certificate).unwrap();
    fs::copy(&renewed.key, &files.key).unwrap();
    let serves = async || connect(&proxy, &after.authority(), None).await.map(drop);
    eventually_ok("the new certificate is served", PATIENCE, serves).await;
    connect(&proxy, &before.authority(), None).await.unwrap_err();
    old.api_versions().await.expect("connections of before stay");

    let failed = certificate_loads(&proxy, "failed").await;
    fs::write(&files.certificate, "no certificate").unwrap();
    let told = async || certificate_loads(&proxy, "failed").await > failed;
    eventually("the bad file is counted", PATIENCE, told).await;
    let file = files.certificate.to_str().unwrap();
    let logged = async || proxy.log().lines().any(|line| line.contains("WARN") && line.contains(file));
    eventually("the log names the bad file", PATIENCE, logged).await;
    connect(&proxy, &after.authority(), None).await.expect("the good certificate stays in use");
    old.api_versions().await.expect("connections of before stay");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_client_authority_admits_only_its_own_clients() {
    let [before, after] = [Certificates::new(), Certificates::new()];
    let (authority, server) = (before.authority(), before.server("proxy", &[]));
    let scratch = Scratch::new("client-authority");
    let file = scratch.join("clients.pem");
    fs::copy(&authority, &file).unwrap();
    let proxy = tls_proxy(&server, Some(&file)).await;
    let (old, new) = (before.client("old", "client"), after.client("new", "client"));
    let mut held = connect(&proxy, &authority, Some(&old)).await.unwrap();
    connect(&proxy, &authority, Some(&new)).await.unwrap_err();

    fs::copy(after.authority(), &file).unwrap();
    let admitted = async || connect(&proxy, &authority, Some(&new)).await.map(drop);
    eventually_ok("clients of the new authority are served", PATIENCE, admitted).await;
    connect(&proxy, &authority, Some(&old)).await.unwrap_err();
    held.api_versions().await.expect("connections of before stay");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_client_authority_changes_nothing() {
    let [certificates, strangers] = [Certificates::new(), Certificates::new()];
    let (authority, server) = (certificates.authority(), certificates.server("proxy", &[]));
    let scratch = Scratch::new("client-authority");
    let file = scratch.join("clients.pem");
    fs::copy(&authority, &file).unwrap();
    let proxy = tls_proxy(&server, Some(&file)).await;
    let (friend, stranger) =
        (certificates.client("friend", "client"), strangers.client("stranger", "client"));
    let other = fs::read_to_string(strangers.authority()).unwrap();
    let damages = [Some("no certificate"), Some(&other[..other.len() / 2]), None];
    for damage in damages {
        let failed = certificate_loads(&proxy, "failed").await;
        match damage {
            Some(text) => fs::write(&file, text).unwrap(),
            None => fs::remove_file(&file).unwrap(),
        }
        let told = async || certificate_loads(&proxy, "failed").await > failed;
        eventually("the damaged file is counted", PATIENCE, told).await;
        connect(&proxy, &authority, Some(&friend)).await.unwrap();
        connect(&proxy, &authority, Some(&stranger)).await.unwrap_err();
        connect(&proxy, &authority, None).await.unwrap_err();
    }
}
