//! Keys that may come back, and damage: consumers do not go on.

use tests::{By, Client, Cluster, ConsumeOptions, Field, PolicyFile, Proxy, RawConnection, eventually};

use super::{KEPT, LOST, Stage, give_newer, loaded, records, rule};
use crate::keys::PATIENCE;
use crate::keys::outage::{bring_keys_back, hide_keys};
use crate::tampering::stage::{Parts, plant};

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
