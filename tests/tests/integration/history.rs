//! A topic that already has data is adopted: what was written in clear before is read, and nothing written in clear since.

use std::time::Duration;

use kafka_protocol::messages::create_partitions_request::CreatePartitionsTopic;
use kafka_protocol::messages::{CreatePartitionsRequest, TopicName};
use kafka_protocol::protocol::StrBytes;
use serde_json::{Value, json};
use tests::{
    Batch, By, Client, Cluster, ConsumeOptions, Feed, KafkaErrorName, Pattern, PolicyFile, ProduceOptions,
    Proxy, RawConnection, Rule, SentRecord, assert_same, eventually, eventually_ok, topic,
};

use crate::reload::load::end;
use crate::tampering::share::{fetch_all, join};

const PATIENCE: Duration = Duration::from_secs(40);
const CORRUPT: &str = "CORRUPT_MESSAGE";

/// A proxy without a rule for these topics yet.
async fn start() -> Proxy {
    Proxy::before(Cluster::shared().await).policy(PolicyFile::new([])).key("k", 1).start().await
}

fn adopting(prefix: &str) -> PolicyFile {
    let rule = Rule::encrypt([Pattern::prefix(prefix)], "k").on_plaintext("PassUntil");
    PolicyFile::new([rule])
}

async fn create(purpose: &str, partitions: i32) -> String {
    let topic = topic(purpose);
    Cluster::shared().await.create_topic(&topic, partitions, &[]).await;
    topic
}

fn records(what: &str, partitions: i32) -> Vec<SentRecord> {
    let record = |index: i32| {
        SentRecord::of(format!("{what} {index}")).key(format!("{index}")).partition(index % partitions)
    };
    (0..12 * partitions).map(record).collect()
}

/// Writes through a proxy, with a client that gives up at the first error.
async fn write(proxy: &Proxy, topic: &str, records: &[SentRecord]) {
    Client::Java.produce_all(&ProduceOptions::to(proxy.bootstrap(), topic), records).await;
}

/// Stores a clear batch on the broker, as somebody who goes round the proxies does. Returns its offset.
async fn inject(topic: &str, partition: i32) -> i64 {
    let cluster = Cluster::shared().await;
    let stored = async || {
        let (mut direct, at) = cluster.leader(topic, partition).await;
        let batch = Batch::of(&[SentRecord::of("injected in clear")]);
        let appended = direct.produce(&at, By::Id, batch).await.unwrap();
        // A partition that was just made may not know its leader yet.
        appended.error.map_or(Ok(appended.base_offset), |error| Err(error.to_string()))
    };
    eventually_ok("the broker stores it", PATIENCE, stored).await
}

/// What a raw fetch of a partition gets from this offset on.
async fn fetch(proxy: &Proxy, topic: &str, partition: i32, offset: i64) -> Result<usize, KafkaErrorName> {
    let (mut connection, at) = RawConnection::to_leader(&proxy.bootstrap(), topic, partition).await.unwrap();
    let fetched = connection.fetch(&at, By::Id, offset).await.unwrap();
    let batches = fetched.batches().len();
    fetched.error.map_or(Ok(batches), Err)
}

async fn known(proxy: &Proxy, topic: &str) -> Option<Value> {
    proxy.history().await.into_iter().find(|entry| entry["topic"] == topic)
}

/// Reads the topic until the proxy has learned where its history ends.
async fn learned(proxy: &Proxy, topic: &str) -> Value {
    let learned = async || {
        let _ = fetch(proxy, topic, 0, 0).await;
        let known = known(proxy, topic).await;
        let is_whole = |known: &Value| !known["until"].as_array().unwrap().contains(&json!(-1));
        known.clone().filter(is_whole).ok_or_else(|| format!("{known:?}"))
    };
    eventually_ok("it is known where history ends", PATIENCE, learned).await
}

