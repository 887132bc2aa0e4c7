//! `copy` writes a topic into another with current keys, each record once.

mod interruption;
mod left_out;

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};
use tests::proxy::Pattern;
use tests::record::ReceivedRecord;
use tests::{
    Client, Cluster, Codec, ConsumeOptions, Payload, PolicyFile, ProduceOptions, Proxy, Rule, Scratch,
    Segments, SentRecord, assert_same, canary, eventually_ok, topic,
};

use super::{PATIENCE, Ran, config, owner, partition, run, text};

/// Topics of a source whose key is old, and of a target with a new one.
struct Stage {
    proxy: Proxy,
    source: String,
    target: String,
    folder: Scratch,
}

impl Stage {
    async fn new(purpose: &str, formats: [&str; 2], partitions: i32) -> Self {
        let rule = |prefix: String, key: &str, format: &str| {
            Rule::encrypt([Pattern::prefix(&prefix)], key).format(format)
        };
        let [from, to] = [format!("{purpose}-from."), format!("{purpose}-to.")];
        let rules = [rule(from.clone(), "old", formats[0]), rule(to.clone(), "new", formats[1])];
        let proxy = owner(rules).await;
        let (source, target) = (topic(&format!("{from}topic")), topic(&format!("{to}topic")));
        let cluster = Cluster::shared().await;
        cluster.create_topic(&source, partitions, &[]).await;
        cluster.create_topic(&target, partitions, &[]).await;
        Self { proxy, source, target, folder: Scratch::new("copy") }
    }

    fn state(&self) -> String {
        text(self.folder.join("state"))
    }

    fn arguments(&self, more: &[&str]) -> Vec<String> {
        let (config, state) = (config(&self.proxy), self.state());
        let first = [
            "copy",
            "--quiet",
            "--topic",
            &self.source,
            "--to",
            &self.target,
            "--config",
            &config,
            "--state",
            &state,
        ];
        first.iter().chain(more).map(|word| (*word).to_owned()).collect()
    }

    async fn copy(&self, more: &[&str]) -> Ran {
        let arguments = self.arguments(more);
        run(&arguments.iter().map(String::as_str).collect::<Vec<_>>()).await
    }

    async fn produce(&self, client: Client, codec: Codec, records: &[SentRecord]) {
        let options = ProduceOptions::to(self.proxy.bootstrap(), &self.source).codec(codec);
        client.produce_all(&options, records).await;
    }

    async fn consume(&self, partition: i32) -> Vec<ReceivedRecord> {
        let options = ConsumeOptions::from(self.proxy.bootstrap(), &self.target).partition(partition);
        Client::Java.consume_all(&options).await
    }

    /// Which keys the target needs.
    async fn keys(&self) -> Vec<String> {
        let config = config(&self.proxy);
        let ran =
            run(&["audit", "--output", "json", "--topic", &self.target, "--config", &config]).await.ends(0);
        let report = ran.json();
        let rows = partition(&report, &self.target, 0)["contents"].as_array().unwrap().clone();
        let mut keys: Vec<_> = rows.iter().filter_map(|row| Some(row["key"].as_str()?.to_owned())).collect();
        keys.dedup();
        keys
    }

    /// Waits until more is noted as copied than now, or all.
    async fn goes_on(&self) {
        let copied = || {
            let saved = self.saved()?;
            let positions = saved["partitions"].as_object().expect("the state has partitions").values();
            Ok::<u64, String>(positions.map(|position| position["records"].as_u64().unwrap()).sum())
        };
        let before = copied().unwrap_or(0);
        let further = async || match copied()? {
            now if now > before || now == 240 => Ok(()),
            now => Err(format!("{now} records")),
        };
        eventually_ok("the copy goes on", PATIENCE, further).await;
    }

    fn saved(&self) -> Result<Value, String> {
        let text = fs::read(self.state()).map_err(|error| error.to_string())?;
        serde_json::from_slice(&text).map_err(|error| error.to_string())
    }
}

fn of_partition(records: &[SentRecord], partition: i32) -> Vec<SentRecord> {
    records.iter().filter(|record| record.partition == Some(partition)).cloned().collect()
}

/// Conformance: P17-21.
#[tokio::test(flavor = "multi_thread")]
async fn records_keep_all_but_their_offsets_and_get_the_new_key() {
    let kinds = [["Batch", "Record"], ["Record", "Batch"], ["Batch", "Batch"]];
    for ((formats, codec), client) in
        kinds.into_iter().zip([Codec::None, Codec::Zstd, Codec::Gzip]).zip(Client::ALL)
    {
        let purpose = format!("copy-{}-{}", formats[0], formats[1]).to_lowercase();
        let stage = Stage::new(&purpose, formats, 3).await;
        let orders = Payload::new(41).orders(300);
        let spread = |(record, partition): (SentRecord, i32)| record.partition(partition);
        let sent: Vec<SentRecord> =
            orders.into_iter().zip([0, 1, 1, 2, 0].into_iter().cycle()).map(spread).collect();
        stage.produce(client, codec, &sent).await;
        let ran = stage.copy(&["--verify"]).await.ends(0);
        assert!(ran.errors.contains("verified: 300 records"), "{}", ran.errors);
        for partition in 0..3 {
            assert_same(&stage.target, &of_partition(&sent, partition), &stage.consume(partition).await);
        }
        assert_eq!(stage.keys().await, ["new"]);

        // The same again copies what came meanwhile.
        let later = Payload::new(42).orders(20);
        stage.produce(client, codec, &later).await;
        let ran = stage.copy(&["--verify"]).await.ends(0);
        assert!(ran.errors.contains("verified: 320 records"), "{}", ran.errors);
        let all: Vec<_> = sent.iter().chain(&later).cloned().collect();
        assert_same(&stage.target, &of_partition(&all, 0), &stage.consume(0).await);
    }
}

