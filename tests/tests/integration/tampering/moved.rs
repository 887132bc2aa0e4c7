//! Batches and records that are sound but stand where they do not belong.

use tests::{Batch, By, Cluster, Field, topic};

use super::CORRUPT;
use super::records;
use super::stage::{Parts, Stage, idempotent, lenient, plant, record, usual};

macro_rules! moved_to_another_topic {
    ($($name:ident: $format:literal;)*) => {$(
        #[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            let source = Stage::new($format, "source").await;
            let mut stage = Stage::new($format, "target").await;
            stage.is_refused(source.stored, CORRUPT).await;
        }
    )*};
}

moved_to_another_topic! {
    // Conformance: P17-14.
    batch_of_another_topic: "batch";
    record_of_another_topic: "record";
}

/// Batches with a producer id that are stored again under another identity.
macro_rules! other_producer {
    ($($name:ident: $($field:ident = $value:expr),+;)*) => {$(
        #[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            let sent = idempotent(usual("batch"), 4_000_000);
            let mut stage = Stage::with(lenient().await, "batch", stringify!($name), sent).await;
            let mut altered = stage.stored.clone();
            $(altered.set(Field::$field, $value);)+
            altered.seal();
            stage.is_refused(altered, CORRUPT).await;
        }
    )*};
}

other_producer! {
    batch_of_another_producer: ProducerId = 4_000_001;
    batch_of_another_epoch: ProducerEpoch = 1;
    batch_with_another_sequence: BaseSequence = 12;
    batch_without_its_producer: ProducerId = -1, ProducerEpoch = -1, BaseSequence = -1;
}

#[tokio::test(flavor = "multi_thread")]
async fn batch_of_another_partition() {
    let mut stage = Stage::new("batch", "partition").await;
    let (other, stored) = (stage.partition(2), stage.stored.clone());
    stage.is_refused_at(&other, stored, CORRUPT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn values_with_swapped_keys() {
    let mut stage = Stage::new("record", "swapped").await;
    let other = stage.seal(&stage.at.clone(), Batch::of(&[record("another order")])).await;
    let mut parts = stage.parts();
    parts.records.extend(Parts::of(&other).records);
    let swapped = {
        let mut parts = parts.clone();
        let (first, second) = parts.records.split_at_mut(1);
        std::mem::swap(&mut first[0].key, &mut second[0].key);
        parts.batch()
    };
    stage.is_refused(swapped, CORRUPT).await;
    // The same two records in one batch, each under its own key, are read.
    let offset = plant(&mut stage.direct, &stage.at.clone(), parts.batch()).await;
    let read = stage.proxied.fetch(&stage.at, By::Id, offset).await.unwrap();
    assert_eq!(read.error, None);
    let opened = records::read(read.batches()[0].records());
    let keys: Vec<_> = opened.iter().map(|record| record.key.as_deref().unwrap()).collect();
    assert_eq!(keys, [&b"order"[..], b"another order"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn batch_under_a_producer_that_it_never_had() {
    let mut stage = Stage::new("batch", "new-producer").await;
    let altered = idempotent(stage.stored.clone(), 4_000_002);
    stage.is_refused(altered, CORRUPT).await;
}

/// What tools do that read records and produce them again: envelope and stubs end up in batches of their own making.
#[tokio::test(flavor = "multi_thread")]
async fn records_of_a_batch_mirrored_one_by_one() {
    let mut stage = Stage::new("batch", "mirrored").await;
    for record in stage.parts().records {
        let alone = Parts { header: stage.stored.clone(), records: vec![record] };
        stage.is_refused(alone.batch(), CORRUPT).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_batches_mirrored_into_one() {
    let mut stage = Stage::new("batch", "merged").await;
    let other = stage.seal(&stage.at.clone(), usual("batch")).await;
    let mut parts = stage.parts();
    parts.records.extend(Parts::of(&other).records);
    stage.is_refused(parts.batch(), CORRUPT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn envelopes_moved_to_a_topic_without_a_rule_are_errors() {
    let cluster = Cluster::shared().await;
    for format in ["batch", "record"] {
        let mut stage = Stage::new(format, "unmatched").await;
        let target = topic("clear-target");
        cluster.create_topic(&target, 1, &[]).await;
        let at = cluster.locate(&target, 0).await;
        let clear = Batch::of(&[record("clear")]);
        plant(&mut stage.direct, &at, clear.clone()).await;
        let stored = stage.stored.clone();
        stage.is_refused_at(&at, stored, CORRUPT).await;
        let before = stage.proxied.fetch(&at, By::Id, 0).await.unwrap();
        let delivered: Vec<Batch> = before.batches().iter().map(Batch::as_sent).collect();
        assert_eq!(delivered, [clear.as_sent()], "{format}");
    }
}
