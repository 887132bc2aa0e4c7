//! `inspect` tells what protects stored records, and nothing of the records.

use std::fs;

use serde_json::{Value, json};
use tests::{Client, Cluster, Codec, Payload, ProduceOptions, Proxy, Scratch, SentRecord, canary, topic};

use super::{Ran, partition, run, servers};

/// A topic with records that hold this text in all their parts.
async fn fill(purpose: &str, codec: Codec, needle: &str, count: usize) -> String {
    let proxy = Proxy::shared().await;
    let topic = topic(purpose);
    Cluster::shared().await.create_topic(&topic, 1, &[]).await;
    let record =
        |index| SentRecord::of(format!("{needle}{index}")).key(needle).header("h", needle).partition(0);
    let sent: Vec<SentRecord> = (0..count).map(record).collect();
    let options = ProduceOptions::to(proxy.bootstrap(), &topic).codec(codec).linger_ms(100);
    Client::Librdkafka.produce_all(&options, &sent).await;
    topic
}

async fn of_topic(topic: &str) -> Ran {
    let servers = servers().await;
    run(&["inspect", "--output", "json", "--topic", topic, "--bootstrap-servers", &servers]).await.ends(0)
}

fn contents(partition: &Value) -> Vec<&Value> {
    partition["contents"].as_array().unwrap().iter().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_and_their_segments_tell_the_same_in_both_formats() {
    let needle = canary("inspect");
    for (format, codec) in
        [("batch", Codec::None), ("batch", Codec::Zstd), ("record", Codec::Lz4), ("pseudonyms", Codec::Gzip)]
    {
        let topic = fill(&format!("{format}.inspect"), codec, &needle, 100).await;
        let by_topic = of_topic(&topic).await;
        let folder = Cluster::shared().await.log_dir(&topic, 0);
        let by_file = run(&["inspect", "--output", "json", folder.to_str().unwrap()]).await.ends(0);
        for ran in [&by_topic, &by_file] {
            // Record format leaves keys in clear, which is why nothing but names of keys is ever shown.
            ran.hides(&[&needle]);
            let report = ran.json();
            let found = partition(&report, &topic, 0);
            let all = contents(found);
            assert_eq!(all.len(), 1, "{report}");
            let sealed = all[0];
            let expected =
                json!({"provider": "default", "key": "shared", "version": "1", "content": "sealed"});
            for (field, value) in expected.as_object().unwrap() {
                assert_eq!(&sealed[field], value, "{report}");
            }
            assert_eq!(sealed["format"].as_str().unwrap().to_lowercase(), format, "{report}");
            assert_eq!(
                (&sealed["records"], &sealed["firstOffset"], &sealed["lastOffset"]),
                (&json!(100), &json!(0), &json!(99))
            );
            assert_eq!(sealed["dataKey"].as_str().unwrap().len(), 32);
        }
        let table = run(&["inspect", folder.to_str().unwrap()]).await.ends(0);
        table.hides(&[&needle]);
        assert!(table.out.contains("default/shared:1"), "{}", table.out);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clear_records_tombstones_and_markers_of_transactions_are_told_apart() {
    let needle = canary("inspect-clear");
    let clear = fill("clear.inspect", Codec::Gzip, &needle, 30).await;
    let options = ProduceOptions::to(Proxy::shared().await.bootstrap(), &clear).transaction(&clear, true);
    let tombstone = SentRecord { key: Some(b"k".to_vec()), partition: Some(0), ..SentRecord::default() };
    Client::Python.produce_all(&options, &[tombstone]).await;
    let ran = of_topic(&clear).await;
    ran.hides(&[&needle]);
    let report = ran.json();
    let mut found: Vec<_> = contents(partition(&report, &clear, 0))
        .iter()
        .map(|row| (row["content"].as_str().unwrap(), row["records"].as_u64().unwrap()))
        .collect();
    found.sort_unstable();
    assert_eq!(found, [("clear", 30), ("control", 1), ("null", 1)], "{report}");
    let ranges = &partition(&report, &clear, 0)["ranges"];
    let of = |range: &Value| (range["content"].clone(), range["lastOffset"].clone());
    assert_eq!(ranges.as_array().unwrap().iter().map(of).collect::<Vec<_>>(), [(json!("clear"), json!(29))]);
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_and_unfinished_segments_are_told_and_do_not_stop_it() {
    let topic = fill("batch.inspect-damaged", Codec::None, "value", 10).await;
    let proxy = Proxy::shared().await;
    let more = Payload::new(3).orders(20);
    Client::Librdkafka
        .produce_all(&ProduceOptions::to(proxy.bootstrap(), &topic).linger_ms(100), &more)
        .await;
    let folder = Cluster::shared().await.log_dir(&topic, 0);
    let segment = fs::read(folder.join("00000000000000000000.log")).unwrap();
    let copy = Scratch::new("segments");
    let other = copy.join("a-topic-7");
    fs::create_dir(&other).unwrap();
    let file = other.join("00000000000000000000.log");
    let inspect = async |bytes: &[u8]| {
        fs::write(&file, bytes).unwrap();
        let report =
            run(&["inspect", "--output", "json", copy.path().to_str().unwrap()]).await.ends(0).json();
        partition(&report, "a-topic", 7).clone()
    };
    let whole = inspect(&segment).await;
    assert_eq!(whole["truncatedBytes"], 0);
    let batches = whole["batches"].as_u64().unwrap();

    let cut = inspect(&segment[..segment.len() - 3]).await;
    assert!(cut["truncatedBytes"].as_u64().unwrap() > 0, "{cut}");
    assert_eq!(cut["batches"].as_u64().unwrap(), batches - 1);

    // A byte of the first batch's ciphertext.
    let mut bent = segment.clone();
    bent[120] ^= 1;
    let bent = inspect(&bent).await;
    let causes: Vec<_> = contents(&bent).iter().filter_map(|row| row["cause"].as_str()).collect();
    assert_eq!(causes, ["wrong checksum"], "{bent}");
    assert_eq!(bent["batches"].as_u64().unwrap(), batches);

    // A length that no batch has: nothing behind it can be read.
    let mut broken = segment.clone();
    broken.extend([0, 0, 0, 0, 0, 0, 0, 99, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 2, 1, 2, 3]);
    let broken = inspect(&broken).await;
    let row = contents(&broken).into_iter().find(|row| row["cause"] == "unreadable rest");
    assert_eq!(row.unwrap()["firstOffset"], 99, "{broken}");
}
