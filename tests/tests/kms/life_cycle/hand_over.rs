//! One data key after the other, while producers write as fast as they can.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use proxy_crypto::EnvelopeHeader;
use serde_json::{Value, json};
use tests::kms::Fault;
use tests::{
    Batch, Client, Cluster, ConsumeOptions, Pattern, Payload, PolicyFile, ProduceOptions, Proxy, Rule,
    SentRecord, assert_same, topic,
};

use super::audit::{answered, data_key_id, events, given_up};
use super::{Owner, create};

/// Three implementations, idempotent all, each with a partition of its own.
const CLIENTS: [Client; 3] = [Client::Librdkafka, Client::Java, Client::Go];

/// What the audit log told of data keys, by their ids.
struct Lives {
    born: BTreeSet<String>,
    /// What each sealed: messages, bytes.
    retired: BTreeMap<String, (u64, u64)>,
}

impl Lives {
    /// Of a proxy that has ended; what it counted must be what the server counted.
    fn of(proxy: &Proxy, owner: &Owner) -> Self {
        let events = events(proxy);
        let of = |event: &'static str| events.iter().filter(move |each| each["event"] == event);
        let id = |event: &Value| event["data_key"].as_str().unwrap().to_owned();
        let made = of("keyProviderCall").filter(|call| call["operation"] == "generate").collect::<Vec<_>>();
        let served = owner.calls();
        let served = served.iter().filter(|call| {
            call["request"]["path"].as_str().is_some_and(|path| path.starts_with("transit/datakey/"))
        });
        let (answered, given_up) = (answered(made.iter().copied()), given_up(made.iter().copied()));
        assert_eq!(answered + given_up, made.len(), "no call failed");
        let served = served.count();
        assert!((answered..=made.len()).contains(&served), "{served} data keys, of {made:?}");
        let number = |event: &Value, field: &str| event[field].as_u64().unwrap();
        let lives = Self {
            born: of("dataKeyInUse").map(id).collect(),
            retired: of("dataKeyRetired")
                .map(|event| (id(event), (number(event, "messages"), number(event, "bytes"))))
                .collect(),
        };
        let made: BTreeSet<_> = made.into_iter().filter(|call| !call["data_key"].is_null()).map(id).collect();
        assert!(lives.born.is_subset(&made), "each comes from the server");
        assert_eq!(lives.retired.keys().cloned().collect::<BTreeSet<_>>(), lives.born, "each ends");
        lives
    }
}

/// Writes with all clients at once, reads everything back through a proxy that has no data key yet, and tells what became of
/// the proxy's data keys.
async fn under_load(purpose: &str, format: &str, times: Value, records: &[SentRecord]) -> Lives {
    let owner = Owner::new().await;
    let rule = Rule::encrypt([Pattern::prefix(purpose)], "a").format(format);
    let builder = Proxy::before(Cluster::shared().await).policy(PolicyFile::new([rule]));
    let builder = builder.config("keyProviders", owner.key_providers()).config("keys", times);
    let proxy = builder.start().await;
    let topic = topic(purpose);
    Cluster::shared().await.create_topic(&topic, 3, &[]).await;

    let write = async |client: Client, partition: i32| {
        let records: Vec<_> = records.iter().map(|record| record.clone().partition(partition)).collect();
        let to = ProduceOptions::to(proxy.bootstrap(), &topic);
        // What one client puts into a batch by itself is more than some budgets have.
        let to = if client == Client::Librdkafka { to } else { to.batch_bytes(16 << 10) };
        let offsets = client.produce_all(&to, &records).await;
        let expected: Vec<_> = (0..).take(records.len()).collect();
        assert_eq!(offsets, expected, "{client}: each record once and in its place");
    };
    tokio::join!(write(CLIENTS[0], 0), write(CLIENTS[1], 1), write(CLIENTS[2], 2));
    let refused = proxy.metrics().await.sum("topic_encryption_refused_partitions_total", &[]);
    assert!(refused < 1.0, "{refused} refused");

    proxy.restart().await;
    for partition in 0..3 {
        let from = ConsumeOptions::from(proxy.bootstrap(), &topic).partition(partition);
        assert_same("read back", records, &Client::Librdkafka.consume_all(&from).await);
    }
    assert!(proxy.terminate().await.success());

    let lives = Lives::of(&proxy, &owner);
    let from = ConsumeOptions::from(Cluster::shared().await.bootstrap(), &topic);
    let mut stored = BTreeSet::new();
    for record in Client::Librdkafka.consume_all(&from).await {
        // Stubs of batch format have none.
        if let Some((_, Some(header))) = record.headers.first() {
            stored.insert(data_key_id(EnvelopeHeader::parse(header).unwrap().wrapped()));
        }
    }
    let used = lives.retired.iter().filter(|(_, (messages, _))| *messages > 0).map(|(id, _)| id.clone());
    assert_eq!(
        used.collect::<BTreeSet<_>>(),
        stored,
        "the data keys at rest are those that sealed something"
    );
    lives
}

