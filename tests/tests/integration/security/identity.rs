//! The proxy authenticates to brokers as itself: they know it and not the client, whose identity ends at the proxy.

use std::fs;
use std::path::Path;

use kafka_protocol::messages::{CreateDelegationTokenRequest, SaslAuthenticateRequest, SaslHandshakeRequest};
use kafka_protocol::protocol::StrBytes;
use serde_json::{Value, json};
use tests::{
    Certificates, Client, Cluster, ConsumeOptions, Identity, ProduceOptions, Proxy, RawConnection, Scratch,
    SentRecord, assert_same, eventually, eventually_ok, topic,
};

use super::delegation::tool;
use super::{PATIENCE, Secured, allow_only, closed, policy};

fn certificate(own: &Identity) -> Value {
    json!({"tls": {"certificateFile": own.certificate, "keyFile": own.key}})
}

/// A user of brokers, on behalf of anybody.
pub(super) fn scram(user: &str, password_file: &Path) -> Value {
    let user = json!({"username": user, "passwordFile": password_file});
    json!({"scramSha512": user, "allowAnonymousClients": true})
}

/// What the client sends is stored and read through the proxy.
async fn works(proxy: &Proxy, client: Client, topic: &str, properties: &[(String, String)]) {
    let sent = [SentRecord::of(format!("by {client}")).key("key").partition(0)];
    let to = ProduceOptions::to(proxy.bootstrap(), topic).properties(properties);
    client.produce_all(&to, &sent).await;
    let from = ConsumeOptions::from(proxy.bootstrap(), topic).properties(properties);
    assert_same(client.name(), &sent, &client.consume_all(&from).await);
}

async fn served(proxy: &Proxy) -> std::io::Result<RawConnection> {
    let mut connection = RawConnection::connect(&proxy.bootstrap()).await?;
    connection.api_versions().await?;
    Ok(connection)
}

async fn says(proxy: &Proxy, words: &str) {
    let says = async || proxy.log().lines().any(|line| line.contains("WARN") && line.contains(words));
    eventually(&format!("the log says {words}"), PATIENCE, says).await;
}

