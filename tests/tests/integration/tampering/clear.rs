//! Clear records among encrypted ones, and encrypted ones among clear ones.

use std::time::Duration;

use tests::{
    Batch, By, Cluster, KafkaErrorName, Pattern, Payload, PolicyFile, Proxy, RawConnection, Rule, SentRecord,
    eventually,
};

use super::envelope::NAME;
use super::records::Record;
use super::stage::{Stage, lenient, plant, record};
use super::{CORRUPT, REFUSED};

/// Conformance: P17-30.
#[tokio::test(flavor = "multi_thread")]
async fn clear_batch_where_the_rule_rejects() {
    for format in ["batch", "record"] {
        let mut stage = Stage::strict(format, "clear").await;
        stage.is_refused(Batch::of(&Payload::new(2).orders(3)), CORRUPT).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clear_record_among_encrypted_ones_where_the_rule_rejects() {
    let mut stage = Stage::strict("record", "smuggled").await;
    let mut parts = stage.parts();
    parts.records.push(Record {
        headers: Vec::new(),
        value: Some(b"smuggled in".to_vec()),
        ..parts.records[0].clone()
    });
    stage.is_refused(parts.batch(), CORRUPT).await;
}

/// A marker says that a record is null, so it must not let a value through.
#[tokio::test(flavor = "multi_thread")]
async fn marker_on_a_clear_value() {
    let mut stage = Stage::new("record", "marker").await;
    let forged = SentRecord::of("clear").header(NAME, [1, 3]);
    stage.is_refused(Batch::of(&[forged]), CORRUPT).await;
}

/// Nobody vouches for a marker, nor for a deletion behind one.
#[tokio::test(flavor = "multi_thread")]
async fn markers_and_tombstones_where_the_format_seals_them() {
    let null = |record: SentRecord| SentRecord { value: None, ..record.header("added", "by anybody") };
    let marked = || null(SentRecord::of("").header(NAME, [1, 3]));
    let deleted = || null(SentRecord::of("").key("order"));
    let mut stage = Stage::strict("batch", "marked").await;
    stage.is_refused(Batch::of(&[marked()]), CORRUPT).await;
    stage.is_refused(Batch::of(&[marked(), deleted()]), CORRUPT).await;
    let mut stage = Stage::strict("record", "marked").await;
    let at = stage.at.clone();
    let offset = plant(&mut stage.direct, &at, Batch::of(&[marked(), deleted()])).await;
    let read = stage.proxied.fetch(&at, By::Id, offset).await.unwrap();
    assert_eq!(read.error, None, "record format leaves them as they are");
}

/// Conformance: TE-B08.
#[tokio::test(flavor = "multi_thread")]
async fn stubs_are_not_null_records_where_clear_records_pass() {
    let mut stage = Stage::new("batch", "orphans").await;
    let mut parts = stage.parts();
    parts.records.remove(0);
    stage.is_refused(parts.batch(), CORRUPT).await;
    let mut renamed = stage.parts();
    renamed.first().headers[0].0.push('x');
    stage.is_refused(renamed.batch(), CORRUPT).await;
    // Clear records do pass, so the stubs were refused for what they are.
    let clear = Batch::of(&[record("clear")]);
    let offset = plant(&mut stage.direct, &stage.at.clone(), clear.clone()).await;
    let read = stage.proxied.fetch(&stage.at, By::Id, offset).await.unwrap();
    assert_eq!(read.error, None);
    assert_eq!(read.batches()[0].as_sent(), clear.as_sent());
}

/// Conformance: P17-02.
#[tokio::test(flavor = "multi_thread")]
async fn envelopes_in_a_topic_without_a_rule_are_decrypted() {
    let stages = [Stage::new("batch", "ruleless").await, Stage::new("record", "ruleless").await];
    let shared = lenient().await;
    let policy = PolicyFile::new([Rule::encrypt([Pattern::prefix("elsewhere.")], "elsewhere")]);
    let other = Proxy::before(Cluster::shared().await).policy(policy).start().await;
    let mut connection = RawConnection::connect(&other.bootstrap()).await.unwrap();
    for stage in &stages {
        let without_key = connection.fetch(&stage.at, By::Id, 0).await.unwrap();
        assert_eq!(without_key.error, Some(KafkaErrorName::new(REFUSED)));
    }
    let key = std::fs::read_to_string(shared.keys_folder().join("lenient.v1")).unwrap();
    other.restore_key("lenient", 1, &key);
    for stage in &stages {
        let decrypts = async || {
            let read = connection.fetch(&stage.at, By::Id, 0).await.unwrap();
            read.error.is_none() && read.batches().iter().map(Batch::as_sent).eq([stage.sent.as_sent()])
        };
        eventually("the batch is decrypted", Duration::from_secs(20), decrypts).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn envelope_header_on_a_clear_record() {
    let mut stage = Stage::new("record", "forged").await;
    let forged = SentRecord::of("clear").header(NAME, [1, 2, 1, 1]);
    stage.is_refused(Batch::of(&[forged]), CORRUPT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn record_without_its_header_where_the_rule_rejects() {
    let mut stage = Stage::strict("record", "headless").await;
    let mut parts = stage.parts();
    parts.first().headers.remove(0);
    stage.is_refused(parts.batch(), CORRUPT).await;
}

/// A record with the envelope's header in any place is never clear.
#[tokio::test(flavor = "multi_thread")]
async fn envelope_behind_another_header() {
    let mut stage = Stage::with(lenient().await, "batch", "behind", Batch::of(&[record("alone")])).await;
    let mut parts = stage.parts();
    parts.first().headers.insert(0, ("first".to_owned(), None));
    stage.is_refused(parts.batch(), CORRUPT).await;
}
