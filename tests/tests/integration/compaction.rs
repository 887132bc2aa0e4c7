//! Compaction by the broker's own log cleaner: what it leaves decrypts, what it erased stays erased.

pub(super) mod identity;
mod log;

use std::collections::BTreeSet;

use tests::record::ReceivedRecord;
use tests::segments::StoredBatch;
use tests::{
    Batch, Client, Cluster, Codec, ConsumeOptions, Field, Payload, ProduceOptions, Proxy, SentRecord,
    assert_same, canary, eventually, topic,
};

use self::log::{Format, Log, PATIENCE, ROLL};

const COMPACTED: (&str, &str) = ("cleanup.policy", "compact");
const BROKERS_TIME: (&str, &str) = ("message.timestamp.type", "LogAppendTime");

const KEYS: usize = 8;
/// Keys below this one are erased in the end.
const ERASED: usize = 4;
const ROUNDS: usize = 3;

/// A record that is to be alone with its key in the end, and where it was stored.
type Survivor = (i64, SentRecord);

/// Several values for each key, then tombstones for some keys. Returns what compaction must leave.
async fn overwrite_and_erase(log: &mut Log, batch_size: usize) -> Vec<Survivor> {
    let secret = canary("value");
    let mut last = Vec::new();
    for round in 0..ROUNDS {
        let records: Vec<SentRecord> = (0..KEYS).map(|key| value(key, round, &secret)).collect();
        last = write(log, records, batch_size).await;
    }
    let tombstones = (0..ERASED).map(|key| SentRecord { value: None, ..value(key, ROUNDS, &secret) });
    write(log, tombstones.collect(), batch_size).await;
    last.split_off(ERASED)
}

fn value(key: usize, round: usize, secret: &str) -> SentRecord {
    SentRecord::of(format!("{secret} of key {key} in round {round}"))
        .key(format!("key {key}"))
        .header("round", round.to_string())
        .header("secret", format!("{secret} {round}"))
}

async fn write(log: &mut Log, records: Vec<SentRecord>, batch_size: usize) -> Vec<Survivor> {
    let mut written = Vec::new();
    for batch in records.chunks(batch_size) {
        let batch = log.dated(batch);
        let first = log.write(Batch::of(&batch)).await;
        written.extend((first..).zip(batch));
    }
    written
}

/// Rolls segments until the cleaner has left these records only.
async fn wait_for_cleaner(log: &mut Log, survivors: &[Survivor]) -> Vec<StoredBatch> {
    let expected: BTreeSet<i64> = survivors.iter().map(|(offset, _)| *offset).collect();
    // What only rolls segments comes from here on.
    let end = log.end();
    let cleaned = |stored: &[StoredBatch]| {
        let records = stored.iter().flat_map(|batch| &batch.records);
        let left: Vec<i64> = records.map(|record| record.offset).filter(|offset| *offset < end).collect();
        let complete = left.len() == expected.len() && left.iter().all(|offset| expected.contains(offset));
        if complete { Ok(()) } else { Err(format!("left are {left:?}, not {expected:?}")) }
    };
    log.roll_until("the cleaner leaves one value a key", cleaned).await
}

/// What a client reads through the proxy, without the records that only roll segments.
async fn read(client: Client, topic: &str) -> Vec<ReceivedRecord> {
    let options = ConsumeOptions::from(Proxy::shared().await.bootstrap(), topic);
    let mut records = client.consume_all(&options).await;
    records.retain(|record| record.key.as_deref() != Some(ROLL));
    records
}

/// Every client reads the survivors, decrypted, at their offsets.
async fn are_read(topic: &str, survivors: &[Survivor]) {
    let (offsets, records): (Vec<i64>, Vec<SentRecord>) = survivors.iter().cloned().unzip();
    for client in Client::ALL {
        let received = read(client, topic).await;
        assert_same(&format!("{client} from {topic}"), &records, &received);
        assert!(
            received.iter().map(|record| record.offset).eq(offsets.iter().copied()),
            "{client}: other offsets than {offsets:?}"
        );
    }
}

