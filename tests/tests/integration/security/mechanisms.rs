//! Mechanisms of SASL beside passwords: brokers know the client by each of them, through the proxy.

mod headerless;

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use bytes::Bytes;
use kafka_protocol::messages::{
    CreateDelegationTokenRequest, CreateDelegationTokenResponse, SaslHandshakeRequest,
};
use kafka_protocol::protocol::StrBytes;
use tests::{
    Batch, Client, Cluster, ConsumeOptions, Kerberos, ProduceOptions, Proxy, RawConnection, Rig, Segments,
    SentRecord, assert_same, canary, topic,
};
use tokio::sync::OnceCell;

use super::tokens::{self, scram, token};
use super::{PATIENCE, allow_only, policy};

/// The name by which clients reach the proxy is the broker's too: GSSAPI asks for a ticket for it.
const SERVICE: &str = "kafka/localhost";

/// A broker that takes all of them, with a proxy before it.
pub(super) struct Stage {
    kerberos: Kerberos,
    cluster: Cluster,
    proxy: Proxy,
}

impl Stage {
    pub(super) async fn shared() -> &'static Self {
        static SHARED: OnceCell<Stage> = OnceCell::const_new();
        SHARED.get_or_init(Self::start).await
    }

    async fn start() -> Self {
        let kerberos = Kerberos::start(&[SERVICE, "alice", "bob"]).await;
        let bearer = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule";
        let cluster = Cluster::builder()
            .user("alice", "alice-secret")
            .kerberos(&kerberos, SERVICE)
            .property("sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,OAUTHBEARER,GSSAPI")
            .property(format!(
                "listener.name.sasl.oauthbearer.sasl.jaas.config={bearer} required unsecuredLoginStringClaim_sub=\"broker\";"
            ))
            .property("delegation.token.secret.key=of-the-tests")
            .property("authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer")
            .property("super.users=User:ANONYMOUS")
            .property("allow.everyone.if.no.acl.found=true")
            .start()
            .await;
        let proxy = Proxy::builder(vec![cluster.sasl_address(0)], 1).policy(policy("mechanisms."));
        let proxy = proxy.listener("advertisedHost", "localhost").start().await;
        Self { kerberos, cluster, proxy }
    }

    pub(super) fn bootstrap(&self) -> String {
        self.proxy.bootstrap().replace("127.0.0.1", "localhost")
    }

    /// A topic with which nobody but alice may do anything.
    pub(super) async fn of_alice(&self, purpose: &str) -> String {
        let topic = topic(&format!("mechanisms.{purpose}"));
        self.cluster.create_topic(&topic, 1, &[]).await;
        allow_only(&self.cluster, &topic, "alice").await;
        topic
    }

    /// A delegation token that alice makes through the proxy, logged in by the handshake of version 0.
    pub(super) async fn token_of_alice(&self) -> CreateDelegationTokenResponse {
        let mut connection = RawConnection::connect(&self.proxy.bootstrap()).await.unwrap();
        assert_eq!(tokens::handshake(&mut connection, "SCRAM-SHA-256").await, 0);
        assert!(scram(&mut connection, "alice", "alice-secret").await.unwrap());
        let request = CreateDelegationTokenRequest::default().with_max_lifetime_ms(-1);
        let token = connection.call(&request, 2).await.unwrap();
        assert_eq!(token.error_code, 0);
        token
    }

    /// The client is alice to the broker: what it sends to her topic is stored, encrypted, and read back.
    async fn is_alice(&self, client: Client, properties: &[(String, String)]) {
        let topic = self.of_alice(client.name()).await;
        let needle = canary("mechanism");
        let sent = [SentRecord::of(needle.clone()).partition(0)];
        client.produce_all(&ProduceOptions::to(self.bootstrap(), &topic).properties(properties), &sent).await;
        let from = ConsumeOptions::from(self.bootstrap(), &topic).properties(properties);
        assert_same(client.name(), &sent, &client.consume_all(&from).await);
        self.is_encrypted(&topic, needle).await;
    }

    async fn is_encrypted(&self, topic: &str, needle: String) {
        let search = Segments::of(self.cluster.topic_dirs(topic)).search(&[needle]).await;
        assert!(!search.found(0) && search.records > 0, "{search:?}");
    }

    /// kcat with a ticket for this user.
    fn kcat_at(&self, bootstrap: &str, user: &str, words: &[&str], input: &str) -> Result<String, String> {
        let keys = self.kerberos.keytab(user);
        let login = [
            ("security.protocol", "SASL_PLAINTEXT".into()),
            ("sasl.mechanism", "GSSAPI".into()),
            ("sasl.kerberos.principal", user.into()),
            ("sasl.kerberos.keytab", keys.display().to_string()),
        ];
        let mut command = Command::new(Rig::shared().part("KCAT"));
        command.args(["-q", "-b", bootstrap]).args(words);
        command.args(login.iter().flat_map(|(name, value)| ["-X".to_owned(), format!("{name}={value}")]));
        self.run(user, command, input)
    }

    /// Java's client with a ticket for alice writes what is encrypted, and reads it.
    async fn java_round_trips(&self, bootstrap: &str, topic: &str) {
        let record = "{\"value\": \"dGlja2V0\", \"partition\": 0}\n";
        self.java_at(bootstrap, &["produce", "--topic", topic], record);
        let read = self.java_at(bootstrap, &["consume", "--topic", topic, "--count", "1"], "");
        assert!(read.contains("dGlja2V0"), "{read}");
        self.is_encrypted(topic, "ticket".into()).await;
    }

    /// kcat with a ticket for alice does the same.
    async fn kcat_round_trips(&self, bootstrap: &str, topic: &str) {
        let needle = canary("ticket");
        let run = |words: &[&str], input: &str| {
            let words = [words, &["-t", topic]].concat();
            tokio::task::block_in_place(|| self.kcat_at(bootstrap, "alice", &words, input)).unwrap()
        };
        run(&["-P"], &needle);
        assert_eq!(run(&["-C", "-e"], "").trim_end(), needle);
        self.is_encrypted(topic, needle).await;
    }

    /// Java's client with a ticket for alice.
    fn java_at(&self, bootstrap: &str, words: &[&str], input: &str) -> String {
        let keys = self.kerberos.keytab("alice");
        let jaas = format!(
            "sasl.jaas.config=com.sun.security.auth.module.Krb5LoginModule required useKeyTab=true storeKey=true keyTab=\"{}\" \
             principal=\"alice\";",
            keys.display()
        );
        let mut command = Command::new(Rig::shared().part("JAVA_CLIENT"));
        command.env("CLIENT_HEAP", java(&self.kerberos.config()));
        command.args(words).args(["--bootstrap", bootstrap]);
        let login = [
            "security.protocol=SASL_PLAINTEXT",
            "sasl.mechanism=GSSAPI",
            "sasl.kerberos.service.name=kafka",
            &jaas,
        ];
        command.args(login.iter().flat_map(|property| ["--property", property]));
        tokio::task::block_in_place(|| self.run("alice", command, input)).unwrap()
    }

    fn run(&self, user: &str, mut command: Command, input: &str) -> Result<String, String> {
        use std::io::Write as _;
        use std::process::Stdio;
        command.env("KRB5_CONFIG", self.kerberos.config()).env("KRB5CCNAME", self.kerberos.tickets(user));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }
}

