//! Access control lists of groups, and of names that begin alike: brokers hold them against the client's own user.

use std::time::Duration;

use kafka_protocol::messages::CreateAclsRequest;
use kafka_protocol::messages::create_acls_request::AclCreation;
use kafka_protocol::protocol::StrBytes;
use serde_json::json;
use tests::{
    Client, Cluster, ConsumeOptions, Payload, ProduceOptions, Proxy, SentRecord, assert_same, topic,
};

use super::{PATIENCE, Secured};

/// In which a client that is refused hears of it.
const REFUSAL: Duration = Duration::from_secs(8);

/// What an entry is about.
#[derive(Debug, Clone, Copy)]
pub(super) enum Resource<'a> {
    Topic(&'a str),
    Group(&'a str),
    /// All topics whose names begin so.
    Topics(&'a str),
    /// All groups whose names begin so.
    Groups(&'a str),
}

impl Resource<'_> {
    fn entry(self, user: &str, permission: i8) -> AclCreation {
        // The protocol's numbers of types of resources and of patterns.
        let (kind, name, pattern) = match self {
            Self::Topic(name) => (2, name, 3),
            Self::Group(name) => (3, name, 3),
            Self::Topics(prefix) => (2, prefix, 4),
            Self::Groups(prefix) => (3, prefix, 4),
        };
        AclCreation::default()
            .with_resource_type(kind)
            .with_resource_name(StrBytes::from_string(name.to_owned()))
            .with_resource_pattern_type(pattern)
            .with_principal(StrBytes::from_string(format!("User:{user}")))
            .with_host(StrBytes::from_static_str("*"))
            .with_operation(2) // all
            .with_permission_type(permission)
    }
}

/// Lets the user do everything with it. Nobody else may do anything from now on, unless another entry says so.
pub(super) async fn allow(cluster: &Cluster, resource: Resource<'_>, user: &str) {
    add(cluster, resource.entry(user, 3)).await;
}

/// Forbids it to the user, whatever other entries say.
async fn deny(cluster: &Cluster, resource: Resource<'_>, user: &str) {
    add(cluster, resource.entry(user, 2)).await;
}

async fn add(cluster: &Cluster, entry: AclCreation) {
    let request = CreateAclsRequest::default().with_creations(vec![entry]);
    let answer = cluster.admin().await.call(&request, 3).await.unwrap();
    assert!(answer.results.iter().all(|result| result.error_code == 0), "{answer:?}");
}

/// A client of one user, at the proxy.
#[derive(Clone, Copy)]
struct User<'a> {
    proxy: &'a Proxy,
    client: Client,
    mechanism: &'static str,
    name: &'static str,
}

impl User<'_> {
    fn login(self) -> Vec<(String, String)> {
        self.client.sasl(self.mechanism, self.name, &format!("{}-secret", self.name), None)
    }

    fn from(self, topic: &str) -> ConsumeOptions {
        ConsumeOptions::from(self.proxy.bootstrap(), topic).properties(&self.login())
    }

    /// Reads as a member of the group.
    async fn joins(self, group: &str, topic: &str, sent: &[SentRecord]) {
        let from = self.from(topic).group(group).count(sent.len()).timeout(PATIENCE);
        let what = format!("{} as {} in {group}", self.client, self.name);
        assert_same(&what, sent, &self.client.consume_all(&from).await);
    }

    async fn cannot_join(self, group: &str, topic: &str) {
        let from = self.from(topic).group(group).count(1).timeout(REFUSAL);
        let consumed = self.client.consume(&from).await;
        assert!(consumed.records.is_empty(), "{} got records as {}", self.client, self.name);
        assert_eq!(consumed.errors, ["GROUP_AUTHORIZATION_FAILED"], "{} as {}", self.client, self.name);
    }

    /// Reads without a group.
    async fn reads(self, topic: &str, sent: &[SentRecord]) {
        let what = format!("{} as {}", self.client, self.name);
        assert_same(&what, sent, &self.client.consume_all(&self.from(topic)).await);
    }

    async fn cannot_read(self, topic: &str) {
        let consumed = self.client.consume(&self.from(topic).count(1).timeout(REFUSAL)).await;
        assert!(consumed.records.is_empty(), "{} got records as {}", self.client, self.name);
        assert_eq!(consumed.errors, ["TOPIC_AUTHORIZATION_FAILED"], "{} as {}", self.client, self.name);
    }

    async fn writes(self, topic: &str, sent: &[SentRecord]) -> Result<(), String> {
        let to = ProduceOptions::to(self.proxy.bootstrap(), topic).properties(&self.login()).timeout(REFUSAL);
        let answers = self.client.produce(&to, sent).await;
        answers.into_iter().try_for_each(|answer| answer.map(drop)).map_err(|error| error.to_string())
    }
}