/// Conformance: P17-35.
#[tokio::test(flavor = "multi_thread")]
async fn brokers_know_the_proxy_by_its_certificate() {
    let certificates = Certificates::new();
    let authority = certificates.authority();
    let builder = Cluster::builder().tls(&certificates);
    let builder = builder
        .property("authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer")
        .property("super.users=User:ANONYMOUS")
        .property("allow.everyone.if.no.acl.found=true");
    let cluster = builder.start().await;
    let stranger = Certificates::new();
    let folder = Scratch::new("proxy-user");
    let files = Identity {
        certificate: folder.join("user.crt"),
        key: folder.join("user.key"),
        bundle: folder.join("user.pem"),
    };
    let copy = |from: &Identity| {
        fs::copy(&from.certificate, &files.certificate).unwrap();
        fs::copy(&from.key, &files.key).unwrap();
    };
    // At first one that brokers do not take.
    copy(&stranger.client("proxy-user", "proxy"));
    let builder = Proxy::builder(vec![cluster.tls_address(0)], 1).policy(policy("identity."));
    let builder = builder.upstream_tls(&authority).upstream("authentication", certificate(&files));
    let proxy = builder.tls(&certificates.server("proxy", &[]), Some(&authority)).start().await;
    let client = certificates.client("client", "client");
    let ca = fs::read_to_string(&authority).unwrap();
    let connect = async || {
        let own = Some(&client);
        let mut connection = RawConnection::connect_tls(&proxy.bootstrap(), "localhost", &ca, own).await?;
        connection.api_versions().await
    };
    connect().await.unwrap_err();
    copy(&certificates.client("proxy-user", "proxy"));
    eventually_ok("the new certificate is shown", PATIENCE, connect).await;

    for kind in [Client::Java, Client::Librdkafka] {
        let topic = topic(&format!("identity.tls-{kind}"));
        cluster.create_topic(&topic, 1, &[]).await;
        allow_only(&cluster, &topic, "CN=proxy").await;
        let tls = kind.tls(&authority, Some(&client));
        let direct = ProduceOptions::to(cluster.tls_address(0), &topic).properties(&tls);
        let refused = kind.produce(&direct, &[SentRecord::of("by the client itself")]).await.remove(0);
        assert_eq!(refused.unwrap_err(), "TOPIC_AUTHORIZATION_FAILED", "{kind}");
        works(&proxy, kind, &topic, &tls).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn brokers_know_the_proxy_by_its_password() {
    let secured = Secured::shared().await;
    let folder = Scratch::new("password");
    fs::write(folder.join("password"), "alice-secret\n").unwrap();
    let builder = Proxy::builder(vec![secured.cluster.sasl_address(0)], 1).policy(policy("secured."));
    let builder = builder.upstream_tls(&secured.certificates.authority());
    let proxy = builder.upstream("authentication", scram("alice", &folder.join("password"))).start().await;
    for client in Client::ALL {
        let topic = secured.create(&format!("scram-{client}")).await;
        secured.allow_only(&topic, "alice").await;
        works(&proxy, client, &topic, &[]).await;
        let topic = secured.create(&format!("scram-bob-{client}")).await;
        secured.allow_only(&topic, "bob").await;
        let options = ProduceOptions::to(proxy.bootstrap(), &topic);
        let refused = client.produce(&options, &[SentRecord::of("not as bob").partition(0)]).await.remove(0);
        assert_eq!(refused.unwrap_err(), "TOPIC_AUTHORIZATION_FAILED", "{client}");
    }
    assert!(!proxy.log().contains("alice-secret"));
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_cannot_change_the_identity_of_a_proxy_that_has_its_own() {
    let secured = Secured::shared().await;
    let folder = Scratch::new("password");
    fs::write(folder.join("password"), "alice-secret").unwrap();
    let builder = Proxy::builder(vec![secured.cluster.sasl_address(0)], 1).policy(policy("secured."));
    let builder = builder.upstream_tls(&secured.certificates.authority());
    let proxy = builder.upstream("authentication", scram("alice", &folder.join("password"))).start().await;
    let mut connection = served(&proxy).await.unwrap();
    for mechanism in ["PLAIN", "SCRAM-SHA-512"] {
        let request = SaslHandshakeRequest::default().with_mechanism(StrBytes::from_static_str(mechanism));
        for version in [0, 1] {
            assert_eq!(connection.call(&request, version).await.unwrap().error_code, 34, "{mechanism}");
        }
    }
    let bob = SaslAuthenticateRequest::default().with_auth_bytes((&b"\0bob\0bob-secret"[..]).into());
    for version in 0..=2 {
        let answer = connection.call(&bob, version).await.unwrap();
        let message = answer.error_message.unwrap_or_default();
        assert!(answer.error_code == 34 && message.contains("as itself"), "{message}");
    }
    let offered = connection.api_versions().await.unwrap().api_keys;
    assert!(offered.iter().all(|api| !(38..=41).contains(&api.api_key)), "{offered:?}");
    connection.call(&CreateDelegationTokenRequest::default(), 2).await.unwrap_err();
    let properties = folder.join("client.properties");
    fs::write(&properties, "").unwrap();
    let at = ["--bootstrap-server", &proxy.bootstrap(), "--command-config", properties.to_str().unwrap()];
    let create = [&at[..], &["--create", "--max-life-time-period", "-1"]].concat();
    let said = tool("kafka-delegation-tokens", &create).await.unwrap_err();
    assert!(said.contains("UnsupportedVersionException"), "{said}");

    let topic = secured.create("scram-client").await;
    let sent = [SentRecord::of("never stored").partition(0)];
    let sasl = Client::Java.sasl("PLAIN", "bob", "bob-secret", None);
    let options = ProduceOptions::to(proxy.bootstrap(), &topic).properties(&sasl);
    let refused = Client::Java.produce(&options, &sent).await.remove(0);
    assert_eq!(refused.unwrap_err(), "ILLEGAL_SASL_STATE");
    let (mut connection, at) = secured.cluster.leader(&topic, 0).await;
    assert_eq!(connection.list_offset(&at, -1).await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_the_broker_refuses_is_told_and_the_next_one_is_used() {
    let secured = Secured::shared().await;
    let folder = Scratch::new("password");
    let file = folder.join("password");
    fs::write(&file, "not her password").unwrap();
    let builder = Proxy::builder(vec![secured.cluster.sasl_address(0)], 1).policy(policy("secured."));
    let builder = builder.upstream_tls(&secured.certificates.authority());
    let proxy = builder.upstream("authentication", scram("alice", &file)).start().await;
    served(&proxy).await.unwrap_err();
    says(&proxy, "the broker refuses the proxy's user with error 58").await;
    assert!(closed(&proxy, "upstream_unauthenticated").await >= 1.0);

    fs::write(&file, "two\nlines").unwrap();
    says(&proxy, "holds no password").await;
    fs::write(&file, "alice-secret").unwrap();
    let mut connection = eventually_ok("the password is used", PATIENCE, async || served(&proxy).await).await;
    fs::write(&file, "not her password").unwrap();
    let refused = async || served(&proxy).await.is_err();
    eventually("new connections are refused", PATIENCE, refused).await;
    connection.api_versions().await.expect("connections of before stay");
    let log = proxy.log();
    assert!(!log.contains("not her password") && !log.contains("alice-secret"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_of_brokers_without_sasl_is_told() {
    let folder = Scratch::new("password");
    fs::write(folder.join("password"), "alice-secret").unwrap();
    let builder = Proxy::before(Cluster::shared().await).policy(policy("secured."));
    let proxy = builder.upstream("authentication", scram("alice", &folder.join("password"))).start().await;
    served(&proxy).await.unwrap_err();
    says(&proxy, "the broker answers the SASL handshake with error 34").await;
}
