//! TLS on both sides and SASL through the proxy: brokers know the client itself, and nobody is trusted by mistake.

mod acls;
mod delegation;
mod handshake;
mod identity;
mod listener;
mod mechanisms;
mod openssl;
mod quotas;
mod reauthentication;
mod strangers;
mod tokens;

use std::fs;
use std::time::Duration;

use kafka_protocol::messages::SaslHandshakeRequest;
use kafka_protocol::protocol::StrBytes;
use serde_json::{Value, json};
use tests::{
    Certificates, Client, Cluster, ConsumeOptions, Pattern, PolicyFile, ProduceOptions, Proxy, RawConnection,
    Rule, Scratch, Segments, SentRecord, assert_same, canary, eventually, eventually_ok, topic,
};
use tokio::sync::OnceCell;

use acls::{Resource, allow};

const PATIENCE: Duration = Duration::from_secs(30);

/// A cluster with TLS, users and ACLs, and the authority that signed its certificate.
pub(super) struct Secured {
    pub(super) certificates: Certificates,
    pub(super) cluster: Cluster,
}

impl Secured {
    pub(super) async fn shared() -> &'static Self {
        static SHARED: OnceCell<Secured> = OnceCell::const_new();
        let start = async || {
            let certificates = Certificates::new();
            // One listener presents a certificate for a name that nobody calls it by.
            let misnamed = certificates.server_named("misnamed", &["elsewhere.example"]);
            let cluster = Cluster::builder()
                .tls(&certificates)
                .user("alice", "alice-secret")
                .user("bob", "bob-secret")
                .property("authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer")
                .property("super.users=User:ANONYMOUS")
                .property("allow.everyone.if.no.acl.found=true")
                .property("listener.name.tls.ssl.client.auth=none")
                .property("listener.name.tls.ssl.keystore.type=PEM")
                .property(format!("listener.name.tls.ssl.keystore.location={}", misnamed.bundle.display()));
            let cluster = cluster.start().await;
            Self { certificates, cluster }
        };
        SHARED.get_or_init(start).await
    }

    /// A proxy before the listener for SASL over TLS; clients come in clear.
    async fn proxy(&self, upstream_tls: Value) -> Proxy {
        self.proxy_to(self.cluster.sasl_address(0), upstream_tls).await
    }

    async fn proxy_to(&self, server: String, upstream_tls: Value) -> Proxy {
        let builder = Proxy::builder(vec![server], 1).policy(policy("secured."));
        builder.upstream("tls", upstream_tls).start().await
    }

    async fn create(&self, purpose: &str) -> String {
        let topic = topic(&format!("secured.{purpose}"));
        self.cluster.create_topic(&topic, 1, &[]).await;
        topic
    }

    /// From now on nobody else may do anything with the topic.
    pub(super) async fn allow_only(&self, topic: &str, user: &str) {
        allow_only(&self.cluster, topic, user).await;
    }
}

async fn allow_only(cluster: &Cluster, topic: &str, user: &str) {
    allow(cluster, Resource::Topic(topic), user).await;
}

fn policy(prefix: &str) -> PolicyFile {
    PolicyFile::new([Rule::encrypt([Pattern::prefix(prefix)], "security").on_plaintext("Reject")])
}

