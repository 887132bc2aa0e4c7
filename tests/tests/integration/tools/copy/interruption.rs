//! Copies that are killed, lose their brokers, or are not alone.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::proxy::Pattern;
use tests::{
    Client, Cluster, Codec, Payload, PolicyFile, Proxy, Rule, Scratch, SentRecord, assert_same, eventually_ok,
};

use super::{Stage, of_partition};
use crate::tools::{PATIENCE, Ran, tool};

/// Bytes of a record of `Payload::random` here, and of the largest batch that librdkafka makes of them.
const RECORD: u64 = 20_000;
const BATCH: u64 = 1_000_000;
/// Bytes a second: a batch takes more than one, and all of them many.
const RATE: u64 = 700_000;

/// No more was copied than the rate allows, and one batch: that which the run before sent, and could not note any more.
#[track_caller]
fn assert_paced(records: u64, took: Duration) {
    let most = RATE * u64::try_from(took.as_millis()).unwrap() / 1000 + BATCH;
    assert!(records * RECORD <= most, "{records} records in {took:?}");
}

/// Conformance: P17-21.
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_is_killed_again_and_again_writes_each_record_once() {
    let stage = Stage::new("copy-killed", ["Batch", "Batch"], 1).await;
    let sent = Payload::new(43).random(300, usize::try_from(RECORD).unwrap());
    stage.produce(Client::Librdkafka, Codec::None, &sent).await;
    let rate = RATE.to_string();
    let copied = || {
        let saved = stage.saved()?;
        Ok::<u64, String>(saved["partitions"]["0"]["records"].as_u64().unwrap())
    };
    let mut before = 0;
    for _ in 0..3 {
        let arguments = stage.arguments(&["--rate-limit", &rate]);
        let start = Instant::now();
        let mut child = tool(&arguments.iter().map(String::as_str).collect::<Vec<_>>()).spawn().unwrap();
        let further = async || match copied()? {
            records if records > before => Ok(()),
            records => Err(format!("{records} records")),
        };
        eventually_ok("more is copied", PATIENCE, further).await;
        child.kill().await.unwrap();
        let now = copied().unwrap();
        assert_paced(now - before, start.elapsed());
        before = now;
    }
    assert!(before < 300, "it was to be killed before its end");
    let start = Instant::now();
    let ran = stage.copy(&["--verify", "--rate-limit", &rate]).await.ends(0);
    assert_paced(300 - before, start.elapsed());
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
