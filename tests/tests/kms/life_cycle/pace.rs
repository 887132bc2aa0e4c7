//! How fast the server is asked, however much is asked for.

use std::collections::BTreeSet;
use std::time::{Duration, Instant, SystemTime};

use serde_json::json;
use tests::kms::Fault;
use tests::{Batch, By, Cluster, Location, Proxy, RawConnection, SentRecord, eventually, topic};
use tokio::task::JoinSet;

use super::{Owner, PATIENCE, batch, create};

/// More than half of the least budget of messages, so that no two batches fit into one.
const RECORDS: usize = 600;
/// Between two requests of a client.
const BETWEEN: Duration = Duration::from_millis(50);

fn large_batch() -> Batch {
    Batch::of(&vec![SentRecord::of("some value").key("some key"); RECORDS])
}

impl Owner {
    /// A topic whose batches have a data key each, which no proxy that starts from here on knows.
    async fn many_data_keys(&self, purpose: &str, data_keys: usize) -> String {
        let topic = topic(&format!("{purpose}.a"));
        Cluster::shared().await.create_topic(&topic, 1, &[("cleanup.policy", "compact")]).await;
        let writer = self.proxy(purpose, json!({"maxMessages": 1024})).await;
        for _ in 0..data_keys {
            writer.write_batch(&topic, &large_batch()).await.unwrap();
        }
        assert!(writer.terminate().await.success());
        topic
    }

    /// When the server unwrapped data keys of before: after its first `before` calls, and without those that it made itself
    /// after them, which are tries of keys.
    fn unwrapped_after(&self, before: usize) -> Vec<SystemTime> {
        let calls = self.calls().split_off(before);
        let made = calls.iter().map(|call| &call["response"]["data"]["ciphertext"]);
        let made: BTreeSet<_> = made.filter_map(|ciphertext| ciphertext.as_str()).collect();
        let unwrapped = calls.iter().filter(|call| {
            let ciphertext = call["request"]["data"]["ciphertext"].as_str();
            call["error"].is_null() && ciphertext.is_some_and(|ciphertext| !made.contains(ciphertext))
        });
        let at = |time: &str| humantime::parse_rfc3339(time).expect("the server has a clock");
        let mut times: Vec<_> = unwrapped.map(|call| at(call["time"].as_str().unwrap())).collect();
        times.sort_unstable();
        times
    }
}

/// Reads all batches from one of them on.
async fn read(proxy: &Proxy, topic: &str, from: usize, batches: usize) {
    let mut read = from;
    while read < batches {
        let offset = i64::try_from(read * RECORDS).unwrap();
        read += proxy.read_batches(topic, offset).await.unwrap().len();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_is_asked_for_no_more_data_keys_a_second_than_the_cap() {
    const CAP: u32 = 5;
    const READERS: u32 = 3;
    const DATA_KEYS: usize = 30;
    let owner = Owner::new().await;
    let topic = owner.many_data_keys("cap", DATA_KEYS).await;
    let before = owner.calls().len();
    let proxy = owner.proxy("cap", json!({"maxCallsPerSecond": CAP})).await;
    tokio::join!(
        read(&proxy, &topic, 0, DATA_KEYS),
        read(&proxy, &topic, DATA_KEYS / 3, DATA_KEYS),
        read(&proxy, &topic, DATA_KEYS / 3 * 2, DATA_KEYS),
    );
    let times = owner.unwrapped_after(before);
    assert_eq!(times.len(), DATA_KEYS, "each is asked for once");

    // A burst, then an even pace. A reader asks for one data key at a time, so no more calls than that come late.
    let at_once = CAP + READERS;
    let mut busiest = 0;
    for (index, first) in times.iter().enumerate() {
        for (last, calls) in times[index..].iter().zip(1_u32..) {
            let time = last.duration_since(*first).unwrap();
            let least = Duration::from_secs(1) * calls.saturating_sub(at_once) / CAP;
            assert!(time >= least, "{calls} calls in {time:?}: {times:?}");
            if time < Duration::from_secs(1) {
                busiest = busiest.max(calls);
            }
        }
    }
    let whole = times[DATA_KEYS - 1].duration_since(times[0]).unwrap();
    println!("maxCallsPerSecond {CAP}: {DATA_KEYS} data keys in {whole:.1?}, at most {busiest} in a second");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_talks_garbage_is_left_alone_but_for_one_call_every_two_seconds() {
    const READERS: usize = 8;
    /// What may be on its way when the server begins to be left alone: a call of each reader and the writer, a try of each key.
    const UNDER_WAY: usize = READERS + 1 + 2;
    /// How long the server is left alone, at least, before one call tries it.
    const PAUSE: Duration = Duration::from_secs(2);
    let owner = Owner::new().await;
    let topic = owner.many_data_keys("alone", READERS).await;
    let proxy = owner.proxy("alone", json!({})).await;
    // There is no data key to write with yet either.
    let other = create("alone.b").await;
    owner.faults.set(Fault::Garbage).await;
    let mut clients = JoinSet::new();
    for (batch, reader) in connections(&proxy, &topic, READERS).await.into_iter().enumerate() {
        let (mut connection, at) = reader;
        let offset = i64::try_from(batch * RECORDS).unwrap();
        clients.spawn(async move {
            loop {
                connection.fetch(&at, By::Id, offset).await.expect("the connection stays");
                tokio::time::sleep(BETWEEN).await;
            }
        });
    }
    for (mut connection, at) in connections(&proxy, &other, 1).await {
        clients.spawn(async move {
            loop {
                connection.produce(&at, By::Id, batch()).await.expect("the connection stays");
                tokio::time::sleep(BETWEEN).await;
            }
        });
    }
    let left_alone = async || {
        let metrics = proxy.metrics().await;
        metrics.sum("topic_encryption_key_calls_total", &[("outcome", "short_circuited")]) > 0.5
    };
    eventually("the server is left alone", PATIENCE, left_alone).await;

    // The promise is about a time.
    let (start, before) = (Instant::now(), owner.faults.connections());
    tokio::time::sleep(4 * PAUSE).await;
    let calls = owner.faults.connections() - before;
    let pauses = usize::try_from(start.elapsed().as_millis() / PAUSE.as_millis()).unwrap();
    println!("{} clients in an outage: {calls} calls in {:.1?}", READERS + 1, start.elapsed());
    assert!((1..=1 + pauses + UNDER_WAY).contains(&calls), "{calls} calls in {pauses} pauses");

    owner.faults.set(Fault::None).await;
    let works = async || {
        proxy.write_batch(&other, &batch()).await.is_ok() && proxy.read_batches(&topic, 0).await.is_ok()
    };
    eventually("it serves again", PATIENCE, works).await;
}

async fn connections(proxy: &Proxy, topic: &str, count: usize) -> Vec<(RawConnection, Location)> {
    let mut connections = Vec::new();
    for _ in 0..count {
        let connection = RawConnection::to_leader(&proxy.bootstrap(), topic, 0).await;
        connections.push(connection.expect("the topic has a leader"));
    }
    connections
}
