//! Keys come, go and change while the proxy runs: each failure stays with the topics of its key and passes with its cause.

mod at_brokers;
mod audit;
pub(crate) mod outage;
mod secrecy;
mod share_groups;
mod unreadable;

use std::fs;
use std::time::Duration;

use tests::{
    Batch, Client, Cluster, KafkaErrorName, Pattern, PolicyFile, ProduceOptions, Proxy, Rule, Segments,
    SentRecord, eventually, eventually_ok, topic,
};

const PATIENCE: Duration = Duration::from_secs(30);

/// A proxy whose topics `PURPOSE.a…` and `PURPOSE.b…` have the keys a and b.
async fn start(purpose: &str) -> Proxy {
    let cluster = Cluster::shared().await;
    Proxy::before(cluster).policy(two_keys(purpose)).start().await
}

fn two_keys(purpose: &str) -> PolicyFile {
    let rule =
        |key: &str| Rule::encrypt([Pattern::prefix(&format!("{purpose}.{key}"))], key).on_plaintext("Reject");
    PolicyFile::new([rule("a"), rule("b")])
}

async fn create(purpose: &str) -> String {
    let topic = topic(purpose);
    Cluster::shared().await.create_topic(&topic, 1, &[]).await;
    topic
}

async fn write(proxy: &Proxy, topic: &str, batch: &Batch) -> Result<(), KafkaErrorName> {
    proxy.write_batch(topic, batch).await
}

async fn read(proxy: &Proxy, topic: &str, offset: i64) -> Result<Vec<Batch>, KafkaErrorName> {
    proxy.read_batches(topic, offset).await
}

/// Writes a batch to a topic and reads all.
async fn works(proxy: &Proxy, topic: &str, batches: usize) {
    write(proxy, topic, &batch()).await.unwrap();
    assert_eq!(read(proxy, topic, 0).await.unwrap(), vec![batch().as_sent(); batches]);
}

fn batch() -> Batch {
    Batch::of(&[SentRecord::of("some value").key("some key"), SentRecord::of("another value")])
}

async fn key_reloads(proxy: &Proxy, outcome: &str) -> f64 {
    let metrics = proxy.metrics().await;
    metrics.sum("topic_encryption_key_reloads_total", &[("outcome", outcome)])
}

/// Conformance: P17-15.
#[tokio::test(flavor = "multi_thread")]
async fn a_removed_key_refuses_its_topics_only_and_all_comes_back_with_it() {
    let proxy = start("gone").await;
    let (of_a, of_b) = (create("gone.a").await, create("gone.b").await);
    works(&proxy, &of_a, 1).await;
    works(&proxy, &of_b, 1).await;
    let text = proxy.remove_key("a", 1);
    proxy.wait_for_key_state("a", "Refused").await;
    assert_eq!(write(&proxy, &of_a, &batch()).await.unwrap_err(), "TOPIC_AUTHORIZATION_FAILED");
    assert_eq!(read(&proxy, &of_a, 0).await.unwrap_err(), "TOPIC_AUTHORIZATION_FAILED");
    works(&proxy, &of_b, 2).await;
    let clients = [Client::Java, Client::Librdkafka];
    for client in clients {
        let options = ProduceOptions::to(proxy.bootstrap(), &of_a);
        let answers = client.produce(&options, &[SentRecord::of("refused").partition(0)]).await;
        assert_eq!(answers[0].clone().unwrap_err(), "TOPIC_AUTHORIZATION_FAILED", "{client}");
    }
    proxy.restore_key("a", 1, &text);
    proxy.wait_for_key_state("a", "Ready").await;
    works(&proxy, &of_a, 2).await;
}

/// Conformance: TE-B11.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_comes_late_makes_its_topics_work() {
    let cluster = Cluster::shared().await;
    let proxy = Proxy::before(cluster).policy(two_keys("late")).key("b", 1).start().await;
    let topic = create("late.a").await;
    proxy.wait_for_key_state("a", "Refused").await;
    assert_eq!(write(&proxy, &topic, &batch()).await.unwrap_err(), "TOPIC_AUTHORIZATION_FAILED");
    proxy.write_key("a", 1);
    proxy.wait_for_key_state("a", "Ready").await;
    works(&proxy, &topic, 1).await;
}

/// Conformance: P17-22, TE-16.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_version_seals_new_data_and_old_data_reads_on() {
    let proxy = start("rotated").await;
    let topic = create("rotated.a").await;
    works(&proxy, &topic, 1).await;
    proxy.write_key("a", 2);
    let loaded = async || key_reloads(&proxy, "loaded").await >= 1.0;
    eventually("the new version is loaded", PATIENCE, loaded).await;
    works(&proxy, &topic, 2).await;

    proxy.remove_key("a", 1);
    let old =
        async || read(&proxy, &topic, 0).await.is_err_and(|error| error == "TOPIC_AUTHORIZATION_FAILED");
    eventually("what the old version sealed is refused", PATIENCE, old).await;
    let new = read(&proxy, &topic, 2).await.unwrap();
    assert_eq!(new, [batch().as_sent()], "what the new version sealed needs the old one no more");
}

