//! Record batches that a broker would not take, or that nobody should unpack. In batch format the broker sees nothing of
//! them any more, so the proxy has to refuse them.

use kafka_protocol::messages::FetchRequest;
use tests::{
    Batch, By, Cluster, Codec, Field, KafkaErrorName, Payload, RawConnection, SentRecord, eventually,
};
use tokio::task::JoinSet;

use super::{BUFFERS, MIB, PATIENCE, bomb, broken, builder, is_unharmed, partition, rough, start, with};

/// For each name: a batch of four records, altered in this way, gets this error.
macro_rules! broken_batches {
    ($($name:ident: $break:expr => $error:literal;)*) => {$(
        #[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            let make: fn(Batch) -> Vec<u8> = $break;
            broken::is_refused(stringify!($name), make, $error).await;
        }
    )*};
}

broken_batches! {
    produced_batch_with_a_wrong_checksum: |mut batch| {
        batch.records_mut()[9] ^= 1;
        batch.bytes().to_vec()
    } => "CORRUPT_MESSAGE";
    produced_batch_with_a_record_too_few: |batch| broken::set(batch, Field::Count, 3) => "INVALID_RECORD";
    produced_batch_with_a_record_too_many: |batch| broken::set(batch, Field::Count, 5) => "INVALID_RECORD";
    produced_batch_with_a_count_of_zero: |batch| broken::set(batch, Field::Count, 0) => "INVALID_RECORD";
    produced_batch_with_a_negative_count: |batch| broken::set(batch, Field::Count, -1) => "INVALID_RECORD";
    produced_batch_with_a_huge_count: |batch| broken::set(batch, Field::Count, i64::from(i32::MAX)) => "INVALID_RECORD";
    produced_batch_with_a_huge_range: |mut batch| {
        batch.set(Field::Count, i64::from(i32::MAX));
        broken::set(batch, Field::LastOffsetDelta, i64::from(i32::MAX) - 1)
    } => "INVALID_RECORD";
    produced_batch_with_another_range: |batch| broken::set(batch, Field::LastOffsetDelta, 9) => "INVALID_RECORD";
    produced_batch_with_a_base_offset: |batch| broken::set(batch, Field::BaseOffset, 7) => "INVALID_RECORD";
    produced_control_batch: |batch| broken::set(batch, Field::Attributes, 0x30) => "INVALID_RECORD";
    produced_batch_with_a_delete_horizon: |batch| broken::set(batch, Field::Attributes, 0x40) => "INVALID_RECORD";
    produced_batch_with_an_unknown_codec: |batch| broken::set(batch, Field::Attributes, 5) => "INVALID_RECORD";
    produced_batch_that_is_not_gzip: |batch| broken::set(batch, Field::Attributes, 1) => "INVALID_RECORD";
    produced_batch_that_is_not_snappy: |batch| broken::set(batch, Field::Attributes, 2) => "INVALID_RECORD";
    produced_batch_that_is_not_lz4: |batch| broken::set(batch, Field::Attributes, 3) => "INVALID_RECORD";
    produced_batch_that_is_not_zstd: |batch| broken::set(batch, Field::Attributes, 4) => "INVALID_RECORD";
    produced_batch_of_magic_0: |batch| broken::set(batch, Field::Magic, 0) => "INVALID_RECORD";
    produced_batch_of_magic_1: |batch| broken::set(batch, Field::Magic, 1) => "INVALID_RECORD";
    produced_batch_of_magic_3: |batch| broken::set(batch, Field::Magic, 3) => "INVALID_RECORD";
    produced_batch_of_a_producer_without_sequence: |batch| broken::set(batch, Field::ProducerId, 5) => "INVALID_RECORD";
    produced_batch_with_a_negative_record_length: |batch| broken::records(batch, |records| records[0] = 1) => "INVALID_RECORD";
    produced_batch_with_a_huge_record_length: |batch| broken::records(batch, |records| {
        records.splice(0..1, [0xfe, 0xff, 0xff, 0xff, 0x0f]);
    }) => "INVALID_RECORD";
    produced_batch_with_an_endless_record_length: |batch| broken::records(batch, |records| {
        records.splice(0..1, [0xff; 12]);
    }) => "INVALID_RECORD";
    produced_batch_with_trailing_bytes: |batch| broken::records(batch, |records| records.extend([0; 3])) => "INVALID_RECORD";
    produced_batch_without_its_last_byte: |batch| broken::records(batch, |records| records.truncate(records.len() - 1)) => "INVALID_RECORD";
    produced_batch_without_records: |batch| broken::records(batch, Vec::clear) => "INVALID_RECORD";
    produced_batch_that_is_cut_off: |batch| batch.bytes()[..batch.bytes().len() - 1].to_vec() => "INVALID_RECORD";
    produced_batch_header_that_is_cut_off: |batch| batch.bytes()[..60].to_vec() => "INVALID_RECORD";
    produced_batch_with_a_byte_behind_it: |batch| [batch.bytes(), &[0]].concat() => "INVALID_RECORD";
    produced_batch_twice: |batch| [batch.bytes(), batch.bytes()].concat() => "INVALID_RECORD";
    produced_batch_with_a_negative_length: |batch| broken::length(&batch, -1) => "INVALID_RECORD";
    produced_batch_with_a_huge_length: |batch| broken::length(&batch, i32::MAX) => "INVALID_RECORD";
    produced_batch_with_a_length_of_zero: |batch| broken::length(&batch, 0) => "INVALID_RECORD";
    produced_nothing: |_| Vec::new() => "INVALID_RECORD";
    produced_garbage: |_| Payload::new(8).bytes(500) => "INVALID_RECORD";
    produced_zstd_bomb: |_| bomb::batch(Codec::Zstd, 200 << 20).bytes().to_vec() => "INVALID_RECORD";
    produced_gzip_bomb: |_| bomb::batch(Codec::Gzip, 200 << 20).bytes().to_vec() => "INVALID_RECORD";
}

