//! What somebody who can write to the broker changes is never handed out: that partition gets an error, the others in
//! the same answer are delivered. The unaltered twin of each batch, stored on the same way, is among those others.

mod envelope;
mod records;
mod share;
mod stage;

use tests::{
    Batch, By, Cluster, Field, KafkaErrorName, Pattern, Payload, PolicyFile, Proxy, RawConnection, Rule,
    SentRecord, eventually, topic,
};
use tokio::sync::OnceCell;

use envelope::{NAME, Part};
use records::Record;
use stage::{FETCH_VERSIONS, Parts, Stage, idempotent, plant, record, usual};

const CORRUPT: &str = "CORRUPT_MESSAGE";
const REFUSED: &str = "TOPIC_AUTHORIZATION_FAILED";

/// A proxy whose rules let clear records pass, so that nothing but the envelope says what is encrypted.
async fn lenient() -> &'static Proxy {
    static LENIENT: OnceCell<Proxy> = OnceCell::const_new();
    let start = async || {
        let rule = |format: &str| {
            let topics = Pattern::prefix(&format!("{format}.").to_lowercase());
            Rule::encrypt([topics], "lenient").format(format).on_plaintext("Pass")
        };
        let policy = PolicyFile::new(["Batch", "Record"].map(rule));
        Proxy::before(Cluster::shared().await).policy(policy).start().await
    };
    LENIENT.get_or_init(start).await
}

/// For each name: the stored batch, altered in this way, gets this error and nobody gets its records.
macro_rules! refused {
    ($($name:ident: $format:literal, $alter:expr, $error:ident;)*) => {$(
        #[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            let mut stage = Stage::new($format, stringify!($name)).await;
            let mut parts = stage.parts();
            let alter: fn(&mut Parts) = $alter;
            alter(&mut parts);
            stage.is_refused(parts.batch(), $error).await;
        }
    )*};
}

