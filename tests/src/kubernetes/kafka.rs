//! The Kafka cluster of a stage, as the stand-in for Strimzi's operators lays it out, and clients of it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::stage::{KAFKA, Stage};
use crate::certificates::Identity;
use crate::client::{Client, ConsumeOptions, ProduceOptions};
use crate::segments::Segments;

const LIMIT: Duration = Duration::from_secs(40);
/// With a client: a connection to a Service that has just been made may be lost, and clients give it 10 s.
const PATIENCE: Duration = Duration::from_mins(1);

impl Stage {
    /// A verb of the stand-in, which must succeed.
    pub async fn strimzi(&self, verb: &str, words: &[&str]) -> String {
        let words: Vec<_> =
            [verb, self.namespace(), KAFKA].into_iter().chain(words.iter().copied()).collect();
        let done = self.kubernetes().rig("STRIMZI_STAND_IN", &words).await;
        done.unwrap_or_else(|failed| panic!("{failed}"))
    }

    /// The fleet's bootstrap address, as the status of the stage's policies and proxies has it.
    pub fn bootstrap(&self) -> String {
        format!("{KAFKA}-encryption-bootstrap.{}.svc:9092", self.namespace())
    }

    /// The brokers' address of a listener that is `internal`.
    pub fn broker(&self, port: u16) -> String {
        format!("{KAFKA}-kafka-bootstrap.{}.svc:{port}", self.namespace())
    }

    /// Whom clients of the proxies trust: the ConfigMap that people are told of, as a file.
    pub async fn trust(&self) -> PathBuf {
        let bundle = self.get("configmap", &format!("{KAFKA}-encryption-ca-cert")).await;
        let text = bundle["data"]["ca.crt"].as_str().expect("the bundle has ca.crt").to_owned();
        self.file("proxies-ca.crt", &text)
    }

    /// Whom clients of the brokers trust.
    pub async fn strimzi_trust(&self) -> PathBuf {
        let text = self.secret(&format!("{KAFKA}-cluster-ca-cert"), "ca.crt").await;
        self.file("brokers-ca.crt", &text)
    }

    /// An entry of a Secret.
    pub async fn secret(&self, name: &str, entry: &str) -> String {
        let secret = self.get("secret", name).await;
        let encoded =
            secret["data"][entry].as_str().unwrap_or_else(|| panic!("Secret {name} has no entry {entry}"));
        let bytes = STANDARD.decode(encoded).expect("the API server speaks base64");
        String::from_utf8(bytes).expect("the entry is text")
    }

    /// What a client needs to reach the proxies' listener with TLS.
    pub async fn tls(&self, client: Client) -> Vec<(String, String)> {
        client.tls(&self.trust().await, None)
    }

    /// The certificate that Strimzi made for a `KafkaUser` of the type `tls`.
    pub async fn identity(&self, user: &str) -> Identity {
        let (certificate, key) = (self.secret(user, "user.crt").await, self.secret(user, "user.key").await);
        Identity {
            certificate: self.file(&format!("{user}.crt"), &certificate),
            key: self.file(&format!("{user}.key"), &key),
            bundle: self.file(&format!("{user}.pem"), &(key + &certificate)),
        }
    }

    /// What a client needs to reach the proxies as a user of the brokers that authenticates by SCRAM.
    pub async fn scram(&self, client: Client, user: &str) -> Vec<(String, String)> {
        let password = self.secret(user, "password").await;
        client.sasl("SCRAM-SHA-512", user, &password, Some(&self.trust().await))
    }

    /// Makes a topic through the proxies, on their listener with TLS.
    pub async fn create_topic(&self, topic: &str, partitions: u32, configs: &[&str]) {
        let properties = self.tls(Client::Java).await;
        self.create_topic_as(&properties, topic, partitions, configs).await;
    }

    /// Makes a topic through the proxies.
    pub async fn create_topic_as(
        &self,
        properties: &[(String, String)],
        topic: &str,
        partitions: u32,
        configs: &[&str],
    ) {
        let words = topic_words(topic, partitions, configs);
        self.admin(&self.bootstrap(), properties, "create-topic", &words).await;
    }

    /// An action of an administrator, which must succeed, and what comes of it.
    pub async fn admin(
        &self,
        bootstrap: &str,
        properties: &[(String, String)],
        action: &str,
        words: &[String],
    ) -> Value {
        let mut all = vec![action.to_owned(), "--bootstrap".to_owned(), bootstrap.to_owned()];
        all.extend_from_slice(words);
        for (name, value) in properties {
            all.extend(["--property".to_owned(), format!("{name}={value}")]);
        }
        let outcome = Client::Java.command("admin", all, ("records", Vec::new()), LIMIT).await;
        assert!(outcome.code == 0, "admin {action}: {outcome}");
        outcome.lines.into_iter().next_back().unwrap_or_default()
    }

    /// Options to write through the proxies.
    pub async fn to(&self, client: Client, topic: &str) -> ProduceOptions {
        ProduceOptions::to(self.bootstrap(), topic).timeout(PATIENCE).properties(&self.tls(client).await)
    }

    /// Options to read through the proxies.
    pub async fn from(&self, client: Client, topic: &str) -> ConsumeOptions {
        ConsumeOptions::from(self.bootstrap(), topic).timeout(PATIENCE).properties(&self.tls(client).await)
    }

    /// Options to write through the proxies as a user that authenticates by SCRAM.
    pub async fn to_as(&self, client: Client, user: &str, topic: &str) -> ProduceOptions {
        let properties = self.scram(client, user).await;
        ProduceOptions::to(self.bootstrap(), topic).timeout(PATIENCE).properties(&properties)
    }

    /// Options to read through the proxies as such a user.
    pub async fn from_as(&self, client: Client, user: &str, topic: &str) -> ConsumeOptions {
        let properties = self.scram(client, user).await;
        ConsumeOptions::from(self.bootstrap(), topic).timeout(PATIENCE).properties(&properties)
    }

    /// What the brokers have of a topic on disk.
    pub async fn segments(&self, topic: &str, brokers: &[i32]) -> Segments {
        let mut folders = Vec::new();
        for broker in brokers {
            let folder = self.strimzi("segments", &[&broker.to_string()]).await;
            folders.extend(partitions(Path::new(folder.trim()), topic));
        }
        Segments::of(folders)
    }
}

fn topic_words(topic: &str, partitions: u32, configs: &[&str]) -> Vec<String> {
    let mut words =
        vec!["--topic".to_owned(), topic.to_owned(), "--partitions".to_owned(), partitions.to_string()];
    for config in configs {
        words.extend(["--config".to_owned(), (*config).to_owned()]);
    }
    words
}

fn partitions(folder: &Path, topic: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let all = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let is_partition = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.and_then(|name| name.rsplit_once('-'))
            .is_some_and(|(name, number)| name == topic && number.parse::<u32>().is_ok())
    };
    all.filter(is_partition).collect()
}