/// A client's own header of that name is not stored in a way that nobody can read.
#[tokio::test(flavor = "multi_thread")]
async fn own_envelope_headers_are_refused_or_come_back() {
    let header = "encryption.strimzi.io";
    let record = SentRecord::of("value").key("key");
    let records = [
        record.clone().header(header, "text"),
        record.clone().header(header, [1, 3]),
        record.clone().header(header, [1, 2, 1, 1]),
        record.clone().header(header, [1, 1, 1, 1]).header(header, "again"),
        record.header("first", "").null_header(header),
    ];
    for format in ["batch", "record"] {
        let (mut connection, at) = partition(rough().await, &format!("{format}.own-header")).await;
        for record in &records {
            let sent = Batch::of(std::slice::from_ref(record));
            let appended = connection.produce(&at, By::Id, sent.clone()).await.unwrap();
            if let Some(error) = appended.error {
                assert_eq!(error, "INVALID_RECORD", "{format}");
                continue;
            }
            let read = connection.fetch(&at, By::Id, appended.base_offset).await.unwrap();
            assert_eq!(read.error, None, "{format}, {record:?}");
            assert_eq!(read.batches()[0].as_sent(), sent.as_sent(), "{format}, {record:?}");
        }
    }
}

/// What the bombs are made of is no reason to refuse them.
#[tokio::test(flavor = "multi_thread")]
async fn small_bombs_are_batches_like_others() {
    for format in ["batch", "record"] {
        let (mut connection, at) = partition(rough().await, &format!("{format}.small-bombs")).await;
        for codec in [Codec::Zstd, Codec::Gzip] {
            let sent = bomb::batch(codec, 300_000);
            let appended = connection.produce(&at, By::Id, sent.clone()).await.unwrap();
            assert_eq!(appended.error, None, "{format} {codec}");
            let read = connection.fetch(&at, By::Id, appended.base_offset).await.unwrap();
            assert_eq!(read.error, None, "{format} {codec}");
            if format == "batch" {
                assert_eq!(read.batches()[0].as_sent(), sent.as_sent(), "{codec}");
            } else {
                assert!(read.batches()[0].records().len() > 300_000, "{codec}");
            }
        }
    }
}

