//! How fast the server is asked, however much is asked for.

use std::collections::BTreeSet;
use std::ops::Range;
use std::time::{Duration, Instant, SystemTime};

use serde_json::{Value, json};
use tests::kms::Fault;
use tests::{Batch, By, Cluster, Location, Proxy, RawConnection, SentRecord, eventually, topic};
use tokio::task::JoinSet;

use super::{Owner, PATIENCE, batch, create};

/// More than half of the least budget of messages, so that no two batches fit into one.
const RECORDS: usize = 600;
/// How long the server is left alone, at least, before one call tries it.
const PAUSE: Duration = Duration::from_secs(2);
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
        times(unwrapped)
    }
}

/// When calls were answered, in their order.
fn times<'a>(calls: impl Iterator<Item = &'a Value>) -> Vec<SystemTime> {
    let at = |time: &str| humantime::parse_rfc3339(time).expect("the server has a clock");
    let mut times: Vec<_> = calls.map(|call| at(call["time"].as_str().unwrap())).collect();
    times.sort_unstable();
    times
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
    // A reader asks for one data key at a time, so no more calls than there are readers come late.
    keeps_to(CAP, CAP + READERS, &times);
}

/// So many calls come at once, as a burst or since they come late, and then at an even pace.
#[expect(clippy::print_stdout, reason = "the figure, for whoever asks by --nocapture")]
fn keeps_to(cap: u32, at_once: u32, times: &[SystemTime]) {
    let mut busiest = 0;
    for (index, first) in times.iter().enumerate() {
        for (last, calls) in times[index..].iter().zip(1_u32..) {
            let time = last.duration_since(*first).unwrap();
            let least = Duration::from_secs(1) * calls.saturating_sub(at_once) / cap;
            assert!(time >= least, "{calls} calls in {time:?}: {times:?}");
            if time < Duration::from_secs(1) {
                busiest = busiest.max(calls);
            }
        }
    }
    let whole = times[times.len() - 1].duration_since(times[0]).unwrap();
    println!("maxCallsPerSecond {cap}: {} calls in {whole:.1?}, at most {busiest} in a second", times.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn however_many_keys_are_tried_the_server_is_called_no_more_often_than_the_cap() {
    const CAP: u32 = 5;
    const KEYS: usize = 15;
    /// Keys that are tried at the same time, by one call after the other.
    const AT_ONCE: u32 = 4;
    let owner = Owner::new().await;
    let policy = owner.many_keys(KEYS).await;
    let builder = Proxy::before(Cluster::shared().await).policy(policy);
    let builder = builder.config("keys", json!({"maxCallsPerSecond": CAP}));
    let proxy = builder.config("keyProviders", owner.key_providers()).start().await;
    assert!(proxy.keys().await.iter().all(|key| key["state"] == "Ready"));
    // Once for each key and process, the provider sees whether another context opens a data key; it must not.
    let times = times(owner.calls().iter().filter(|call| call["error"].is_null()));
    assert!(times.len() >= 2 * KEYS, "each is made and unwrapped");
    // When all of these come late, the turn of the next has come too.
    keeps_to(CAP, AT_ONCE + 1, &times);
}

/// All of them need data keys of their own, of a proxy that has none yet.
#[tokio::test(flavor = "multi_thread")]
async fn many_clients_in_an_outage_make_no_storm_of_calls() {
    const CAP: u32 = 5;
    const READERS: usize = 8;
    const DATA_KEYS: usize = 4 * READERS;
    /// What may be on its way when the server begins to be left alone: a call of each reader, a try of each key.
    const UNDER_WAY: usize = READERS + 2;
    let owner = Owner::new().await;
    let topic = owner.many_data_keys("storm", DATA_KEYS).await;
    owner.faults.set(Fault::Garbage).await;
    let proxy = owner.launch("storm", json!({"maxCallsPerSecond": CAP})).await;
    proxy.wait_unready().await;
    let mut clients = JoinSet::new();
    for (reader, (connection, at)) in connections(&proxy, &topic, READERS).await.into_iter().enumerate() {
        let batches = DATA_KEYS / READERS * reader..DATA_KEYS / READERS * (reader + 1);
        clients.spawn(fetch_until_read(connection, at, batches));
    }
    eventually("the server is left alone", PATIENCE, async || is_left_alone(&proxy).await).await;
    let (calls, pauses) = calls_in_four_pauses(&owner).await;
    println!("{READERS} clients in an outage: {calls} calls in {pauses} pauses");
    assert!((1..=1 + pauses + UNDER_WAY).contains(&calls), "{calls} calls in {pauses} pauses");
    assert!(clients.try_join_next().is_none(), "somebody read what had no data key");

    let before = owner.calls().len();
    owner.faults.set(Fault::None).await;
    let served = tokio::time::timeout(2 * PATIENCE, clients.join_all()).await;
    assert!(served.is_ok(), "those who waited are not served");
    let times = owner.unwrapped_after(before);
    assert_eq!(times.len(), DATA_KEYS, "each is asked for once");
    keeps_to(CAP, CAP + u32::try_from(READERS).unwrap(), &times);
}

/// Asks again and again, for these batches.
async fn fetch_until_read(mut connection: RawConnection, at: Location, batches: Range<usize>) {
    let mut read = batches.start;
    while read < batches.end {
        let offset = i64::try_from(read * RECORDS).unwrap();
        let fetched = connection.fetch(&at, By::Id, offset).await.expect("the connection stays");
        read += fetched.batches().len();
        tokio::time::sleep(BETWEEN).await;
    }
}

async fn is_left_alone(proxy: &Proxy) -> bool {
    let metrics = proxy.metrics().await;
    metrics.sum("topic_encryption_key_calls_total", &[("outcome", "short_circuited")]) > 0.5
}

/// How often the server was called, and how many pauses may have begun meanwhile: the promise is about a time.
async fn calls_in_four_pauses(owner: &Owner) -> (usize, usize) {
    let (start, before) = (Instant::now(), owner.faults.connections());
    tokio::time::sleep(4 * PAUSE).await;
    let calls = owner.faults.connections() - before;
    (calls, usize::try_from(start.elapsed().as_millis() / PAUSE.as_millis()).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_talks_garbage_is_left_alone_but_for_one_call_every_two_seconds() {
    const READERS: usize = 8;
    /// What may be on its way when the server begins to be left alone: a call of each reader and the writer, a try of each key.
    const UNDER_WAY: usize = READERS + 1 + 2;
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
    eventually("the server is left alone", PATIENCE, async || is_left_alone(&proxy).await).await;
    let (calls, pauses) = calls_in_four_pauses(&owner).await;
    println!("{} clients in an outage: {calls} calls in {pauses} pauses", READERS + 1);
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