async fn closed(proxy: &Proxy, reason: &str) -> f64 {
    let metrics = proxy.metrics().await;
    metrics.sum("topic_encryption_connections_closed_total", &[("reason", reason)])
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
async fn a_replaced_bundle_is_used_for_new_connections_to_brokers() {
    let secured = Secured::shared().await;
    let scratch = Scratch::new("bundle");
    let bundle = scratch.join("bundle.pem");
    fs::copy(Certificates::new().authority(), &bundle).unwrap();
    let proxy = secured.proxy(json!({"caFile": bundle})).await;
    is_refused(&proxy, "invalid peer certificate").await;
    fs::copy(secured.certificates.authority(), &bundle).unwrap();
    let served = async || RawConnection::connect(&proxy.bootstrap()).await?.api_versions().await;
    eventually_ok("the broker is trusted", PATIENCE, served).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_that_is_added_to_a_directory_is_trusted_beside_the_others() {
    let secured = Secured::shared().await;
    let scratch = Scratch::new("authorities");
    fs::copy(Certificates::new().authority(), scratch.join("ca.crt")).unwrap();
    fs::write(scratch.join("ca.password"), "no certificate").unwrap();
    let proxy = secured.proxy(json!({"caDirectory": scratch.path()})).await;
    is_refused(&proxy, "invalid peer certificate").await;
    fs::copy(secured.certificates.authority(), scratch.join("ca-2.crt")).unwrap();
    let served = async || {
        let mut connection = RawConnection::connect(&proxy.bootstrap()).await?;
        connection.api_versions().await?;
        Ok::<_, std::io::Error>(connection)
    };
    let mut connection = eventually_ok("the broker is trusted", PATIENCE, served).await;
    fs::remove_file(scratch.join("ca-2.crt")).unwrap();
    let refused = async || served().await.is_err();
    eventually("the broker is trusted no more", PATIENCE, refused).await;
    let plain = SaslHandshakeRequest::default().with_mechanism(StrBytes::from_static_str("PLAIN"));
    let answer = connection.call(&plain, 1).await.expect("connections of before stay");
    assert_eq!(answer.error_code, 0);
}

/// Conformance: P17-35, TE-B15.
#[tokio::test(flavor = "multi_thread")]
async fn a_broker_of_another_authority_is_refused() {
    let secured = Secured::shared().await;
    let stranger = Certificates::new();
    let proxy = secured.proxy(json!({"caFile": stranger.authority()})).await;
    is_refused(&proxy, "invalid peer certificate").await;
}

/// Conformance: TE-23.
#[tokio::test(flavor = "multi_thread")]
async fn a_broker_whose_certificate_is_for_another_name_is_refused() {
    let secured = Secured::shared().await;
    let tls = json!({"caFile": secured.certificates.authority()});
    let proxy = secured.proxy_to(secured.cluster.tls_address(0), tls).await;
    is_refused(&proxy, "not valid for name").await;
}

async fn is_refused(proxy: &Proxy, reason: &str) {
    let mut connection = RawConnection::connect(&proxy.bootstrap()).await.unwrap();
    connection.api_versions().await.unwrap_err();
    let counted = async || closed(proxy, "upstream_unreachable").await >= 1.0;
    eventually("the broker counts as unreachable", PATIENCE, counted).await;
    // It is counted before it is logged.
    let says = async || {
        let log = proxy.log();
        log.lines().any(|line| line.contains("TLS handshake with") && line.contains(reason))
    };
    eventually(&format!("the log says {reason}"), PATIENCE, says).await;
}

/// Each with a mechanism that it can do, through TLS on both sides.
/// Conformance: P17-35, TE-23, TE-B15.
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
        client.produce_all(&ProduceOptions::to(proxy.bootstrap(), &topic).properties(&sasl), &sent).await;
        let options = ConsumeOptions::from(proxy.bootstrap(), &topic).properties(&sasl);
        assert_same(&format!("{client} {mechanism}"), &sent, &client.consume_all(&options).await);
        let search = Segments::of(secured.cluster.topic_dirs(&topic)).search(&[needle]).await;
        assert!(!search.found(0) && search.records > 0, "{search:?}");
    }
}

/// Conformance: P17-40, TE-20.
#[tokio::test(flavor = "multi_thread")]
async fn brokers_authorise_the_client_and_not_the_proxy() {
    let secured = Secured::shared().await;
    let proxy = secured.proxy(json!({"caFile": secured.certificates.authority()})).await;
    for (client, mechanism) in [(Client::Java, "PLAIN"), (Client::Go, "SCRAM-SHA-256")] {
        let topic = secured.create(&format!("acl-{client}")).await;
        secured.allow_only(&topic, "alice").await;
        let sent = [SentRecord::of("for alice only").partition(0)];
        let options = |user: &str| {
            let sasl = client.sasl(mechanism, user, &format!("{user}-secret"), None);
            ProduceOptions::to(proxy.bootstrap(), &topic).properties(&sasl).timeout(Duration::from_secs(10))
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
    let proxy = secured.proxy(json!({"caFile": secured.certificates.authority()})).await;
    let topic = secured.create("password").await;
    for mechanism in ["PLAIN", "SCRAM-SHA-512"] {
        let sasl = Client::Java.sasl(mechanism, "alice", "not her password", None);
        let options = ProduceOptions::to(proxy.bootstrap(), &topic).properties(&sasl);
        let answers = Client::Java.produce(&options, &[SentRecord::of("never stored").partition(0)]).await;
        assert_eq!(answers[0].clone().unwrap_err(), "SASL_AUTHENTICATION_FAILED", "{mechanism}");
    }
    let (mut connection, at) = secured.cluster.leader(&topic, 0).await;
    assert_eq!(connection.list_offset(&at, -1).await.unwrap(), 0);
    assert!(!proxy.log().contains("not her password"));
}
