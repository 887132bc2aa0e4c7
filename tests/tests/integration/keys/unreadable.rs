//! Data whose key is gone for ever: what consumers get in its place, by rule.

use std::time::Duration;

use serde_json::json;
use tests::{
    By, Client, Cluster, ConsumeOptions, Field, KafkaErrorName, Pattern, PolicyFile, ProduceOptions, Proxy,
    RawConnection, ReceivedRecord, Rule, SentRecord, eventually,
};

use super::outage::{bring_keys_back, hide_keys};
use super::{PATIENCE, create};
use crate::tampering::share::{fetch_all, join};
use crate::tampering::stage::{Parts, plant};

const LOST: &str = "lost";
const KEPT: &str = "kept";

/// A proxy that writes under either key, and one that reads and comes to have only one of them.
struct Stage {
    writer: Proxy,
    reader: Proxy,
    prefix: String,
    format: &'static str,
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
        Self { writer, reader, prefix, format }
    }

    async fn topic(&self) -> String {
        create(&format!("{}{}", self.prefix, self.format)).await
    }

    /// Writes records under one of the keys, in batches of a few.
    async fn write(&self, topic: &str, key: &str, records: &[SentRecord], transaction: Option<bool>) {
        let policy = PolicyFile::new([rule(&self.prefix, key, self.format)]);
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
    Rule::encrypt([Pattern::prefix(prefix)], key).format(format)
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

/// What one proxy lacks for a moment, such as a new version of a key, must cost no consumer a record.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_comes_late_costs_no_records() {
    let stage = Stage::new("Batch", "late-key", Some("Skip")).await;
    let late = Proxy::before(Cluster::shared().await)
        .policy(PolicyFile::new([rule(&stage.prefix, KEPT, "Batch").on_unreadable("Skip")]))
        .start()
        .await;
    give_newer(&late);
    loaded(&late, "keyFileLoaded").await;
    let topic = stage.topic().await;
    stage.write(&topic, LOST, &records(0, LOST), None).await;
    let options = ConsumeOptions::from(late.bootstrap(), &topic).count(10).timeout(2 * PATIENCE);
    let reading = tokio::spawn(async move { Client::Java.consume(&options).await });
    let refused = async || {
        let metrics = late.metrics().await;
        metrics.sum("topic_encryption_refused_partitions_total", &[("reason", "key_refused")]) >= 2.0
    };
    eventually("the consumer is told to try again", PATIENCE, refused).await;
    let key = std::fs::read_to_string(stage.reader.keys_folder().join("lost.v1")).unwrap();
    late.restore_key(LOST, 1, &key);
    let consumed = reading.await.unwrap();
    tests::assert_same("late", &records(0, LOST), &consumed.records);
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
async fn without_a_word_of_the_rule_consumers_stop() {
    for (format, said) in [("Batch", None), ("Record", Some("Error"))] {
        let stage = Stage::new(format, "stop", said).await;
        let topic = stage.lose().await;
        for client in [Client::Java, Client::Librdkafka] {
            let options = ConsumeOptions::from(stage.reader.bootstrap(), &topic);
            let consumed = client.consume(&options.timeout(Duration::from_secs(6))).await;
            assert_eq!(consumed.records, [], "{client}");
            assert_eq!(consumed.errors, ["TOPIC_AUTHORIZATION_FAILED"], "{client}");
        }
        assert!(stage.unreadable("skipped").await < 0.5);
    }
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

/// A key that is missing altogether may not have come yet, or may have been moved: nothing says that it was destroyed.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_refused_but_not_gone_is_never_skipped() {
    let stage = Stage::new("Batch", "not-gone", Some("Skip")).await;
    let topic = stage.topic().await;
    stage.write(&topic, LOST, &records(0, LOST), None).await;
    stage.reader.remove_key(LOST, 1);
    stage.reader.wait_for_key_state(LOST, "Refused").await;
    let answer = stage.reader.read_batches(&topic, 0).await;
    assert_eq!(answer.unwrap_err(), "TOPIC_AUTHORIZATION_FAILED");
    assert!(stage.unreadable("skipped").await < 0.5);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_is_never_skipped() {
    let stage = Stage::new("Batch", "no-answer", Some("Skip")).await;
    let topic = stage.topic().await;
    stage.write(&topic, LOST, &records(0, LOST), None).await;
    hide_keys(&stage.reader);
    stage.reader.wait_for_key_state(LOST, "Unavailable").await;
    let answer = stage.reader.read_batches(&topic, 0).await;
    assert_eq!(answer.unwrap_err(), "KAFKA_STORAGE_ERROR");
    bring_keys_back(&stage.reader).unwrap();
    let read = async || {
        let options = ConsumeOptions::from(stage.reader.bootstrap(), &topic);
        Client::Librdkafka.consume(&options).await.records.len() == 10
    };
    eventually("everything is read", PATIENCE, read).await;
    assert!(stage.unreadable("skipped").await < 0.5);
}

/// Damage is told, whether the key is there or not.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_damaged_is_never_skipped() {
    let stage = Stage::new("Batch", "damaged", Some("Skip")).await;
    let topic = stage.topic().await;
    stage.write(&topic, KEPT, &records(0, KEPT)[..1], None).await;
    let at = Cluster::shared().await.locate(&topic, 0).await;
    let mut direct = RawConnection::connect(&Cluster::shared().await.bootstrap()).await.unwrap();
    let stored = direct.fetch(&at, By::Id, 0).await.unwrap().batches().remove(0).as_sent();
    let mut parts = Parts::of(&stored);
    *parts.sealed().last_mut().unwrap() ^= 1;
    let mut stored = parts.batch();
    for (field, value) in [(Field::ProducerId, -1), (Field::ProducerEpoch, -1), (Field::BaseSequence, -1)] {
        stored.set(field, value);
    }
    stored.seal();
    let offset = plant(&mut direct, &at, stored).await;
    stage.destroy().await;
    assert_eq!(stage.reader.read_batches(&topic, offset).await.unwrap_err(), "CORRUPT_MESSAGE");
    assert!(stage.unreadable("skipped").await < 0.5);
}

/// A share group was handed the records, so each must be delivered or refused.
#[tokio::test(flavor = "multi_thread")]
async fn share_groups_are_told_though_the_rule_skips() {
    let stage = Stage::new("Batch", "share-skip", Some("Skip")).await;
    let topic = stage.topic().await;
    stage.write(&topic, LOST, &records(0, LOST), None).await;
    stage.destroy().await;
    let (mut connection, at) = RawConnection::to_leader(&stage.reader.bootstrap(), &topic, 0).await.unwrap();
    let member = join(&mut connection, &at, 1).await;
    let answered = fetch_all(&mut connection, &member, &at, &[0]).await;
    assert_eq!(answered[0].error_code, 29, "{:?}", answered[0]);
    assert!(answered[0].acquired_records.is_empty());
    assert!(stage.unreadable("skipped").await < 0.5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_whose_rule_stops_stops_beside_one_whose_rule_goes_on() {
    for format in ["Batch", "Record"] {
        let stage = Stage::new(format, "unreadable.beside", None).await;
        let goes_on = format!("{}on.", stage.prefix);
        let rules = [
            rule(&goes_on, KEPT, format).on_plaintext("Reject").on_unreadable("Skip"),
            rule(&stage.prefix, KEPT, format).on_plaintext("Reject"),
        ];
        stage.reader.apply_policy(&PolicyFile::new(rules).read_key(LOST)).await;
        let topics = [create(&goes_on).await, stage.topic().await];
        for topic in &topics {
            // One data key for both.
            stage.write(topic, LOST, &records(0, LOST), None).await;
        }
        stage.destroy().await;
        let (mut connection, first) =
            RawConnection::to_leader(&stage.reader.bootstrap(), &topics[0], 0).await.unwrap();
        let second = connection.locate(&topics[1], 0).await.unwrap();
        let mut request = RawConnection::fetch_request(&first, 17, 0, 500);
        request.topics.extend(RawConnection::fetch_request(&second, 17, 0, 500).topics);
        // An answer that may have one batch only, to see whether keys are to be had again, does not reach the second.
        let mut said = Vec::new();
        let both = async || {
            let answer = connection.call(&request, 17).await.unwrap();
            let partitions = answer.responses.iter().flat_map(|topic| {
                let said = topic.partitions.iter().map(|partition| {
                    let bytes = partition.records.as_ref().map_or(0, bytes::Bytes::len);
                    (bytes, KafkaErrorName::from_code(partition.error_code))
                });
                said.map(|said| (topic.topic_id, said))
            });
            said = partitions.collect();
            let of = |id| said.iter().find(|(topic, _)| *topic == id).map(|(_, said)| said);
            of(first.topic_id).is_some_and(|(bytes, error)| *bytes > 0 && error.is_none())
                && of(second.topic_id).is_some_and(|(bytes, error)| *bytes > 0 || error.is_some())
        };
        eventually("the first topic goes on", PATIENCE, both).await;
        let (_, (_, error)) = said.into_iter().find(|(topic, _)| *topic == second.topic_id).unwrap();
        assert_eq!(error.expect("the second stops"), "TOPIC_AUTHORIZATION_FAILED", "{format}");
    }
}
