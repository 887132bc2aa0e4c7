//! Data whose key is gone for ever: what consumers get in its place, by rule.

mod gone;
mod not_gone;
mod other_rules;

use serde_json::json;
use tests::{
    Client, Cluster, ConsumeOptions, Pattern, PolicyFile, ProduceOptions, Proxy, ReceivedRecord, Rule,
    SentRecord, eventually,
};

use super::{PATIENCE, create};

const LOST: &str = "lost";

const KEPT: &str = "kept";

/// Record format, with the headers of all records sealed.
const HEADERS: &str = "Headers";

/// Record format with pseudonyms.
const PSEUDONYMS: &str = "Pseudonyms";

/// A proxy that writes under either key, and one that reads and comes to have only one of them.
struct Stage {
    writer: Proxy,
    reader: Proxy,
    prefix: String,
    format: &'static str,
    /// Of the key that is kept and of the other.
    pseudonym_keys: [String; 2],
}

impl Stage {
    async fn new(format: &'static str, purpose: &str, on_unreadable: Option<&str>) -> Self {
        let cluster = Cluster::shared().await;
        let prefix = format!("{purpose}.");
        let mut rule = rule(&prefix, KEPT, format).on_plaintext("Reject");
        if let Some(on_unreadable) = on_unreadable {
            rule = rule.on_unreadable(on_unreadable);
        }
        let policy = PolicyFile::new([rule]).read_key(LOST);
        let soon = json!({"unreadableDelay": "1s"});
        let reader = Proxy::before(cluster).policy(policy).config("keys", soon).start().await;
        let keys = json!({"default": {"local": {"directory": reader.keys_folder()}}});
        let policy = PolicyFile::new([self::rule(&prefix, KEPT, format)]);
        let writer = Proxy::before(cluster).config("keyProviders", keys).policy(policy).start().await;
        let pseudonym_keys = [reader.pseudonym_key(KEPT).await, reader.pseudonym_key(LOST).await];
        Self { writer, reader, prefix, format, pseudonym_keys }
    }

    async fn topic(&self) -> String {
        create(&format!("{}{}", self.prefix, self.format)).await
    }

    /// Writes records under one of the keys, in batches of a few.
    async fn write(&self, topic: &str, key: &str, records: &[SentRecord], transaction: Option<bool>) {
        let mut rule = rule(&self.prefix, key, self.format);
        if self.format == PSEUDONYMS {
            rule = rule.pseudonyms(&self.pseudonym_keys[usize::from(key == LOST)]);
        }
        let policy = PolicyFile::new([rule]);
        let written = std::fs::read_to_string(self.writer.folder().join("policy.yaml")).unwrap();
        if written != policy.text() {
            self.writer.apply_policy(&policy).await;
        }
        let mut options = ProduceOptions::to(self.writer.bootstrap(), topic).batch_bytes(400);
        if let Some(commit) = transaction {
            options = options.transaction(topic, commit);
        }
        Client::Java.produce_all(&options, records).await;
    }

    /// Three times records under the lost key and twice, between them, under the other; then the key is destroyed.
    async fn lose(&self) -> String {
        let topic = self.topic().await;
        for (round, key) in [LOST, KEPT, LOST, KEPT, LOST].into_iter().enumerate() {
            self.write(&topic, key, &records(round, key), None).await;
        }
        self.destroy().await;
        topic
    }

    async fn destroy(&self) {
        // As after a rotation: the key is still there, and only the version that wrapped is gone.
        give_newer(&self.reader);
        loaded(&self.reader, "keyFileLoaded").await;
        self.reader.remove_key(LOST, 1);
        loaded(&self.reader, "keyFileGone").await;
    }

    async fn unreadable(&self, replacement: &str) -> f64 {
        let metrics = self.reader.metrics().await;
        metrics.sum("topic_encryption_unreadable_records_total", &[("replacement", replacement)])
    }
}

/// The second version of the key to be lost.
fn give_newer(proxy: &Proxy) {
    let other = std::fs::read_to_string(proxy.keys_folder().join(format!("{KEPT}.v1"))).unwrap();
    proxy.restore_key(LOST, 2, &other);
}

/// The proxy has seen what became of the key to be lost.
async fn loaded(proxy: &Proxy, event: &str) {
    let version = if event == "keyFileGone" { "\"version\":1" } else { "\"version\":2" };
    let parts = [format!("\"{event}\""), format!("\"{LOST}\""), version.to_owned()];
    let seen = async || {
        let log = proxy.log();
        log.lines().any(|line| parts.iter().all(|part| line.contains(part)))
    };
    eventually(event, PATIENCE, seen).await;
}

fn rule(prefix: &str, key: &str, format: &str) -> Rule {
    let rule = Rule::encrypt([Pattern::prefix(prefix)], key);
    match format {
        HEADERS => rule.seal_headers(),
        // Until there is a key to make them with.
        PSEUDONYMS => rule.format("Record"),
        format => rule.format(format),
    }
}

fn records(round: usize, key: &str) -> Vec<SentRecord> {
    let record = |index| {
        SentRecord::of(format!("value {round}.{index} of {key}, long enough for several batches"))
            .key(format!("{key} {round}.{index}"))
            .header("trace", "1")
            .partition(0)
    };
    (0..10).map(record).collect()
}

/// franz-go tells of records only, so our client on it does not see that it went past the last that are left out.
fn ending(client: Client, options: &ConsumeOptions, records: usize) -> ConsumeOptions {
    if client == Client::Go { options.clone().count(records) } else { options.clone() }
}

/// Every record that is readable came, at its own offset; returns those between.
fn kept(received: Vec<ReceivedRecord>) -> Vec<ReceivedRecord> {
    let (kept, others): (Vec<_>, Vec<_>) =
        received.into_iter().partition(|record| (record.offset / 10) % 2 == 1);
    assert_eq!(kept.len(), 20);
    let sent = records(1, KEPT).into_iter().chain(records(3, KEPT));
    for (sent, received) in sent.zip(&kept) {
        assert!(sent.equals(received), "{received:?}");
    }
    others
}