async fn proxy(secured: &Secured) -> Proxy {
    secured.proxy(json!({"caFile": secured.certificates.authority()})).await
}

/// Alice and bob, with clients of the same kind.
fn users<'a>(proxy: &'a Proxy, client: Client, mechanism: &'static str) -> [User<'a>; 2] {
    ["alice", "bob"].map(|name| User { proxy, client, mechanism, name })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_of_one_user_is_denied_to_another() {
    let secured = Secured::shared().await;
    let proxy = proxy(secured).await;
    let with = async |client: Client, mechanism| {
        let [alice, bob] = users(&proxy, client, mechanism);
        let topic = secured.create(&format!("group-acl-{client}")).await;
        let group = format!("group-of-{topic}");
        allow(&secured.cluster, Resource::Group(&group), "alice").await;
        let sent = Payload::new(3).orders(12);
        // It is the group alone that bob may not have.
        bob.writes(&topic, &sent).await.unwrap();
        bob.reads(&topic, &sent).await;
        tokio::join!(bob.cannot_join(&group, &topic), alice.joins(&group, &topic, &sent));
    };
    tokio::join!(with(Client::Java, "PLAIN"), with(Client::Go, "SCRAM-SHA-256"));
}

/// What is denied for a prefix is denied though a shorter one is allowed.
#[tokio::test(flavor = "multi_thread")]
async fn topics_and_groups_of_a_denied_prefix_are_denied_to_that_user_alone() {
    let secured = Secured::shared().await;
    let (cluster, proxy) = (&secured.cluster, proxy(secured).await);
    let prefix = topic("secured.prefixed");
    let denied = format!("{prefix}.private.");
    for user in ["alice", "bob"] {
        allow(cluster, Resource::Topics(&prefix), user).await;
        allow(cluster, Resource::Groups(&prefix), user).await;
    }
    deny(cluster, Resource::Topics(&denied), "bob").await;
    deny(cluster, Resource::Groups(&denied), "bob").await;
    let with = async |client: Client, mechanism| {
        let [alice, bob] = users(&proxy, client, mechanism);
        let (inside, outside) = (format!("{denied}{client}"), format!("{prefix}.open.{client}"));
        cluster.create_topic(&inside, 1, &[]).await;
        cluster.create_topic(&outside, 1, &[]).await;
        let sent = Payload::new(4).orders(12);
        assert_eq!(bob.writes(&inside, &sent).await.unwrap_err(), "TOPIC_AUTHORIZATION_FAILED", "{client}");
        alice.writes(&inside, &sent).await.unwrap();
        bob.writes(&outside, &sent).await.unwrap();
        // Groups may be called as topics are.
        tokio::join!(
            bob.cannot_read(&inside),
            bob.cannot_join(&inside, &outside),
            bob.joins(&outside, &outside, &sent),
            alice.joins(&inside, &inside, &sent)
        );
    };
    tokio::join!(with(Client::Go, "SCRAM-SHA-256"), with(Client::Librdkafka, "PLAIN"));
}