/// Conformance: TE-B12.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_file_of_no_use_is_told_and_the_others_work() {
    let cluster = Cluster::shared().await;
    let proxy = Proxy::before(cluster).policy(two_keys("broken")).key("b", 1).start().await;
    proxy.write_file("keys/a.v1", "this is no key");
    let told = async || {
        let keys = proxy.keys().await;
        let key = keys.iter().find(|key| key["key"] == "a").cloned().unwrap_or_default();
        let message = key["message"].as_str().unwrap_or_default();
        if message.contains("a.v1") && message.contains("base64") { Ok(()) } else { Err(key) }
    };
    eventually_ok("/keys names the file and what is wrong", PATIENCE, told).await;
    assert!(key_reloads(&proxy, "failed").await >= 1.0, "the metric counts it");
    let (of_a, of_b) = (create("broken.a").await, create("broken.b").await);
    assert_eq!(write(&proxy, &of_a, &batch()).await.unwrap_err(), "TOPIC_AUTHORIZATION_FAILED");
    works(&proxy, &of_b, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_file_that_is_spoiled_counts_with_what_it_held_before() {
    let proxy = start("spoiled").await;
    let topic = create("spoiled.a").await;
    works(&proxy, &topic, 1).await;
    proxy.write_file("keys/a.v1", "this is no key");
    eventually("the metric counts it", PATIENCE, async || key_reloads(&proxy, "failed").await >= 1.0).await;
    let logged = async || proxy.log().lines().any(|line| line.contains("WARN") && line.contains("a.v1"));
    eventually("the log names the file", PATIENCE, logged).await;
    works(&proxy, &topic, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_key_keeps_nobody_from_being_ready() {
    let cluster = Cluster::shared().await;
    let proxy = Proxy::before(cluster).policy(two_keys("missing")).key("b", 1).start().await;
    proxy.wait_for_key_state("a", "Refused").await;
    proxy.wait_for_key_state("b", "Ready").await;
    works(&proxy, &create("missing.b").await, 1).await;
}

/// TE-B07: names that differ by case are two topics, with two keys.
#[tokio::test(flavor = "multi_thread")]
async fn topics_that_differ_by_case_have_keys_of_their_own() {
    let cluster = Cluster::shared().await;
    let [upper, lower] = ["Orders", "orders"].map(|name| format!("case-{name}"));
    let rule = |topic: &str, key: &str| Rule::encrypt([Pattern::name(topic)], key).on_plaintext("Reject");
    let policy = PolicyFile::new([rule(&upper, "a"), rule(&lower, "b")]);
    let proxy = Proxy::before(cluster).policy(policy).start().await;
    for topic in [&upper, &lower] {
        cluster.create_topic(topic, 1, &[]).await;
        works(&proxy, topic, 1).await;
    }
    proxy.remove_key("a", 1);
    proxy.wait_for_key_state("a", "Refused").await;
    assert_eq!(read(&proxy, &upper, 0).await.unwrap_err(), "TOPIC_AUTHORIZATION_FAILED");
    assert_eq!(write(&proxy, &upper, &batch()).await.unwrap_err(), "TOPIC_AUTHORIZATION_FAILED");
    works(&proxy, &lower, 2).await;
    for topic in [&upper, &lower] {
        let search = Segments::of(cluster.topic_dirs(topic)).search(&["some value"]).await;
        assert!(search.batches.values().sum::<u64>() > 0 && !search.found(0), "{topic} is clear: {search:?}");
    }
}

/// P17-31: nothing of where keys are stands with the data, so the same keys are as good at another place.
#[tokio::test(flavor = "multi_thread")]
async fn keys_may_move_to_another_folder() {
    let proxy = start("moved").await;
    let topic = create("moved.a").await;
    works(&proxy, &topic, 1).await;
    assert!(proxy.terminate().await.success());
    fs::rename(proxy.keys_folder(), proxy.folder().join("elsewhere")).unwrap();
    let config = fs::read_to_string(proxy.folder().join("proxy.yaml")).unwrap();
    let moved = config.replace(r#""directory":"keys""#, r#""directory":"elsewhere""#);
    assert_ne!(moved, config);
    proxy.write_file("proxy.yaml", &moved);
    proxy.start().await;
    works(&proxy, &topic, 2).await;
}

/// P17-31: other keys under the same names are no move, and the audit log says what they are.
#[tokio::test(flavor = "multi_thread")]
async fn a_folder_with_other_keys_of_the_same_names_opens_nothing_and_is_told() {
    let proxy = start("swapped").await;
    let topic = create("swapped.a").await;
    works(&proxy, &topic, 1).await;
    assert!(proxy.terminate().await.success());
    let key = proxy.remove_key("a", 1);
    proxy.write_key("a", 1);
    proxy.start().await;
    proxy.wait_for_key_state("a", "Ready").await;
    assert_eq!(read(&proxy, &topic, 0).await.unwrap_err(), "CORRUPT_MESSAGE");
    let told = async || {
        proxy.log().lines().any(|line| {
            line.contains("\"keyProviderCall\"") && line.contains("was wrapped by another key of this name")
        })
    };
    eventually("the audit log tells of the other key", PATIENCE, told).await;

    proxy.remove_key("a", 1);
    proxy.restore_key("a", 1, &key);
    let opens = async || read(&proxy, &topic, 0).await.is_ok_and(|read| read == [batch().as_sent()]);
    eventually("set back, all is well", PATIENCE, opens).await;
}