/// Conformance: P17-30, TE-B08.
#[tokio::test(flavor = "multi_thread")]
async fn history_is_read_and_what_is_written_in_clear_afterwards_is_refused() {
    let proxy = start().await;
    let topic = create("adopted", 2).await;
    let history = records("history", 2);
    write(&proxy, &topic, &history).await;
    proxy.apply_policy(&adopting("adopted")).await;
    let told = learned(&proxy, &topic).await;
    assert_eq!(told["until"], json!([12, 12]), "all partitions of one broker at once");
    let sealed = records("sealed", 2);
    write(&proxy, &topic, &sealed).await;
    for client in Client::ALL {
        for partition in 0..2 {
            let options = ConsumeOptions::from(proxy.bootstrap(), &topic).partition(partition);
            let of = |all: &[SentRecord]| -> Vec<SentRecord> {
                all.iter().filter(|record| record.partition == Some(partition)).cloned().collect()
            };
            let expected: Vec<_> = of(&history).into_iter().chain(of(&sealed)).collect();
            assert_same(&format!("{client}"), &expected, &client.consume_all(&options).await);
        }
    }
    let injected = inject(&topic, 0).await;
    assert_eq!(fetch(&proxy, &topic, 0, injected).await.unwrap_err(), CORRUPT);
    assert!(fetch(&proxy, &topic, 0, 0).await.is_ok(), "history still passes");
    let options =
        ConsumeOptions::from(proxy.bootstrap(), &topic).partition(0).timeout(Duration::from_secs(8));
    let consumed = Client::Java.consume(&options).await;
    assert_eq!(consumed.records.len(), 24, "up to what was injected");
    assert_eq!(consumed.errors.len(), 1, "and then an error: {:?}", consumed.errors);

    proxy.restart().await;
    assert_eq!(known(&proxy, &topic).await.unwrap()["until"], json!([12, 12]));
    assert_eq!(fetch(&proxy, &topic, 0, injected).await.unwrap_err(), CORRUPT, "at once after a restart");
    assert!(fetch(&proxy, &topic, 0, 0).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_write_through_the_proxy_ends_history() {
    let proxy = start().await;
    let topic = create("written", 1).await;
    write(&proxy, &topic, &records("history", 1)).await;
    proxy.apply_policy(&adopting("written")).await;
    // Nobody reads.
    let ended = async || {
        write(&proxy, &topic, &[SentRecord::of("sealed").partition(0)]).await;
        let told = known(&proxy, &topic).await;
        told.clone().filter(|told| told["until"][0] != -1).ok_or_else(|| format!("{told:?}"))
    };
    let told = eventually_ok("a write tells where history ends", PATIENCE, ended).await;
    let until = told["until"][0].as_i64().unwrap();
    assert_eq!(until, end(&topic).await - 1, "before the write that asked");
    let injected = inject(&topic, 0).await;
    assert_eq!(fetch(&proxy, &topic, 0, injected).await.unwrap_err(), CORRUPT);
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_go_on_over_the_change_lose_nothing() {
    let proxy = start().await;
    let topic = create("flowing", 1).await;
    let mut feed = Feed::start(&proxy.bootstrap(), &topic, &[]).await;
    feed.send(100).await;
    let mut reading = Vec::new();
    for client in Client::ALL {
        let options = ConsumeOptions::from(proxy.bootstrap(), &topic).count(900).timeout(2 * PATIENCE);
        let read = tokio::spawn(async move { client.consume_all(&options).await });
        reading.push((client, read));
    }
    eventually("the first records are stored", PATIENCE, async || end(&topic).await == 100).await;
    feed.send(200).await;
    proxy.apply_policy(&adopting("flowing")).await;
    feed.send(100).await;
    let told = async || {
        let told = known(&proxy, &topic).await;
        told.clone()
            .filter(|told| told["until"][0].as_i64().is_some_and(|until| until > 0))
            .ok_or_else(|| format!("{told:?}"))
    };
    eventually_ok("consumers alone tell where history ends", PATIENCE, told).await;
    feed.send(500).await;
    let sent = feed.sent();
    feed.finish().await;
    for (client, read) in reading {
        assert_same(&format!("{client}"), &Feed::records(sent), &read.await.unwrap());
    }
}

/// Two proxies, each of which would have found another end, and one policy that tells both the lower one.
#[tokio::test(flavor = "multi_thread")]
async fn proxies_that_are_told_the_same_agree() {
    let first = start().await;
    let topic = create("agreed", 1).await;
    write(&first, &topic, &records("history", 1)).await;
    first.apply_policy(&adopting("agreed")).await;
    let told = learned(&first, &topic).await;
    assert_eq!(told["until"], json!([12]));
    let injected = inject(&topic, 0).await;

    let external = json!({"file": "policy.yaml", "ledger": "external", "historySettles": "1s"});
    let second = Proxy::before(Cluster::shared().await).policy(adopting("agreed")).config("policy", external);
    let second = second.start().await;
    assert_eq!(learned(&second, &topic).await["until"], json!([13]), "it was asked later");
    assert!(fetch(&second, &topic, 0, injected).await.is_ok());
    let history = json!([{"topic": topic, "id": told["id"], "until": told["until"]}]);
    second.apply_policy(&adopting("agreed").history(history)).await;
    assert_eq!(fetch(&second, &topic, 0, injected).await.unwrap_err(), CORRUPT);
    second.restart().await;
    assert_eq!(fetch(&second, &topic, 0, injected).await.unwrap_err(), CORRUPT, "told again with the policy");
    assert!(fetch(&second, &topic, 0, 0).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_made_anew_and_a_partition_added_later_have_no_history() {
    let proxy = start().await;
    let cluster = Cluster::shared().await;
    let topic = create("anew", 1).await;
    write(&proxy, &topic, &records("history", 1)).await;
    proxy.apply_policy(&adopting("anew")).await;
    learned(&proxy, &topic).await;

    let more = CreatePartitionsTopic::default()
        .with_name(TopicName(StrBytes::from_string(topic.clone())))
        .with_count(2)
        .with_assignments(None);
    let request = CreatePartitionsRequest::default().with_topics(vec![more]).with_timeout_ms(20_000);
    let answer = cluster.admin().await.call(&request, 3).await.unwrap();
    assert_eq!(answer.results[0].error_code, 0, "{answer:?}");
    let injected = inject(&topic, 1).await;
    assert_eq!(fetch(&proxy, &topic, 1, injected).await.unwrap_err(), CORRUPT);
    assert!(fetch(&proxy, &topic, 0, 0).await.is_ok());

    cluster.delete_topic(&topic).await;
    let made = async || {
        let mut connection = cluster.admin().await;
        connection.locate(&topic, 0).await.is_err()
    };
    eventually("the topic is gone", PATIENCE, made).await;
    cluster.create_topic(&topic, 1, &[]).await;
    let injected = inject(&topic, 0).await;
    let refused = async || fetch(&proxy, &topic, 0, injected).await.is_err_and(|error| error == CORRUPT);
    eventually("nothing clear passes of the new topic", PATIENCE, refused).await;
    let entries = proxy.history().await.into_iter().filter(|entry| entry["topic"] == topic);
    assert_eq!(entries.count(), 1, "what a broker says of new ids is not remembered");
}

#[tokio::test(flavor = "multi_thread")]
async fn share_groups_get_history_and_nothing_clear_since() {
    let proxy = start().await;
    let topic = create("shared", 2).await;
    write(&proxy, &topic, &records("history", 2)).await;
    proxy.apply_policy(&adopting("shared")).await;
    learned(&proxy, &topic).await;
    inject(&topic, 1).await;
    let (mut connection, at) = RawConnection::to_leader(&proxy.bootstrap(), &topic, 0).await.unwrap();
    let member = join(&mut connection, &at, 2).await;
    let answered = fetch_all(&mut connection, &member, &at, &[0, 1]).await;
    assert_eq!(answered[0].error_code, 0);
    assert_eq!(answered[0].acquired_records[0].last_offset, 11);
    assert_eq!(answered[1].error_code, 2, "a partition is delivered as a whole or not at all");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_told_how_much_history_is_left_and_when_none_is() {
    let proxy = start().await;
    let topic = create("leaving", 1).await;
    write(&proxy, &topic, &records("history", 1)).await;
    proxy.apply_policy(&adopting("leaving")).await;
    learned(&proxy, &topic).await;
    let left = async |records: u64| {
        let _ = fetch(&proxy, &topic, 0, 11).await;
        let told = known(&proxy, &topic).await.unwrap();
        if told["left"] == records { Ok(told) } else { Err(told) }
    };
    let told = eventually_ok("all is left", PATIENCE, async || left(12).await).await;
    assert_eq!(told["rejectIsSafe"], false);
    let gauge = async || proxy.metrics().await.sum("topic_encryption_history_records", &[]);
    assert!((gauge().await - 12.0).abs() < 0.5);

    write(&proxy, &topic, &[SentRecord::of("sealed").partition(0)]).await;
    let bootstrap = Cluster::shared().await.bootstrap();
    let words = ["delete-records", "--bootstrap", &bootstrap, "--topic", &topic].into_iter().chain([
        "--partition",
        "0",
        "--before",
        "12",
    ]);
    let words = words.map(str::to_owned).collect();
    let outcome = Client::Java.command("admin", words, ("records", Vec::new()), PATIENCE).await;
    assert_eq!(outcome.code, 0, "{outcome}");
    let told = async || {
        let _ = fetch(&proxy, &topic, 0, 12).await;
        let told = known(&proxy, &topic).await.unwrap();
        if told["left"] == 0 { Ok(told) } else { Err(told) }
    };
    let told = eventually_ok("nothing is left", PATIENCE, told).await;
    assert_eq!(told["rejectIsSafe"], true);
}