#[tokio::test(flavor = "multi_thread")]
async fn budgets_of_messages_that_end_all_the_time_cost_no_record() {
    let records = Payload::new(1).random(12_000, 50);
    let lives = under_load("handover.messages", "Record", json!({"maxMessages": 1024}), &records).await;
    let sealed: u64 = lives.retired.values().map(|(messages, _)| messages).sum();
    assert_eq!(sealed, 36_000);
    println!("{} data keys for {sealed} messages", lives.born.len());
    assert!(lives.born.len() >= 24);
}

/// Conformance: TE-15.
#[tokio::test(flavor = "multi_thread")]
async fn budgets_of_bytes_that_end_all_the_time_cost_no_record() {
    let records = Payload::new(2).random(10_000, 1000);
    let lives = under_load("handover.bytes", "Batch", json!({"maxBytes": 1 << 20}), &records).await;
    let sealed: u64 = lives.retired.values().map(|(_, bytes)| bytes).sum();
    assert!(lives.retired.values().all(|(_, bytes)| *bytes <= 1 << 20), "within the budget");
    println!("{} data keys for {sealed} bytes", lives.born.len());
    assert!(sealed >= 30_000_000 && lives.born.len() >= 30);
}

/// Conformance: TE-B13.
#[tokio::test(flavor = "multi_thread")]
async fn the_next_data_key_of_a_slow_server_is_there_before_this_one_ends() {
    const ROUNDS: usize = 3;
    const LATE: Duration = Duration::from_secs(1);
    let owner = Owner::new().await;
    let proxy = owner.proxy("slow", json!({"maxMessages": 1024})).await;
    let topic = create("slow.a").await;
    Cluster::shared().await.alter_topic(&topic, &[("cleanup.policy", Some("compact"))]).await;
    let records = |count| {
        let records = (0..count).map(|_| SentRecord::of("some value").key("some key"));
        Batch::of(&records.collect::<Vec<_>>())
    };
    let in_use = || events(&proxy).iter().filter(|event| event["event"] == "dataKeyInUse").count();
    let mut slowest = Vec::new();
    proxy.write_batch(&topic, &records(1)).await.unwrap();
    owner.faults.set(Fault::Late(LATE)).await;
    for round in 1..=ROUNDS {
        for _ in 0..8 {
            proxy.write_batch(&topic, &records(100)).await.unwrap();
        }
        let mut slowest_now = Duration::ZERO;
        // From 80% of the budget on the next data key is fetched. At this pace the rest lasts for 10 s, and a data key takes 2 s.
        while in_use() == round {
            let start = Instant::now();
            proxy.write_batch(&topic, &records(1)).await.unwrap();
            slowest_now = slowest_now.max(start.elapsed());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        slowest.push(slowest_now);
    }
    slowest.sort_unstable();
    println!("the slowest of the writes around each of {ROUNDS} hand-overs took {slowest:.1?}");
    // Whoever waits for as much as one of the two answers that a data key takes waits for longer, each time. One pause may be the
    // machine's own.
    assert!(slowest[ROUNDS / 2] < LATE, "{slowest:?}");
    assert!(proxy.terminate().await.success());
    let lives = Lives::of(&proxy, &owner);
    assert_eq!(lives.born.len(), 1 + ROUNDS);
    let left = lives.retired.values().map(|(messages, _)| 1024 - messages);
    assert!(left.clone().all(|left| left > 0), "none was used to its end: {:?}", left.collect::<Vec<_>>());
}
