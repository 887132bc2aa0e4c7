//! `copy` writes a topic into another with current keys, each record once.

use std::fs;

use serde_json::{Value, json};
use tests::record::ReceivedRecord;
use tests::{
    Client, Cluster, Codec, ConsumeOptions, Payload, PolicyFile, ProduceOptions, Proxy, Rule, Scratch,
    SentRecord, assert_same, eventually_ok, proxy::Pattern, topic,
};

use super::audit::delete_records;
use super::{PATIENCE, Ran, config, owner, partition, run, text, tool};

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

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_is_killed_again_and_again_writes_each_record_once() {
    let stage = Stage::new("copy-killed", ["Batch", "Batch"], 1).await;
    let sent = Payload::new(43).random(300, 20_000);
    stage.produce(Client::Librdkafka, Codec::None, &sent).await;
    let mut before = 0;
    for _ in 0..3 {
        let arguments = stage.arguments(&["--rate-limit", "700000"]);
        let mut child = tool(&arguments.iter().map(String::as_str).collect::<Vec<_>>()).spawn().unwrap();
        let further = async || {
            let saved = stage.saved()?;
            let records = saved["partitions"]["0"]["records"].as_u64().unwrap();
            if records > before { Ok(records) } else { Err(format!("{records} records")) }
        };
        before = eventually_ok("more is copied", PATIENCE, further).await;
        child.kill().await.unwrap();
    }
    assert!(before < 300, "it was to be killed before its end");
    let ran = stage.copy(&["--verify"]).await.ends(0);
    assert!(ran.errors.contains("verified: 300 records"), "{}", ran.errors);
    assert_same(&stage.target, &sent, &stage.consume(0).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_arrived_before_the_end_was_noted_is_not_sent_again() {
    let stage = Stage::new("copy-pending", ["Record", "Batch"], 1).await;
    let sent = Payload::new(44).orders(40);
    stage.produce(Client::Python, Codec::Lz4, &sent).await;
    stage.copy(&[]).await.ends(0);
    // As the file was between sending and the answer.
    let mut saved = stage.saved().unwrap();
    let position = saved["partitions"]["0"].clone();
    let pending = json!({"source_next": 40, "records": 40, "skipped": 0, "digest": position["digest"]});
    let moved_back = |saved: &mut Value, records: u64, next: i64| {
        let position = &mut saved["partitions"]["0"];
        position["records"] = json!(records);
        position["target_next"] = json!(next);
        position["source_next"] = Value::Null;
        position["sequence"] = json!(0);
        position["digest"] = json!(vec![0; 32]);
        position["pending"] = pending.clone();
        saved.to_string()
    };
    fs::write(stage.state(), moved_back(&mut saved, 0, 0)).unwrap();
    let ran = stage.copy(&["--verify"]).await.ends(0);
    assert!(ran.errors.contains("verified: 40 records"), "{}", ran.errors);
    assert_same(&stage.target, &sent, &stage.consume(0).await);

    // Neither where it was nor where the batch would have brought it: somebody else wrote.
    fs::write(stage.state(), moved_back(&mut saved, 0, 7)).unwrap();
    let refused = stage.copy(&[]).await.ends(1);
    assert!(refused.errors.contains("somebody else"), "{}", refused.errors);
}

#[tokio::test(flavor = "multi_thread")]
async fn as_many_records_of_somebody_else_are_not_taken_for_ones_own() {
    let stage = Stage::new("copy-foreign", ["Record", "Batch"], 1).await;
    stage.produce(Client::Python, Codec::None, &Payload::new(51).orders(20)).await;
    stage.copy(&[]).await.ends(0);
    let mut saved = stage.saved().unwrap();
    // A batch of 20 records was sent, and 20 records arrived: whose?
    let position = &mut saved["partitions"]["0"];
    let digest = position["digest"].clone();
    position["pending"] = json!({"source_next": 20, "records": 20, "skipped": 0, "digest": digest});
    position["target_next"] = json!(0);
    position["records"] = json!(0);
    let sequence = position["sequence"].clone();
    let producer = saved["producer_id"].as_i64().unwrap();
    for (producer, sequence) in [(producer + 1, json!(0)), (producer, sequence)] {
        saved["producer_id"] = json!(producer);
        saved["partitions"]["0"]["sequence"] = sequence;
        fs::write(stage.state(), saved.to_string()).unwrap();
        let refused = stage.copy(&[]).await.ends(1);
        assert!(refused.errors.contains("somebody else"), "{}", refused.errors);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clear_records_are_sealed_only_when_asked_for_and_never_against_the_sources_rule() {
    let cluster = Cluster::shared().await;
    let stage = Stage::new("copy-clear", ["Batch", "Batch"], 1).await;
    let forged = [SentRecord::of("anybody").partition(0)];
    stage.produce(Client::Go, Codec::None, &Payload::new(52).orders(5)).await;
    Client::Go.produce_all(&ProduceOptions::to(cluster.bootstrap(), &stage.source), &forged).await;
    let refused = stage.copy(&[]).await.ends(1);
    assert!(refused.errors.contains("in clear at offset 5"), "{}", refused.errors);
    let sealed = stage.copy(&["--seal-clear"]).await.ends(0);
    assert!(sealed.errors.contains("6 records") && sealed.errors.contains("1 of those"), "{}", sealed.errors);

    let rule = |prefix: &str, key: &str| Rule::encrypt([Pattern::prefix(prefix)], key).format("Record");
    let [from, to] = ["copy-reject-from.", "copy-reject-to."];
    let proxy = owner([rule(from, "old").on_plaintext("Reject"), rule(to, "new")]).await;
    let (source, target) = (topic(&format!("{from}topic")), topic(&format!("{to}topic")));
    cluster.create_topic(&source, 1, &[]).await;
    cluster.create_topic(&target, 1, &[]).await;
    let stage = Stage { proxy, source, target, folder: Scratch::new("copy") };
    // A tombstone beside sealed records is none that the rule refuses.
    let tombstone = SentRecord { key: Some(b"k".to_vec()), partition: Some(0), ..SentRecord::default() };
    stage.produce(Client::Go, Codec::None, &[SentRecord::of("x").partition(0), tombstone]).await;
    stage.copy(&["--verify"]).await.ends(0);
    Client::Go.produce_all(&ProduceOptions::to(cluster.bootstrap(), &stage.source), &forged).await;
    let refused = stage.copy(&["--seal-clear"]).await.ends(1);
    assert!(refused.errors.contains("onPlaintext: Reject"), "{}", refused.errors);
    assert_eq!(stage.consume(0).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_retention_removed_before_it_was_read_is_told() {
    let stage = Stage::new("copy-removed", ["Batch", "Batch"], 1).await;
    let sent = Payload::new(53).orders(30);
    for part in sent.chunks(10) {
        stage.produce(Client::Go, Codec::None, part).await;
        if part == &sent[..10] {
            stage.copy(&[]).await.ends(0);
        }
    }
    delete_records(&stage.source, 20).await;
    let refused = stage.copy(&[]).await.ends(1);
    assert!(refused.errors.contains("removed 10 offsets"), "{}", refused.errors);
    let ran = stage.copy(&["--skip-removed", "--verify"]).await.ends(0);
    assert!(ran.errors.contains("10 offsets were removed by retention"), "{}", ran.errors);
    let copied = [&sent[..10], &sent[20..]].concat();
    assert_same(&stage.target, &copied, &stage.consume(0).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_records_of_keys_that_are_said_to_be_destroyed_are_skipped() {
    let stage = Stage::new("copy-destroyed", ["Batch", "Batch"], 1).await;
    stage.produce(Client::Go, Codec::None, &Payload::new(54).orders(10)).await;
    super::rotate(&stage.proxy, "old", 2, &stage.source).await;
    let kept = Payload::new(55).orders(5);
    stage.produce(Client::Go, Codec::None, &kept).await;
    stage.proxy.remove_key("old", 1);
    let refused = stage.copy(&["--skip-unopened"]).await.ends(1);
    assert!(refused.errors.contains("--skip-key"), "{}", refused.errors);
    stage.copy(&["--skip-unopened", "--skip-key", "default/other"]).await.ends(1);
    assert!(stage.consume(0).await.is_empty());
    let ran = stage.copy(&["--skip-unopened", "--skip-key", "default/old"]).await.ends(0);
    assert!(!ran.errors.contains(" 0 left out"), "{}", ran.errors);
    let copied = stage.consume(0).await;
    assert_same(&stage.target, &kept, &copied[copied.len() - kept.len()..]);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_committed_records_are_copied() {
    let stage = Stage::new("copy-committed", ["Batch", "Record"], 1).await;
    let mut payload = Payload::new(45);
    let mut committed = Vec::new();
    for (commit, count) in [(false, 30), (true, 50), (false, 1), (true, 1)] {
        let sent = payload.orders(count);
        let options =
            ProduceOptions::to(stage.proxy.bootstrap(), &stage.source).transaction(&stage.source, commit);
        Client::Python.produce_all(&options, &sent).await;
        if commit {
            committed.extend(sent);
        }
    }
    stage.copy(&["--verify"]).await.ends(0);
    assert_same(&stage.target, &committed, &stage.consume(0).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_outlives_the_leaders_of_its_partitions() {
    let cluster = Cluster::builder().nodes(3).start().await;
    let rules = [("outlive-from.", "old", "Record"), ("outlive-to.", "new", "Batch")];
    let rules =
        rules.map(|(prefix, key, format)| Rule::encrypt([Pattern::prefix(prefix)], key).format(format));
    let proxy = Proxy::before(&cluster).policy(PolicyFile::new(rules)).start().await;
    let (source, target) = ("outlive-from.topic".to_owned(), "outlive-to.topic".to_owned());
    for topic in [&source, &target] {
        cluster.create_topic(topic, 3, &[("min.insync.replicas", "2")]).await;
    }
    let stage = Stage { proxy, source, target, folder: Scratch::new("copy") };
    let spread = |(record, partition): (SentRecord, i32)| record.partition(partition);
    let records = Payload::new(48).random(240, 20_000);
    let sent: Vec<SentRecord> = records.into_iter().zip([0, 1, 2].into_iter().cycle()).map(spread).collect();
    stage.produce(Client::Librdkafka, Codec::None, &sent).await;
    let arguments = stage.arguments(&["--verify", "--rate-limit", "150000"]);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let child = tool(&arguments).stderr(std::process::Stdio::piped()).spawn().unwrap();
    for node in [1, 2] {
        stage.goes_on().await;
        cluster.kill_node(node).await;
        stage.goes_on().await;
        cluster.start_node(node).await;
    }
    let ran = Ran::of(child.wait_with_output().await.unwrap()).ends(0);
    assert!(ran.errors.contains("verified: 240 records"), "{}", ran.errors);
    for partition in 0..3 {
        assert_same(&stage.target, &of_partition(&sent, partition), &stage.consume(partition).await);
    }
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
