//! Keys that are gone: consumers go on.

use serde_json::json;
use tests::{Client, ConsumeOptions, SentRecord, eventually};

use super::{HEADERS, KEPT, LOST, PSEUDONYMS, Stage, ending, kept, records};
use crate::keys::PATIENCE;

#[tokio::test(flavor = "multi_thread")]
async fn every_client_goes_on_behind_records_that_are_skipped() {
    for format in ["Batch", "Record"] {
        let stage = Stage::new(format, "skip", Some("Skip")).await;
        let topic = stage.lose().await;
        for (client, readings) in Client::ALL.into_iter().zip(1..) {
            let options = ConsumeOptions::from(stage.reader.bootstrap(), &topic);
            assert_eq!(kept(client.consume_all(&ending(client, &options, 20)).await), [], "{client}");
            let skipped = stage.unreadable("skipped").await;
            assert!(skipped >= f64::from(readings * 30), "{client}, {format}: {skipped} are counted");
            let from = client.consume_all(&ending(client, &options.clone().offset(23), 10)).await;
            assert_eq!(from.len(), 10, "{client} begins in the middle of what is skipped");
            // One batch in each answer, so that some have nothing but what is skipped.
            let small = options.clone().property("max.partition.fetch.bytes", "200");
            assert_eq!(kept(client.consume_all(&ending(client, &small, 20)).await), [], "{client}");
            let options = options.group(&tests::topic("group")).count(20);
            kept(client.consume_all(&options).await);
        }
        assert!(stage.unreadable("tombstone").await < 0.5);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn skipping_is_seen_at_the_admin_port_and_in_the_audit_log() {
    let stage = Stage::new("Batch", "visible", Some("Skip")).await;
    let topic = stage.lose().await;
    let options = ConsumeOptions::from(stage.reader.bootstrap(), &topic);
    kept(Client::Java.consume_all(&options).await);
    let told = stage.reader.get("/unreadable").await.unwrap().body;
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    let entry = &told[0];
    assert_eq!(
        (&entry["topic"], &entry["provider"], &entry["key"], &entry["tombstones"]),
        (&json!(topic), &json!("default"), &json!(LOST), &json!(0))
    );
    assert!(entry["skipped"].as_u64().unwrap() >= 30, "{entry}");
    let rules = stage.reader.keys().await;
    let of_rule = rules.iter().find(|rule| rule["key"] == KEPT).unwrap();
    assert_eq!(of_rule["unreadable"], entry["skipped"]);
    let logged = async || stage.reader.log().contains("recordsUnreadable");
    eventually("the audit log tells", PATIENCE, logged).await;
    let log = stage.reader.log();
    let lines: Vec<_> = log.lines().filter(|line| line.contains("recordsUnreadable")).collect();
    assert_eq!(lines.len(), 1, "one line a minute: {lines:?}");
    assert!(lines[0].contains(&topic) && lines[0].contains(LOST), "{}", lines[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn tombstones_take_the_place_of_records_whose_keys_are_in_clear() {
    let stage = Stage::new("Record", "tombstone", Some("Tombstone")).await;
    let topic = stage.topic().await;
    let keyless = SentRecord::of("nothing stands in for a record without a key").partition(0);
    for (round, key) in [LOST, KEPT, LOST, KEPT, LOST].into_iter().enumerate() {
        stage.write(&topic, key, &records(round, key), None).await;
    }
    stage.write(&topic, LOST, &[keyless], None).await;
    stage.destroy().await;
    for client in Client::ALL {
        let options = ConsumeOptions::from(stage.reader.bootstrap(), &topic);
        let tombstones = kept(client.consume_all(&ending(client, &options, 50)).await);
        let sent = [0, 2, 4].into_iter().flat_map(|round| records(round, LOST));
        let expected: Vec<_> = sent.map(|record| SentRecord { value: None, ..record }).collect();
        tests::assert_same(&format!("{client}"), &expected, &tombstones);
    }
    assert!(stage.unreadable("tombstone").await >= 120.0);
    assert!(stage.unreadable("skipped").await >= 4.0, "the record without a key");
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_have_no_keys_to_make_tombstones_of() {
    let stage = Stage::new("Batch", "sealed-keys", Some("Tombstone")).await;
    let topic = stage.lose().await;
    let options = ConsumeOptions::from(stage.reader.bootstrap(), &topic);
    assert_eq!(kept(Client::Java.consume_all(&options).await), []);
    assert!(stage.unreadable("tombstone").await < 0.5);
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_keep_their_ends_where_their_records_are_skipped() {
    for format in ["Batch", "Record"] {
        let stage = Stage::new(format, "transactions", Some("Skip")).await;
        let topic = stage.topic().await;
        // Ten records and the marker behind them: offsets 0 to 10, 11 to 21 and so on.
        for (round, (key, commit)) in
            [(LOST, true), (KEPT, true), (LOST, false), (KEPT, false), (KEPT, true), (LOST, true)]
                .into_iter()
                .enumerate()
        {
            stage.write(&topic, key, &records(round, key), Some(commit)).await;
        }
        stage.destroy().await;
        for client in Client::ALL {
            let options = ConsumeOptions::from(stage.reader.bootstrap(), &topic);
            let committed = client.consume_all(&options.clone().read_committed()).await;
            let sent: Vec<_> = [1, 4].into_iter().flat_map(|round| records(round, KEPT)).collect();
            tests::assert_same(&format!("{client}, committed"), &sent, &committed);
            assert_eq!((committed[0].offset, committed[10].offset), (11, 44), "{client}");
            let all = client.consume_all(&options.option("--isolation", "read_uncommitted")).await;
            assert_eq!(all.len(), 30, "{client}");
        }
    }
}

/// What is stored in their place is empty, which nobody sent.
#[tokio::test(flavor = "multi_thread")]
async fn sealed_headers_are_left_out_where_a_tombstone_takes_the_place_of_their_record() {
    let stage = Stage::new(HEADERS, "headers-tombstone", Some("Tombstone")).await;
    let topic = stage.lose().await;
    for client in [Client::Java, Client::Librdkafka] {
        let options = ConsumeOptions::from(stage.reader.bootstrap(), &topic);
        let tombstones = kept(client.consume_all(&ending(client, &options, 50)).await);
        let sent = [0, 2, 4].into_iter().flat_map(|round| records(round, LOST));
        let bare = |record| SentRecord { value: None, headers: Vec::new(), ..record };
        tests::assert_same(&format!("{client}"), &sent.map(bare).collect::<Vec<_>>(), &tombstones);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tombstones_with_sealed_headers_stay_tombstones_where_records_are_skipped() {
    let stage = Stage::new(HEADERS, "headers-skip", Some("Skip")).await;
    let topic = stage.topic().await;
    stage.write(&topic, LOST, &records(0, LOST), None).await;
    stage.write(&topic, KEPT, &records(1, KEPT), None).await;
    let erased = SentRecord { value: None, ..records(1, KEPT).remove(4) };
    stage.write(&topic, LOST, std::slice::from_ref(&erased), None).await;
    stage.destroy().await;
    let options = ConsumeOptions::from(stage.reader.bootstrap(), &topic);
    let received = Client::Java.consume_all(&options).await;
    let mut expected = records(1, KEPT);
    expected.push(SentRecord { headers: Vec::new(), ..erased });
    tests::assert_same("what is left", &expected, &received);
    assert!(stage.unreadable("skipped").await >= 10.0);
}

/// A pseudonym is nobody's key, and what it stands for cannot be told.
#[tokio::test(flavor = "multi_thread")]
async fn no_tombstone_comes_under_a_pseudonym() {
    for on_unreadable in ["Tombstone", "Skip"] {
        let purpose = format!("pseudonyms-{}", on_unreadable.to_lowercase());
        let stage = Stage::new(PSEUDONYMS, &purpose, Some(on_unreadable)).await;
        let topic = stage.topic().await;
        for (round, key) in [LOST, KEPT, LOST, KEPT, LOST].into_iter().enumerate() {
            stage.write(&topic, key, &records(round, key), None).await;
        }
        let erased = SentRecord { value: None, ..records(0, LOST).remove(4) };
        stage.write(&topic, LOST, &[erased], None).await;
        stage.destroy().await;
        for client in [Client::Java, Client::Go] {
            let options = ConsumeOptions::from(stage.reader.bootstrap(), &topic);
            assert_eq!(kept(client.consume_all(&ending(client, &options, 20)).await), [], "{client}");
        }
        assert!(stage.unreadable("skipped").await >= 62.0);
        assert!(stage.unreadable("tombstone").await < 0.5);
    }
}