async fn compacts(purpose: &str, batch_size: usize) {
    let mut log = Log::new(&topic(purpose), &[COMPACTED]).await;
    let survivors = overwrite_and_erase(&mut log, batch_size).await;
    let stored = wait_for_cleaner(&mut log, &survivors).await;
    for batch in &stored {
        assert_eq!(Format::of(batch), Format::Record, "{batch:?}");
    }
    are_read(log.topic(), &survivors).await;
    let mut opened = super::tools::decrypt::of_topic(log.topic()).await;
    opened.retain(|record| record.key.as_deref() != Some(ROLL));
    let (offsets, records): (Vec<i64>, Vec<SentRecord>) = survivors.into_iter().unzip();
    assert_same("decrypt", &records, &opened);
    assert!(opened.iter().map(|record| record.offset).eq(offsets));
}

/// Conformance: P17-06, TE-B01.
#[tokio::test(flavor = "multi_thread")]
async fn compaction_leaves_one_live_value_a_key_and_erases_tombstoned_ones() {
    compacts("auto.compaction-batches", KEYS).await;
}

/// Conformance: P17-06.
#[tokio::test(flavor = "multi_thread")]
async fn compaction_erases_tombstoned_keys_whose_headers_are_sealed() {
    compacts("headers.compaction", KEYS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn compaction_goes_by_pseudonyms_where_keys_are_sealed() {
    compacts("pseudonyms.compaction", KEYS).await;
    compacts("pseudonyms.compaction-single", 1).await;
}

/// Conformance: P17-06.
#[tokio::test(flavor = "multi_thread")]
async fn compaction_treats_batches_of_one_keyed_record_alike() {
    compacts("auto.compaction-single", 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn compaction_of_topics_with_the_brokers_time_leaves_what_decrypts() {
    let mut log = Log::new(&topic("auto.compaction-append-time"), &[COMPACTED, BROKERS_TIME]).await;
    let survivors = overwrite_and_erase(&mut log, KEYS).await;
    let stored = wait_for_cleaner(&mut log, &survivors).await;
    let partly = |batch: &&StoredBatch| batch.base_offset == survivors[0].0 - 4 && batch.records.len() == 4;
    let rewritten = stored.iter().find(partly);
    let rewritten = rewritten.unwrap_or_else(|| panic!("the cleaner rewrote no batch: {stored:?}"));
    assert_eq!(rewritten.fields["timestampType"], "LogAppendTime");
    let undated = |(offset, record): &Survivor| {
        let undated = SentRecord { timestamp: Some(rewritten.records[0].timestamp), ..record.clone() };
        (*offset, undated)
    };
    let survivors: Vec<Survivor> = survivors.iter().map(undated).collect();
    are_read(log.topic(), &survivors).await;
}

/// What was in a topic before compaction was turned on, batch by batch as its producers sent it.
async fn fill(log: &mut Log) -> Vec<(i64, Batch)> {
    let mut batches = Vec::new();
    for codec in Codec::ALL {
        batches.extend(identity::from_a_client(Client::Java, codec, &Payload::new(9).orders(30)).await);
    }
    let keyed = SentRecord::of("alone").key("duplicate");
    let erased = SentRecord { value: None, ..keyed.clone() };
    for single in [keyed, SentRecord::of("alone, without a key"), erased] {
        batches.push(Batch::of(&log.dated(&[single])));
    }
    let mut filled = Vec::new();
    for batch in batches {
        filled.push((log.write(batch.clone()).await, batch));
    }
    filled
}

#[tokio::test(flavor = "multi_thread")]
async fn compaction_turned_on_later_loses_nothing_of_batch_format() {
    let mut log = Log::new(&topic("auto.compaction-later"), &[("cleanup.policy", "delete")]).await;
    let filled = fill(&mut log).await;
    let before = log.stored().await;
    assert!(before.iter().all(|batch| Format::of(batch) == Format::Batch), "{before:?}");
    assert!(before.iter().any(|batch| batch.records.len() > 1), "no stubs");
    turn_compaction_on(log.topic()).await;
    let after = write_after(&mut log).await;

    let stubs_are_gone = |stored: &[StoredBatch]| {
        let old = stored.iter().filter(|batch| batch.base_offset < after[0].0);
        let spans: Vec<(i64, i64, usize)> =
            old.map(|batch| (batch.base_offset, batch.last_offset, batch.records.len())).collect();
        let expected =
            filled.iter().map(|(first, batch)| (*first, first + batch.field(Field::LastOffsetDelta), 1));
        if expected.eq(spans.iter().copied()) {
            Ok(())
        } else {
            Err(format!("first offset, last offset, records: {spans:?}"))
        }
    };
    let stored = log.roll_until("the cleaner leaves envelopes without stubs", stubs_are_gone).await;
    for batch in stored.iter().filter(|batch| batch.base_offset >= after[0].0) {
        assert_eq!(Format::of(batch), Format::Record, "{batch:?}");
    }
    let fetched = log.fetch().await;
    for ((first, sent), got) in filled.iter().zip(&fetched) {
        assert_eq!(got.field(Field::BaseOffset), *first);
        assert!(got.as_sent() == sent.as_sent(), "the batch at {first} came back altered");
    }
    for client in [Client::Java, Client::Python] {
        let received = read(client, log.topic()).await;
        let (old, new) = received.split_at(usize::try_from(after[0].0).unwrap());
        assert!(old.iter().map(|record| record.offset).eq(0..after[0].0), "{client}: offsets have gaps");
        let records: Vec<SentRecord> = after.iter().map(|(_, record)| record.clone()).collect();
        assert_same(&format!("{client}, written later"), &records, new);
    }
}

async fn turn_compaction_on(topic: &str) {
    let cluster = Cluster::shared().await;
    let (name, value) = COMPACTED;
    cluster.alter_topic(topic, &[(name, Some(value))]).await;
    let told = async || cluster.topic_config(topic, name).await.as_deref() == Some(value);
    eventually("the broker knows that the topic is compacted", PATIENCE, told).await;
}

/// Several records in one batch, by a client that tries again; keys of the old batches are among theirs.
async fn write_after(log: &mut Log) -> Vec<Survivor> {
    let keys = ["duplicate", "null header", "new"];
    let records: Vec<SentRecord> =
        keys.iter().map(|key| SentRecord::of(format!("{key}, later")).key(*key)).collect();
    let records = log.dated(&records);
    let options = ProduceOptions::to(Proxy::shared().await.bootstrap(), log.topic()).linger_ms(200);
    let offsets = Client::Java.produce_all(&options, &records).await;
    offsets.into_iter().zip(records).collect()
}

/// Keyed records in one transaction, which the group's coordinator ends with a marker of its own.
async fn transact(log: &mut Log, outcome: &str, commit: bool) -> Vec<SentRecord> {
    let records: Vec<SentRecord> =
        (0..KEYS).map(|key| SentRecord::of(format!("{outcome} {key}")).key(format!("key {key}"))).collect();
    let records = log.dated(&records);
    let options = ProduceOptions::to(Proxy::shared().await.bootstrap(), log.topic())
        .transaction(log.topic(), commit)
        .linger_ms(100);
    Client::Java.produce_all(&options, &records).await;
    records
}

/// Conformance: TE-B04.
#[tokio::test(flavor = "multi_thread")]
async fn compaction_turned_on_later_keeps_the_outcome_of_transactions() {
    let mut log = Log::new(&topic("auto.compaction-transactions"), &[("cleanup.policy", "delete")]).await;
    let mut committed = transact(&mut log, "first", true).await;
    transact(&mut log, "aborted", false).await;
    committed.extend(transact(&mut log, "second", true).await);
    turn_compaction_on(log.topic()).await;
    let after = write_after(&mut log).await;
    let data_without_stubs = |stored: &[StoredBatch]| {
        let data =
            stored.iter().filter(|batch| batch.base_offset < after[0].0 && batch.fields["control"] == false);
        let counts: Vec<usize> = data.map(|batch| batch.records.len()).filter(|count| *count > 0).collect();
        if counts == [1, 1] { Ok(()) } else { Err(format!("records in the batches: {counts:?}")) }
    };
    log.roll_until("the cleaner leaves two envelopes", data_without_stubs).await;
    committed.extend(after.into_iter().map(|(_, record)| record));
    for client in [Client::Java, Client::Go] {
        let options = ConsumeOptions::from(Proxy::shared().await.bootstrap(), log.topic()).read_committed();
        let mut received = client.consume_all(&options).await;
        received.retain(|record| record.key.as_deref() != Some(ROLL));
        assert_same(&format!("{client}, committed"), &committed, &received);
    }
}
