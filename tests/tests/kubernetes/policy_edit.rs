//! A policy edit while clients go on.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::kubernetes::Stage;
use tests::{Client, ConsumeOptions, Feed, assert_same, eventually};

const PATIENCE: Duration = Duration::from_mins(1);
/// Records before the edit.
const BEFORE: usize = 2_000;
/// The most during the edit, at about two hundred a second.
const MEANWHILE: usize = 18_000;
/// In all.
const TOTAL: usize = BEFORE + MEANWHILE + 500;

fn rules(keys: &[&str]) -> Value {
    keys.iter().map(|key| json!({"topics": [{"prefix": format!("{key}.")}], "key": {"name": key}})).collect()
}

/// Conformance: P17-28.
#[tokio::test(flavor = "multi_thread")]
async fn an_edit_reaches_every_proxy_and_no_client_notices() {
    let stage = Stage::named("policy-edit").start().await;
    stage.apply_policy("payments", rules(&["payments"])).await;
    stage.await_ready("tep/payments").await;
    let fleet = stage.await_fleet(2).await;
    let loaded = stage.topic("payments.orders").await;
    let newly = stage.topic("audit.log").await;

    let properties = stage.tls(Client::Librdkafka).await;
    let mut feed = Feed::start(&stage.bootstrap(), loaded.name(), &properties).await;
    let mut audit = Feed::start(&stage.bootstrap(), newly.name(), &properties).await;
    let options = stage.from(Client::Java, loaded.name()).await.count(TOTAL);
    let reading = tokio::spawn(read(options));
    feed.send(BEFORE).await;
    audit.send(100).await;
    let decrypted = async || stage.metric("topic_encryption_decrypted_records_total").await;
    eventually("the consumer reads", PATIENCE, async || decrypted().await >= 1_000.0).await;
    let before = stage.ended_connections().await;

    let done = AtomicBool::new(false);
    let edit = async {
        let start = Instant::now();
        let rules = rules(&["payments", "audit"]);
        stage.patch("tep", "payments", json!({"spec": {"rules": rules}})).await;
        stage.await_ready("tep/payments").await;
        done.store(true, Ordering::Relaxed);
        println!("from the edit to 2/2 loaded {:.1} s", start.elapsed().as_secs_f64());
    };
    let load = async {
        while !done.load(Ordering::Relaxed) && feed.sent() < BEFORE + MEANWHILE {
            feed.send(10).await;
            audit.send(1).await;
            // The pace of the load, not a condition.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::join!(edit, load);
    for (pod, policy) in stage.loaded().await {
        assert_eq!((&policy["rules"], &policy["pending"]), (&json!(2), &json!(0)), "{pod}");
    }
    assert!(stage.ended_connections().await <= before, "connections ended during the edit");
    audit.send(20).await;
    feed.send(TOTAL - feed.sent()).await;
    let audited = audit.sent();
    feed.finish().await;
    audit.finish().await;
    assert_same("the load", &Feed::records(TOTAL), &reading.await.unwrap());
    assert!(
        stage.metric("topic_encryption_connections_closed_total").await < 1.0,
        "connections were cut off"
    );
    assert_eq!(stage.fleet().await, fleet);

    let read = read(stage.from(Client::Java, newly.name()).await).await;
    assert_same("the topic that the edit is about", &Feed::records(audited), &read);
    let encrypted = newly.encrypted().await;
    assert!(encrypted.is_sorted() && !encrypted[0] && encrypted[encrypted.len() - 1], "{encrypted:?}");
    assert!(loaded.encrypted().await.into_iter().all(|batch| batch));

    let [mut matched, mut unmatched] = [stage.topic("audit.first").await, stage.topic("other.first").await];
    let needles = (matched.write().await, unmatched.write().await);
    let clear = (matched.is_clear(&needles.0).await, unmatched.is_clear(&needles.1).await);
    assert_eq!(clear, (false, true), "a topic that matches, and one that does not");
}

async fn read(options: ConsumeOptions) -> Vec<tests::ReceivedRecord> {
    Client::Java.consume_all(&options.timeout(Duration::from_mins(2))).await
}