refused! {
    batch_with_a_flipped_bit_in_the_ciphertext: "batch", |parts| parts.sealed()[20] ^= 1, CORRUPT;
    batch_with_a_flipped_bit_in_the_tag: "batch", |parts| *parts.sealed().last_mut().unwrap() ^= 0x80, CORRUPT;
    batch_with_a_truncated_ciphertext: "batch", |parts| parts.sealed().truncate(100), CORRUPT;
    batch_with_less_than_a_tag: "batch", |parts| parts.sealed().truncate(15), CORRUPT;
    batch_with_nothing_but_a_tag: "batch", |parts| parts.sealed().truncate(16), CORRUPT;
    batch_with_an_empty_ciphertext: "batch", |parts| parts.sealed().clear(), CORRUPT;
    batch_with_a_null_ciphertext: "batch", |parts| parts.first().value = None, CORRUPT;
    batch_with_a_longer_ciphertext: "batch", |parts| parts.sealed().push(0), CORRUPT;
    batch_with_another_version: "batch", |parts| parts.field(Part::Version)[0] = 2, CORRUPT;
    batch_with_version_zero: "batch", |parts| parts.field(Part::Version)[0] = 0, CORRUPT;
    batch_with_an_unknown_format: "batch", |parts| parts.field(Part::Format)[0] = 9, CORRUPT;
    batch_with_the_record_format: "batch", |parts| parts.field(Part::Format)[0] = 2, CORRUPT;
    batch_with_the_marker_format: "batch", |parts| parts.field(Part::Format)[0] = 3, CORRUPT;
    batch_with_an_unknown_algorithm: "batch", |parts| parts.field(Part::Algorithm)[0] = 2, CORRUPT;
    batch_with_an_unknown_nonce_mode: "batch", |parts| parts.field(Part::NonceMode)[0] = 3, CORRUPT;
    batch_with_another_nonce_mode: "batch", |parts| parts.field(Part::NonceMode)[0] = 2, CORRUPT;
    batch_of_an_unknown_provider: "batch", |parts| parts.flip(Part::Provider), REFUSED;
    batch_of_an_unknown_key: "batch", |parts| parts.flip(Part::Key), REFUSED;
    batch_of_an_unknown_key_version: "batch", |parts| parts.field(Part::WrappedVersion)[3] = 99, REFUSED;
    batch_with_an_invalid_provider_name: "batch", |parts| parts.field(Part::Provider)[0] = b' ', CORRUPT;
    batch_with_an_invalid_key_name: "batch", |parts| parts.field(Part::Key)[0] = 0xff, CORRUPT;
    batch_with_an_altered_wrapped_key: "batch", |parts| parts.flip(Part::Wrapped), CORRUPT;
    batch_with_another_wrapped_length: "batch", |parts| parts.flip(Part::WrappedLength), CORRUPT;
    batch_with_a_huge_wrapped_length: "batch", |parts| parts.field(Part::WrappedLength).fill(0xff), CORRUPT;
    batch_with_a_wrapped_length_of_zero: "batch", |parts| parts.field(Part::WrappedLength).fill(0), CORRUPT;
    batch_with_an_altered_salt: "batch", |parts| parts.flip(Part::Salt), CORRUPT;
    batch_with_an_altered_commitment: "batch", |parts| parts.flip(Part::Commitment), CORRUPT;
    batch_with_an_altered_nonce: "batch", |parts| parts.flip(Part::Nonce), CORRUPT;
    batch_with_altered_attributes: "batch", |parts| parts.flip(Part::Attributes), CORRUPT;
    batch_with_an_altered_count: "batch", |parts| parts.flip(Part::Count), CORRUPT;
    batch_with_an_altered_base_timestamp: "batch", |parts| parts.flip(Part::BaseTimestamp), CORRUPT;
    batch_with_an_altered_maximum_timestamp: "batch", |parts| parts.flip(Part::MaxTimestamp), CORRUPT;
    batch_with_a_truncated_header: "batch", |parts| parts.envelope().truncate(60), CORRUPT;
    batch_with_a_header_that_lacks_its_last_byte: "batch", |parts| drop(parts.envelope().pop()), CORRUPT;
    batch_with_a_header_of_two_bytes: "batch", |parts| parts.envelope().truncate(2), CORRUPT;
    batch_with_an_empty_header: "batch", |parts| parts.envelope().clear(), CORRUPT;
    batch_with_a_null_header: "batch", |parts| parts.first().headers[0].1 = None, CORRUPT;
    batch_with_a_byte_behind_its_header: "batch", |parts| parts.envelope().push(0), CORRUPT;
    batch_with_a_header_more: "batch", |parts| parts.first().headers.push(("more".to_owned(), None)), CORRUPT;
    batch_with_its_header_twice: "batch", |parts| parts.first().headers.extend_from_within(..), CORRUPT;
    batch_with_another_key_of_record_0: "batch", |parts| parts.first().key.as_mut().unwrap()[0] ^= 1, CORRUPT;
    batch_without_a_key_of_record_0: "batch", |parts| parts.first().key = None, CORRUPT;
    batch_without_its_last_stub: "batch", |parts| drop(parts.records.pop()), CORRUPT;
    batch_with_one_stub_more: "batch", |parts| parts.records.push(parts.records[1].clone()), CORRUPT;
    batch_without_its_envelope: "batch", |parts| drop(parts.records.remove(0)), CORRUPT;
    batch_with_its_envelope_in_record_1: "batch", |parts| parts.records.swap(0, 1), CORRUPT;
    batch_without_its_envelope_header: "batch", |parts| parts.first().headers.clear(), CORRUPT;
    batch_with_a_renamed_envelope_header: "batch", |parts| parts.first().headers[0].0.push('x'), CORRUPT;

    record_with_a_flipped_bit_in_the_ciphertext: "record", |parts| parts.sealed()[3] ^= 1, CORRUPT;
    record_with_a_flipped_bit_in_the_tag: "record", |parts| *parts.sealed().last_mut().unwrap() ^= 1, CORRUPT;
    record_with_a_truncated_ciphertext: "record", |parts| drop(parts.sealed().pop()), CORRUPT;
    record_with_less_than_a_tag: "record", |parts| parts.sealed().truncate(15), CORRUPT;
    record_with_an_empty_value: "record", |parts| parts.sealed().clear(), CORRUPT;
    record_with_a_null_value: "record", |parts| parts.first().value = None, CORRUPT;
    record_with_another_version: "record", |parts| parts.field(Part::Version)[0] = 2, CORRUPT;
    record_with_an_unknown_format: "record", |parts| parts.field(Part::Format)[0] = 4, CORRUPT;
    record_with_the_batch_format: "record", |parts| parts.field(Part::Format)[0] = 1, CORRUPT;
    record_with_an_unknown_algorithm: "record", |parts| parts.field(Part::Algorithm)[0] = 0, CORRUPT;
    record_with_an_unknown_nonce_mode: "record", |parts| parts.field(Part::NonceMode)[0] = 0, CORRUPT;
    record_of_an_unknown_provider: "record", |parts| parts.flip(Part::Provider), REFUSED;
    record_of_an_unknown_key: "record", |parts| parts.flip(Part::Key), REFUSED;
    record_with_an_altered_wrapped_key: "record", |parts| parts.flip(Part::Wrapped), CORRUPT;
    record_with_an_altered_salt: "record", |parts| parts.flip(Part::Salt), CORRUPT;
    record_with_an_altered_commitment: "record", |parts| parts.flip(Part::Commitment), CORRUPT;
    record_with_an_altered_nonce: "record", |parts| parts.flip(Part::Nonce), CORRUPT;
    record_with_an_altered_timestamp_in_its_envelope: "record", |parts| parts.flip(Part::Timestamp), CORRUPT;
    record_with_another_timestamp: "record", |parts| parts.first().timestamp_delta += 1, CORRUPT;
    record_with_another_key: "record", |parts| parts.first().key = Some(b"other".to_vec()), CORRUPT;
    record_without_its_key: "record", |parts| parts.first().key = None, CORRUPT;
    record_with_a_truncated_header: "record", |parts| parts.envelope().truncate(60), CORRUPT;
    record_with_a_byte_behind_its_header: "record", |parts| parts.envelope().push(0), CORRUPT;
    record_with_its_header_in_second_place: "record", |parts| parts.first().headers.swap(0, 1), CORRUPT;
    record_with_a_marker_for_a_header: "record", |parts| *parts.envelope() = vec![1, 3], CORRUPT;
    record_without_its_header: "record", |parts| drop(parts.first().headers.remove(0)), CORRUPT;
}

