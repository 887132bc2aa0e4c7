//! TLS on both sides and SASL through the proxy: brokers know the client itself, and nobody is trusted by mistake.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use kafka_protocol::messages::CreateAclsRequest;
use kafka_protocol::messages::create_acls_request::AclCreation;
use kafka_protocol::protocol::StrBytes;
use serde_json::json;
use tests::{
    Certificates, Client, Cluster, ConsumeOptions, Identity, Pattern, Payload, PolicyFile, ProduceOptions,
    Proxy, RawConnection, Rule, Scratch, Segments, SentRecord, assert_same, canary, eventually,
    eventually_ok, topic,
};
use tokio::sync::OnceCell;

const PATIENCE: Duration = Duration::from_secs(30);

/// A cluster with TLS, users and ACLs, and the authority that signed its certificate.
struct Secured {
    certificates: Certificates,
    cluster: Cluster,
}

impl Secured {
    async fn shared() -> &'static Self {
        static SHARED: OnceCell<Secured> = OnceCell::const_new();
        let start = async || {
            let certificates = Certificates::new();
            let cluster = Cluster::builder()
                .tls(&certificates)
                .user("alice", "alice-secret")
                .user("bob", "bob-secret")
                .property("authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer")
                .property("super.users=User:ANONYMOUS")
                .property("allow.everyone.if.no.acl.found=true");
            let cluster = cluster.start().await;
            Self {
                certificates,
                cluster,
            }
        };
        SHARED.get_or_init(start).await
    }

    /// A proxy before the listener for SASL over TLS; clients come in clear.
    async fn proxy(&self, upstream_tls: serde_json::Value) -> Proxy {
        self.proxy_to(self.cluster.sasl_address(0), upstream_tls).await
    }

    async fn proxy_to(&self, server: String, upstream_tls: serde_json::Value) -> Proxy {
        let builder = Proxy::builder(vec![server], 1).policy(policy("secured."));
        builder.upstream("tls", upstream_tls).start().await
    }

    async fn create(&self, purpose: &str) -> String {
        let topic = topic(&format!("secured.{purpose}"));
        self.cluster.create_topic(&topic, 1, &[]).await;
        topic
    }

    /// From now on nobody else may do anything with the topic.
    async fn allow_only(&self, topic: &str, user: &str) {
        let acl = AclCreation::default()
            .with_resource_type(2) // a topic
            .with_resource_name(StrBytes::from_string(topic.to_owned()))
            .with_resource_pattern_type(3) // of just this name
            .with_principal(StrBytes::from_string(format!("User:{user}")))
            .with_host(StrBytes::from_static_str("*"))
            .with_operation(2) // all
            .with_permission_type(3); // allowed
        let request = CreateAclsRequest::default().with_creations(vec![acl]);
        let answer = self.cluster.admin().await.call(&request, 3).await.unwrap();
        assert!(
            answer.results.iter().all(|result| result.error_code == 0),
            "{answer:?}"
        );
    }
}

fn policy(prefix: &str) -> PolicyFile {
    PolicyFile::new([Rule::encrypt([Pattern::prefix(prefix)], "security").on_plaintext("Reject")])
}

/// A proxy with TLS towards clients, before the shared cluster.
async fn tls_proxy(server: &Identity, client_authority: Option<&Path>) -> Proxy {
    let builder = Proxy::before(Cluster::shared().await).policy(policy("tls."));
    builder.tls(server, client_authority).start().await
}

/// Whether a TLS client is served.
async fn connect(proxy: &Proxy, authority: &Path, own: Option<&Identity>) -> io::Result<RawConnection> {
    let authority = fs::read_to_string(authority)?;
    let mut connection = RawConnection::connect_tls(&proxy.bootstrap(), "localhost", &authority, own).await?;
    // In TLS 1.3 a client learns only after its handshake that its certificate is not liked.
    connection.api_versions().await?;
    Ok(connection)
}

async fn closed(proxy: &Proxy, reason: &str) -> f64 {
    let metrics = proxy.metrics().await;
    metrics.sum("topic_encryption_connections_closed_total", &[("reason", reason)])
}