/// Values of 100 MiB that a broker would store compressed, from several clients at once.
#[tokio::test(flavor = "multi_thread")]
async fn bombs_within_the_limit_keep_to_the_memory() {
    let proxy = start().await;
    let mut running = JoinSet::new();
    let bomb = bomb::batch(Codec::Zstd, 100 << 20);
    for index in 0..4 {
        let (mut connection, at) = partition(&proxy, &format!("record.bomb-{index}")).await;
        let bomb = bomb.clone();
        running.spawn(async move { connection.produce(&at, By::Id, bomb).await.unwrap() });
    }
    for appended in running.join_all().await {
        assert!(appended.error.is_some(), "the broker stored 100 MiB");
    }
    is_unharmed(&proxy).await;
}

/// In record format each record is some 200 bytes longer than it was: a batch of 15 MiB would take 300 before it is compressed.
#[tokio::test(flavor = "multi_thread")]
async fn batches_of_many_records_keep_to_the_memory() {
    const FRAME: u64 = 32 * MIB;
    let builder = builder("Reject", FRAME).await.limit("maxFrameBytes", FRAME);
    let proxy = builder.variable("TOKIO_WORKER_THREADS", "1").start().await;
    let bomb = bomb::of_many(1_700_000);
    for format in ["record", "batch"] {
        let (mut connection, at) = partition(&proxy, &format!("{format}.many-records")).await;
        for _ in 0..3 {
            let refused = connection.produce(&at, By::Id, bomb.clone()).await.unwrap();
            assert_eq!(refused.error, Some(KafkaErrorName::new("MESSAGE_TOO_LARGE")), "{format}");
        }
        // The same records in a batch that has room for what they become.
        let sent = bomb::of_many(1_000);
        assert_eq!(connection.produce(&at, By::Id, sent.clone()).await.unwrap().error, None, "{format}");
        let read = connection.fetch(&at, By::Id, 0).await.unwrap();
        assert!(read.batches()[0].records() == sent.records(), "{format}");
    }
    // Buffers, one decompressed batch, itself.
    let (peak, bound) = (proxy.peak_rss(), FRAME + 128 * MIB + 96 * MIB);
    assert!(peak < bound, "{} MiB of {} MiB were taken", peak / MIB, bound / MIB);
    is_unharmed(&proxy).await;
}

/// A broker that decompresses piece by piece takes what nobody should decompress as a whole.
#[tokio::test(flavor = "multi_thread")]
async fn stored_bombs_are_errors() {
    let proxy = rough().await;
    let (mut connection, at) = partition(proxy, "batch.stored-bomb").await;
    let mut direct = RawConnection::connect(&Cluster::shared().await.bootstrap()).await.unwrap();
    let appended = direct.produce(&at, By::Id, bomb::batch(Codec::Zstd, 200 << 20)).await.unwrap();
    assert_eq!(appended.error, None, "the broker does not take it: {:?}", appended.message);
    let read = connection.fetch(&at, By::Id, appended.base_offset).await.unwrap();
    assert_eq!(read.error, Some(KafkaErrorName::new("CORRUPT_MESSAGE")));
    assert!(read.bytes.is_empty());
    is_unharmed(proxy).await;
}