#[tokio::test(flavor = "multi_thread")]
async fn batch_with_another_salt_and_key_of_record_0() {
    let mut stage = Stage::new("batch", "salt-and-key").await;
    let mut parts = stage.parts();
    parts.field(Part::Salt)[0] ^= 1;
    parts.first().key.as_mut().unwrap()[0] ^= 1;
    stage.is_refused(parts.batch(), CORRUPT).await;
}

/// From 64 records on the stored batch is compressed around the envelope.
#[tokio::test(flavor = "multi_thread")]
async fn large_batch_with_a_flipped_bit() {
    let sent = Batch::of(&Payload::new(9).orders(80));
    let mut stage = Stage::with(Proxy::shared().await, "batch", "large", sent).await;
    assert_eq!(stage.stored.codec(), 3);
    let mut altered = stage.stored.clone();
    let middle = altered.records().len() / 2;
    altered.records_mut()[middle] ^= 1;
    altered.seal();
    stage.is_refused(altered, CORRUPT).await;
}


#[tokio::test(flavor = "multi_thread")]
async fn what_precedes_an_altered_batch_is_delivered() {
    let mut stage = Stage::new("batch", "precedes").await;
    let mut parts = stage.parts();
    parts.sealed()[0] ^= 1;
    plant(&mut stage.direct, &stage.at.clone(), parts.batch()).await;
    for version in FETCH_VERSIONS {
        let [partition, _] = stage.fetch_beside_neighbour(&stage.at.clone(), version, 0).await;
        assert_eq!(partition.error_code, 0, "Fetch {version}");
        let batches = Batch::split(partition.records.as_deref().unwrap_or_default());
        let delivered: Vec<Batch> = batches.iter().map(Batch::as_sent).collect();
        assert_eq!(delivered, [stage.sent.as_sent()], "Fetch {version}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unaltered_parts_make_the_same_batch() {
    for format in ["batch", "record"] {
        let stage = Stage::new(format, "parts").await;
        assert_eq!(stage.parts().batch(), stage.stored, "{format}");
    }
}

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
    batch_of_another_topic: "batch";
    record_of_another_topic: "record";
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

/// Batches with a producer id that are stored again under another identity.
macro_rules! other_producer {
    ($($name:ident: $($field:ident = $value:expr),+;)*) => {$(
        #[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            let sent = idempotent(usual("batch"), 4_000_000);
            let proxy = Proxy::shared().await;
            let mut stage = Stage::with(proxy, "batch", stringify!($name), sent).await;
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
        let alone = Parts {
            header: stage.stored.clone(),
            records: vec![record],
        };
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
async fn envelope_header_on_a_clear_record() {
    let mut stage = Stage::new("record", "forged").await;
    let forged = SentRecord::of("clear").header(NAME, [1, 2, 1, 1]);
    stage.is_refused(Batch::of(&[forged]), CORRUPT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clear_batch_where_the_rule_rejects() {
    for format in ["batch", "record"] {
        let mut stage = Stage::new(format, "clear").await;
        stage.is_refused(Batch::of(&Payload::new(2).orders(3)), CORRUPT).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clear_record_among_encrypted_ones_where_the_rule_rejects() {
    let mut stage = Stage::new("record", "smuggled").await;
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
    let mut stage = Stage::with(lenient().await, "record", "marker", usual("record")).await;
    let forged = SentRecord::of("clear").header(NAME, [1, 3]);
    stage.is_refused(Batch::of(&[forged]), CORRUPT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stubs_are_not_null_records_where_clear_records_pass() {
    let mut stage = Stage::with(lenient().await, "batch", "orphans", usual("batch")).await;
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

#[tokio::test(flavor = "multi_thread")]
async fn altered_batches_are_errors_where_clear_records_pass() {
    for format in ["batch", "record"] {
        let mut stage = Stage::with(lenient().await, format, "lenient", usual(format)).await;
        for part in [Part::Version, Part::Format, Part::Algorithm, Part::Salt, Part::Commitment, Part::Nonce] {
            let mut parts = stage.parts();
            parts.field(part)[0] ^= 8;
            stage.is_refused(parts.batch(), CORRUPT).await;
        }
    }
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

#[tokio::test(flavor = "multi_thread")]
async fn envelopes_in_a_topic_without_a_rule_are_decrypted() {
    let stages = [Stage::new("batch", "ruleless").await, Stage::new("record", "ruleless").await];
    let shared = Proxy::shared().await;
    let policy = PolicyFile::new([Rule::encrypt([Pattern::prefix("elsewhere.")], "elsewhere")]);
    let other = Proxy::before(Cluster::shared().await).policy(policy).start().await;
    let mut connection = RawConnection::connect(&other.bootstrap()).await.unwrap();
    for stage in &stages {
        let without_key = connection.fetch(&stage.at, By::Id, 0).await.unwrap();
        assert_eq!(without_key.error, Some(KafkaErrorName::new(REFUSED)));
    }
    let key = std::fs::read_to_string(shared.keys_folder().join("shared.v1")).unwrap();
    other.restore_key("shared", 1, &key);
    for stage in &stages {
        let decrypts = async || {
            let read = connection.fetch(&stage.at, By::Id, 0).await.unwrap();
            read.error.is_none() && read.batches().iter().map(Batch::as_sent).eq([stage.sent.as_sent()])
        };
        eventually("the batch is decrypted", std::time::Duration::from_secs(20), decrypts).await;
    }
}

/// What a consumer of a share group gets.
#[tokio::test(flavor = "multi_thread")]
async fn altered_batches_are_errors_in_share_fetch() {
    let mut stage = Stage::new("batch", "share").await;
    let altered = {
        let mut parts = stage.parts();
        parts.sealed()[0] ^= 1;
        parts.batch()
    };
    let target = stage.partition(2);
    plant(&mut stage.direct, &target, altered).await;
    let partitions = share::fetch_all(&mut stage.proxied, &stage.at, &[0, 2]).await;
    let [sound, altered] = &partitions[..] else { panic!("{partitions:?}") };
    assert_eq!(sound.error_code, 0, "{sound:?}");
    let batches = Batch::split(sound.records.as_deref().unwrap_or_default());
    assert_eq!(batches.iter().map(Batch::as_sent).collect::<Vec<_>>(), [stage.sent.as_sent()]);
    assert_eq!(KafkaErrorName::from_code(altered.error_code).unwrap(), CORRUPT, "{altered:?}");
    assert!(altered.records.as_ref().is_none_or(bytes::Bytes::is_empty));
}