async fn certificate_loads(proxy: &Proxy, outcome: &str) -> f64 {
    let metrics = proxy.metrics().await;
    metrics.sum(
        "topic_encryption_certificate_reloads_total",
        &[("outcome", outcome)],
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn every_client_talks_tls_with_the_proxy() {
    let certificates = Certificates::new();
    let proxy = tls_proxy(&certificates.server("proxy", &[]), None).await;
    for client in Client::ALL {
        let topic = topic(&format!("tls.{client}"));
        Cluster::shared().await.create_topic(&topic, 1, &[]).await;
        let sent = Payload::new(3).orders(24);
        let tls = client.tls(&certificates.authority(), None);
        client
            .produce_all(
                &ProduceOptions::to(proxy.bootstrap(), &topic).properties(&tls),
                &sent,
            )
            .await;
        let options = ConsumeOptions::from(proxy.bootstrap(), &topic).properties(&tls);
        assert_same(client.name(), &sent, &client.consume_all(&options).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_with_tls_serves_nobody_in_clear() {
    let certificates = Certificates::new();
    let proxy = tls_proxy(&certificates.server("proxy", &[]), None).await;
    connect(&proxy, &certificates.authority(), None).await.unwrap();
    let mut clear = RawConnection::connect(&proxy.bootstrap()).await.unwrap();
    clear.api_versions().await.unwrap_err();
    connect(&proxy, &Certificates::new().authority(), None)
        .await
        .unwrap_err();
    eventually("failed handshakes are counted", PATIENCE, async || {
        closed(&proxy, "handshake").await >= 2.0
    })
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
    connect(&proxy, &authority, Some(&certificates.client("friend", "friend")))
        .await
        .unwrap();
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
        client
            .produce_all(
                &ProduceOptions::to(proxy.bootstrap(), &topic).properties(&tls),
                &sent,
            )
            .await;
        let options = ConsumeOptions::from(proxy.bootstrap(), &topic).properties(&tls);
        assert_same(client.name(), &sent, &client.consume_all(&options).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn replaced_certificates_serve_new_connections_and_bad_ones_do_not() {
    let [before, after] = [Certificates::new(), Certificates::new()];
    let server = before.server("proxy", &[]);
    let proxy = tls_proxy(&server, None).await;
    let mut old = connect(&proxy, &before.authority(), None).await.unwrap();

    let renewed = after.server("proxy", &[]);
    fs::copy(&renewed.certificate, &server.certificate).unwrap();
    fs::copy(&renewed.key, &server.key).unwrap();
    let serves = async || connect(&proxy, &after.authority(), None).await.map(drop);
    eventually_ok("the new certificate is served", PATIENCE, serves).await;
    connect(&proxy, &before.authority(), None).await.unwrap_err();
    old.api_versions().await.expect("connections of before stay");

    let failed = certificate_loads(&proxy, "failed").await;
    fs::write(&server.certificate, "no certificate").unwrap();
    let told = async || certificate_loads(&proxy, "failed").await > failed;
    eventually("the bad file is counted", PATIENCE, told).await;
    let line = format!("{}", server.certificate.display());
    assert!(
        proxy
            .log()
            .lines()
            .any(|each| each.contains("files not loaded") && each.contains(&line))
    );
    connect(&proxy, &after.authority(), None)
        .await
        .expect("the good certificate stays in use");
    old.api_versions().await.expect("connections of before stay");
}

#[tokio::test(flavor = "multi_thread")]
async fn brokers_are_trusted_by_any_certificate_of_a_bundle() {
    let secured = Secured::shared().await;
    let scratch = Scratch::new("bundle");
    let [other, another] = [Certificates::new(), Certificates::new()];
    let texts =
        [&other, &secured.certificates, &another].map(|each| fs::read_to_string(each.authority()).unwrap());
    fs::write(scratch.join("bundle.pem"), texts.concat()).unwrap();
    let one_file = json!({"caFile": scratch.join("bundle.pem")});
    let several = json!({"caFiles": [other.authority(), secured.certificates.authority()]});
    for tls in [one_file, several] {
        let proxy = secured.proxy(tls).await;
        let mut connection = RawConnection::connect(&proxy.bootstrap()).await.unwrap();
        connection.api_versions().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_of_another_authority_is_refused() {
    let secured = Secured::shared().await;
    let stranger = Certificates::new();
    let proxy = secured.proxy(json!({"caFile": stranger.authority()})).await;
    is_refused(&proxy, "UnknownIssuer").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_whose_certificate_is_for_another_name_is_refused() {
    let secured = Secured::shared().await;
    let address = secured.cluster.sasl_address(0);
    let (_, port) = address.rsplit_once(':').unwrap();
    let tls = json!({"caFile": secured.certificates.authority()});
    // Resolves to 127.0.0.1, and is a name that the certificate does not have.
    let proxy = secured.proxy_to(format!("0x7f000001:{port}"), tls).await;
    is_refused(&proxy, "NotValidForName").await;
}

async fn is_refused(proxy: &Proxy, reason: &str) {
    let mut connection = RawConnection::connect(&proxy.bootstrap()).await.unwrap();
    connection.api_versions().await.unwrap_err();
    let counted = async || closed(proxy, "upstream_unreachable").await >= 1.0;
    eventually("the broker counts as unreachable", PATIENCE, counted).await;
    let log = proxy.log();
    assert!(log.contains("TLS handshake with"), "the log says what failed");
    assert!(log.contains(reason), "the log says {reason}");
}

/// Each with a mechanism that it can do, through TLS on both sides.
#[tokio::test(flavor = "multi_thread")]
async fn clients_authenticate_at_the_broker_through_tls_on_both_sides() {
    let secured = Secured::shared().await;
    let authority = secured.certificates.authority();
    let server = secured.certificates.server("proxy", &[]);
    let builder = Proxy::builder(vec![secured.cluster.sasl_address(0)], 1).policy(policy("secured."));
    let proxy = builder.upstream_tls(&authority).tls(&server, None).start().await;
    let turns = [
        (Client::Java, "PLAIN"),
        (Client::Java, "SCRAM-SHA-512"),
        (Client::Go, "SCRAM-SHA-256"),
        (Client::Python, "SCRAM-SHA-512"),
        (Client::Librdkafka, "PLAIN"),
    ];
    for (client, mechanism) in turns {
        let topic = secured.create(&format!("sasl-{client}")).await;
        let needle = canary("sasl");
        let sent = [SentRecord::of(needle.clone()).key("key").partition(0)];
        let sasl = client.sasl(mechanism, "alice", "alice-secret", Some(&authority));
        client
            .produce_all(
                &ProduceOptions::to(proxy.bootstrap(), &topic).properties(&sasl),
                &sent,
            )
            .await;
        let options = ConsumeOptions::from(proxy.bootstrap(), &topic).properties(&sasl);
        assert_same(
            &format!("{client} {mechanism}"),
            &sent,
            &client.consume_all(&options).await,
        );
        let search = Segments::of(secured.cluster.topic_dirs(&topic))
            .search(&[needle])
            .await;
        assert!(!search.found(0) && search.records > 0, "{search:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn brokers_authorise_the_client_and_not_the_proxy() {
    let secured = Secured::shared().await;
    let proxy = secured
        .proxy(json!({"caFile": secured.certificates.authority()}))
        .await;
    for (client, mechanism) in [(Client::Java, "PLAIN"), (Client::Go, "SCRAM-SHA-256")] {
        let topic = secured.create(&format!("acl-{client}")).await;
        secured.allow_only(&topic, "alice").await;
        let sent = [SentRecord::of("for alice only").partition(0)];
        let options = |user: &str| {
            let sasl = client.sasl(mechanism, user, &format!("{user}-secret"), None);
            ProduceOptions::to(proxy.bootstrap(), &topic)
                .properties(&sasl)
                .timeout(Duration::from_secs(10))
        };
        let refused = client.produce(&options("bob"), &sent).await.remove(0);
        assert_eq!(refused.unwrap_err(), "TOPIC_AUTHORIZATION_FAILED", "{client}");
        client.produce_all(&options("alice"), &sent).await;
        let alice = client.sasl(mechanism, "alice", "alice-secret", None);
        let options = ConsumeOptions::from(proxy.bootstrap(), &topic).properties(&alice);
        assert_same(client.name(), &sent, &client.consume_all(&options).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_refused_by_the_broker() {
    let secured = Secured::shared().await;
    let proxy = secured
        .proxy(json!({"caFile": secured.certificates.authority()}))
        .await;
    let topic = secured.create("password").await;
    for mechanism in ["PLAIN", "SCRAM-SHA-512"] {
        let sasl = Client::Java.sasl(mechanism, "alice", "not her password", None);
        let options = ProduceOptions::to(proxy.bootstrap(), &topic).properties(&sasl);
        let answers = Client::Java
            .produce(&options, &[SentRecord::of("never stored").partition(0)])
            .await;
        assert_eq!(
            answers[0].clone().unwrap_err(),
            "SASL_AUTHENTICATION_FAILED",
            "{mechanism}"
        );
    }
    let (mut connection, at) = secured.cluster.leader(&topic, 0).await;
    assert_eq!(connection.list_offset(&at, -1).await.unwrap(), 0);
    assert!(!proxy.log().contains("not her password"));
}