/// Batches that hold an encrypted record beside a large clear one are put together anew, without compression.
#[tokio::test(flavor = "multi_thread")]
async fn stored_bombs_beside_encrypted_records_keep_to_the_memory() {
    let proxy = with("Pass", BUFFERS).await;
    let (mut connection, at) = partition(&proxy, "record.grown").await;
    let mut direct = RawConnection::connect(&Cluster::shared().await.bootstrap()).await.unwrap();
    let small = Batch::of(&[SentRecord::of("small")]);
    assert_eq!(connection.produce(&at, By::Id, small.clone()).await.unwrap().error, None);
    let sealed = direct.fetch(&at, By::Id, 0).await.unwrap().batches().remove(0);
    for _ in 0..8 {
        let bomb = bomb::behind(sealed.records(), Codec::Zstd, 100 << 20);
        let appended = direct.produce(&at, By::Id, bomb).await.unwrap();
        assert_eq!(appended.error, None, "the broker does not take it: {:?}", appended.message);
    }
    let fetched = connection.fetch(&at, By::Id, 0).await.unwrap();
    assert_eq!(fetched.error, None);
    assert_eq!(fetched.batches()[0].as_sent(), small.as_sent());
    is_unharmed(&proxy).await;
}

/// In record format keys stay as they are, so keys of zeros are stored small and read large, by any number of readers.
#[tokio::test(flavor = "multi_thread")]
async fn bombs_in_keys_keep_to_the_memory() {
    let proxy = start().await;
    let (mut connection, at) = partition(&proxy, "record.large-keys").await;
    let bomb = bomb::with_large_key(Codec::Zstd, 7 << 20);
    for _ in 0..12 {
        let appended = connection.produce(&at, By::Id, bomb.clone()).await.unwrap();
        assert_eq!(appended.error, None, "the key alone is no reason to refuse it");
    }
    // All have asked before the first takes its answer; the others' answers wait until there is room for them.
    let request = RawConnection::fetch_request(&at, 17, 0, 500);
    let mut readers = Vec::new();
    for _ in 0..12 {
        let mut reader = RawConnection::connect(&proxy.bootstrap()).await.unwrap();
        reader.send(&request, 17).await.unwrap();
        readers.push(reader);
    }
    let begun = async || {
        let batches = proxy.metrics().await.sum("topic_encryption_decrypted_batches_total", &[]);
        batches >= 1.0
    };
    eventually("the proxy is at it", PATIENCE, begun).await;
    let mut running = JoinSet::new();
    for mut reader in readers {
        running.spawn(async move { reader.receive::<FetchRequest>(17).await.unwrap().1 });
    }
    for answer in running.join_all().await {
        let partition = &answer.responses[0].partitions[0];
        assert_eq!(partition.error_code, 0);
        let batches = Batch::split(partition.records.as_deref().unwrap_or_default());
        assert!(!batches.is_empty(), "a reader gets nothing");
    }
    is_unharmed(&proxy).await;
}

/// A connection remembers producers whose batches were refused or failed, and no more of them than any client has, in whatever
/// number of requests they come.
#[tokio::test(flavor = "multi_thread")]
async fn too_many_producers_close_the_connection_within_a_request() {
    const PARTITIONS: i32 = 6_000;
    let (mut connection, at) = partition(rough().await, "batch.many-producers").await;
    // The broker has but two of the partitions; to the proxy each has a producer of its own.
    let request = |producer: i64| {
        let mut batch = Batch::of(&[SentRecord::of("value")]);
        batch.set(Field::ProducerId, producer);
        batch.set(Field::ProducerEpoch, 0);
        batch.set(Field::BaseSequence, 0);
        batch.seal();
        let mut request = RawConnection::produce_request(&at, 13, -1, batch.into());
        let partitions = &mut request.topic_data[0].partition_data;
        let first = partitions.remove(0);
        partitions.extend((0..PARTITIONS).map(|index| first.clone().with_index(index)));
        request
    };
    let answer = connection.call(&request(7), 13).await.unwrap();
    let failed = answer.responses[0].partition_responses.iter().filter(|each| each.error_code != 0);
    assert_eq!(failed.count(), usize::try_from(PARTITIONS).unwrap() - 2);
    connection.send(&request(8), 13).await.unwrap();
    assert!(connection.closes_within(PATIENCE).await, "the connection stays open");
    is_unharmed(rough().await).await;
}