/// The target has a pseudonym key of its own; tombstones keep their keys too.
#[tokio::test(flavor = "multi_thread")]
async fn keys_get_the_pseudonyms_of_the_target() {
    let stage = Stage::new("copy-pseudonyms", ["Record", "Record"], 1).await;
    let mut rules = Vec::new();
    for (prefix, key) in [("copy-pseudonyms-from.", "old"), ("copy-pseudonyms-to.", "new")] {
        let rule = Rule::encrypt([Pattern::prefix(prefix)], key).on_plaintext("Reject");
        rules.push(rule.pseudonyms(&stage.proxy.pseudonym_key(key).await));
    }
    stage.proxy.apply_policy(&PolicyFile::new(rules)).await;
    let secret = canary("key");
    let record = |index: usize| {
        let record =
            SentRecord::of(format!("value {index}")).key(format!("{secret} {}", index % 5)).partition(0);
        if index % 7 == 6 { SentRecord { value: None, ..record } } else { record }
    };
    let sent: Vec<SentRecord> = (0..40).map(record).collect();
    stage.produce(Client::Java, Codec::Lz4, &sent).await;
    let ran = stage.copy(&["--verify"]).await.ends(0);
    assert!(ran.errors.contains("verified: 40 records"), "{}", ran.errors);
    assert_same(&stage.target, &sent, &stage.consume(0).await);
    let cluster = Cluster::shared().await;
    let mut keys = Vec::new();
    for topic in [&stage.source, &stage.target] {
        let segments = Segments::of(cluster.topic_dirs(topic));
        assert!(segments.search(&[&secret]).await.places[0].is_empty(), "{topic}");
        let stored = segments.dump().await.into_iter().flat_map(|batch| batch.records);
        keys.push(stored.map(|record| record.key.unwrap()).collect::<BTreeSet<_>>());
    }
    assert_eq!((keys[0].len(), keys[1].len()), (5, 5));
    assert!(keys[0].is_disjoint(&keys[1]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verification_sees_what_was_changed() {
    let stage = Stage::new("copy-verified", ["Batch", "Batch"], 1).await;
    stage.produce(Client::Go, Codec::None, &Payload::new(46).orders(10)).await;
    stage.copy(&["--verify"]).await.ends(0);
    let mut saved = stage.saved().unwrap();
    saved["partitions"]["0"]["digest"][0] =
        json!(saved["partitions"]["0"]["digest"][0].as_u64().unwrap() ^ 1);
    fs::write(stage.state(), saved.to_string()).unwrap();
    let ran = stage.copy(&["--verify"]).await.ends(1);
    assert!(ran.errors.contains("are not those that were copied"), "{}", ran.errors);
}

/// Conformance: P17-21.
#[tokio::test(flavor = "multi_thread")]
async fn what_would_be_stored_in_clear_or_mixed_up_is_refused() {
    let stage = Stage::new("copy-refused", ["Batch", "Batch"], 1).await;
    stage.produce(Client::Go, Codec::None, &Payload::new(47).orders(10)).await;
    let clear = topic("copy-refused-clear");
    let cluster = Cluster::shared().await;
    cluster.create_topic(&clear, 1, &[]).await;
    let to_clear =
        Stage { target: clear, folder: Scratch::new("copy"), proxy: stage.proxy, source: stage.source };
    let refused = to_clear.copy(&[]).await.ends(1);
    assert!(refused.errors.contains("in clear"), "{}", refused.errors);
    to_clear.copy(&["--allow-clear"]).await.ends(0);

    let used = topic("copy-refused-to.used");
    cluster.create_topic(&used, 1, &[]).await;
    Client::Go
        .produce_all(
            &ProduceOptions::to(to_clear.proxy.bootstrap(), &used),
            &[SentRecord::of("x").partition(0)],
        )
        .await;
    let used = Stage { target: used, folder: Scratch::new("copy"), ..to_clear };
    let refused = used.copy(&[]).await.ends(1);
    assert!(refused.errors.contains("is not empty"), "{}", refused.errors);

    let wide = topic("copy-refused-to.wide");
    cluster.create_topic(&wide, 2, &[]).await;
    let wide = Stage { target: wide, folder: Scratch::new("copy"), ..used };
    let refused = wide.copy(&[]).await.ends(1);
    assert!(refused.errors.contains("partitions"), "{}", refused.errors);
}