fn java(config: &Path) -> OsString {
    format!("-Xmx128m -Djava.security.krb5.conf={}", config.display()).into()
}

/// Conformance: P17-40.
#[tokio::test(flavor = "multi_thread")]
async fn brokers_know_clients_by_their_bearer_tokens() {
    let stage = Stage::shared().await;
    for client in [Client::Java, Client::Librdkafka] {
        stage.is_alice(client, &client.oauth_bearer("alice")).await;
        let topic = stage.of_alice("bearer-denied").await;
        let bob = ProduceOptions::to(stage.bootstrap(), &topic).properties(&client.oauth_bearer("bob"));
        let refused =
            client.produce(&bob.timeout(PATIENCE / 3), &[SentRecord::of("of bob").partition(0)]).await;
        assert_eq!(refused[0].clone().unwrap_err(), "TOPIC_AUTHORIZATION_FAILED", "{client}");
    }
}

/// Conformance: P17-40.
#[tokio::test(flavor = "multi_thread")]
async fn brokers_know_clients_by_their_kerberos_tickets() {
    let stage = Stage::shared().await;
    let topic = stage.of_alice("gssapi-kcat").await;
    stage.kcat_round_trips(&stage.bootstrap(), &topic).await;
    let read = || stage.kcat_at(&stage.bootstrap(), "bob", &["-C", "-e", "-t", &topic], "");
    let refused = tokio::task::block_in_place(read).unwrap_err();
    assert!(refused.contains("authorization failed"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn brokers_know_java_clients_by_their_kerberos_tickets() {
    let stage = Stage::shared().await;
    let topic = stage.of_alice("gssapi-java").await;
    stage.java_round_trips(&stage.bootstrap(), &topic).await;
}

/// The broker takes it for a token. After GSSAPI's handshake the proxy takes it for a request, which the broker then cannot read.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_in_the_place_of_a_token_is_never_stored() {
    let stage = Stage::shared().await;
    let topic = stage.of_alice("smuggled").await;
    let at = stage.cluster.locate(&topic, 0).await;
    let request = || {
        let records = Batch::of(&[SentRecord::of("in clear")]).into();
        RawConnection::produce_request(&at, 12, -1, records)
    };
    let mut gssapi = RawConnection::connect(&stage.proxy.bootstrap()).await.unwrap();
    assert_eq!(tokens::handshake(&mut gssapi, "GSSAPI").await, 0);
    gssapi.send(&request(), 12).await.unwrap();
    assert!(gssapi.closes_within(PATIENCE).await);

    let mut bearer = RawConnection::connect(&stage.proxy.bootstrap()).await.unwrap();
    assert_eq!(tokens::handshake(&mut bearer, "OAUTHBEARER").await, 0);
    let reason = token(&mut bearer, b"n,,\x01auth=Bearer not-a-token\x01\x01").await.unwrap();
    assert!(String::from_utf8_lossy(&reason).contains("invalid_token"), "{reason:?}");
    bearer.send(&request(), 12).await.unwrap();
    assert!(bearer.closes_within(PATIENCE).await);
    let (mut leader, at) = stage.cluster.leader(&topic, 0).await;
    assert_eq!(leader.list_offset(&at, -1).await.unwrap(), 0);
}

/// In the old way and the new one.
/// Conformance: P17-40.
#[tokio::test(flavor = "multi_thread")]
async fn brokers_know_clients_by_delegation_tokens_that_they_made_through_the_proxy() {
    let stage = Stage::shared().await;
    let token = stage.token_of_alice().await;
    let login = Client::delegation_token(token.token_id.as_str(), &base64(&token.hmac));
    stage.is_alice(Client::Java, &login).await;
}

/// As clients have it of a token's HMAC.
pub(super) fn base64(bytes: &Bytes) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mechanism_that_brokers_do_not_offer_is_refused_by_them() {
    let stage = Stage::shared().await;
    let mut connection = RawConnection::connect(&stage.proxy.bootstrap()).await.unwrap();
    let request = SaslHandshakeRequest::default().with_mechanism(StrBytes::from_static_str("SCRAM-SHA-512"));
    let answer = connection.call(&request, 1).await.unwrap();
    let mut offered: Vec<&str> = answer.mechanisms.iter().map(StrBytes::as_str).collect();
    offered.sort_unstable();
    assert_eq!((answer.error_code, offered), (33, vec!["GSSAPI", "OAUTHBEARER", "PLAIN", "SCRAM-SHA-256"]));
}
