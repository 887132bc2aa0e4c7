//! A topic that had data before it was encrypted, and one whose key is lost: what their consumers get, and what the status says.

use std::time::Duration;

use serde_json::{Value, json};
use tests::kubernetes::{Condition, Stage, Topic};
use tests::{Client, ProduceOptions, SentRecord, eventually, eventually_ok};

const PATIENCE: Duration = Duration::from_secs(90);
/// Secrets are not watched; the operator looks at them, and asks proxies, this often.
const LOOKS: &str = "fullReconciliationIntervalMs=5000";
/// 32 bytes each.
const OLD_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const NEW_KEY: &str = "Hx4dHBsaGRgXFhUUExIREA8ODQwLCgkIBwYFBAMCAQA=";

fn lossy() -> Value {
    json!({"topics": [{"prefix": "lost."}], "key": {"name": "lost"}, "onUnreadable": "Skip"})
}

fn adopting() -> Value {
    json!({"topics": [{"prefix": "adopted."}], "key": {"name": "kept"}, "onPlaintext": "PassUntil"})
}

#[tokio::test(flavor = "multi_thread")]
async fn consumers_read_history_and_go_past_records_whose_key_is_lost() {
    let stage = start().await;
    stage.apply_policy("rules", json!([lossy()])).await;
    stage.await_ready("tep/rules").await;
    let [mut adopted, mut lost] = [stage.topic("adopted.orders").await, stage.topic("lost.orders").await];
    let needle = adopted.write().await;
    lost.write().await;
    assert!(adopted.is_clear(&needle).await);

    stage.patch("tep", "rules", json!({"spec": {"rules": [lossy(), adopting()]}})).await;
    // The owner of this Secret, which the operator does not look after, replaces a version for good.
    let replaced = json!({"stringData": {"lost.v2": NEW_KEY}, "data": {"lost.v1": null}});
    stage.patch("secret", "keys", replaced).await;
    stage.await_ready("tep/rules").await;
    history_ends_where_encryption_began(&stage, &mut adopted).await;
    once_history_is_gone_reject_is_safe(&stage, &adopted).await;
    what_is_lost_is_gone_past(&stage, &mut lost).await;
    data_keys_are_replaced_when_asked(&stage, &mut lost).await;
}

/// One proxy with keys of somebody's own Secret, and little patience.
async fn start() -> Stage {
    let stage = Stage::named("going-past").set(LOOKS).start().await;
    let keys = json!({"kept.v1": OLD_KEY, "lost.v1": OLD_KEY});
    let secret =
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "keys"}, "stringData": keys});
    stage.apply(&secret.to_string()).await;
    let proxy = json!({
        "replicas": 1,
        "keyProviders": [{"name": "default", "local": {"secretRef": {"name": "keys"}}}],
        "keys": {"unreadableDelay": "1s"},
        "historySettles": "1s",
    });
    stage.apply_proxy(proxy).await;
    stage
}

async fn history_ends_where_encryption_began(stage: &Stage, topic: &mut Topic<'_>) {
    let known = async || {
        topic.assert_intact().await;
        let told = stage.await_condition("tep", "rules", "History", |_| true).await;
        if told.reason == "NotKnown" { Err(told.to_string()) } else { Ok(told) }
    };
    let told = eventually_ok("the operator knows where history ends", PATIENCE, known).await;
    assert_eq!(told.reason, "RecordsLeft", "{told}");
    assert!(
        told.message.contains("at most 20 clear records") && told.message.contains(topic.name()),
        "{told}"
    );
    let needle = topic.write().await;
    topic.assert_intact().await;
    assert!(!topic.is_clear(&needle).await);

    // Somebody goes round the proxies.
    let properties = Client::Java.tls(&stage.strimzi_trust().await, None);
    let past = ProduceOptions::to(stage.broker(9093), topic.name()).timeout(PATIENCE).properties(&properties);
    Client::Java.produce_all(&past, &[SentRecord::of("injected in clear")]).await;
    let options = stage.from(Client::Java, topic.name()).await.timeout(Duration::from_secs(10));
    let read = Client::Java.consume(&options).await;
    assert_eq!(
        (read.records.len(), read.errors.len()),
        (24, 1),
        "up to it, and then an error: {:?}",
        read.errors
    );
    assert!(stage.metric("topic_encryption_refused_partitions_total").await >= 1.0);
}

/// What retention does in time.
async fn once_history_is_gone_reject_is_safe(stage: &Stage, topic: &Topic<'_>) {
    let properties = Client::Java.tls(&stage.strimzi_trust().await, None);
    let words = ["--topic", topic.name(), "--partition", "0", "--before", "12"].map(str::to_owned);
    stage.admin(&stage.broker(9093), &properties, "delete-records", &words).await;
    // A proxy learns from the answer to a fetch where the log begins.
    let options = stage.from(Client::Java, topic.name()).await.timeout(Duration::from_secs(10));
    let read = Client::Java.consume(&options).await;
    assert_eq!(read.records.len(), 12, "what is sealed: {:?}", read.errors);
    let safe = |told: &Condition| told.reason == "RejectIsSafe";
    let told = stage.await_condition("tep", "rules", "History", safe).await;
    assert!(told.message.contains("onPlaintext: Reject is safe"), "{told}");
}

async fn what_is_lost_is_gone_past(stage: &Stage, topic: &mut Topic<'_>) {
    let past = async || topic.try_read().await == Ok(0);
    eventually("the consumer goes past what is lost", PATIENCE, past).await;
    topic.write().await;
    assert_eq!(topic.try_read().await, Ok(12), "what is written since");
    let gone = |told: &Condition| told.status == "True" && told.reason == "KeyGone";
    stage.await_condition("tep", "rules", "RecordsUnreadable", gone).await;
}

async fn data_keys_are_replaced_when_asked(stage: &Stage, topic: &mut Topic<'_>) {
    let fleet = stage.fleet().await;
    let made = async || {
        let selector = "app.kubernetes.io/name=topic-encryption-proxy";
        let log = stage.kubectl(&["logs", "-l", selector, "--tail=-1"]).await;
        log.lines().filter(|line| line.contains("\"dataKeyInUse\"") && line.contains("\"lost\"")).count()
    };
    let before = made().await;
    stage.kubectl(&["annotate", "tep", "rules", "encryption.strimzi.io/rotate-data-keys=now"]).await;
    stage.await_condition("tep", "rules", "DataKeysRotated", |told| told.status == "True").await;
    // One for the next records, which go out under the one before.
    topic.write().await;
    eventually("there is another data key", PATIENCE, async || made().await > before).await;
    assert_eq!(stage.fleet().await, fleet, "without a restart");
}
