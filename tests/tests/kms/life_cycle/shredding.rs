//! A key is gone for ever, and the rule says to go on without what it sealed.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::{Client, Cluster, ConsumeOptions, Pattern, PolicyFile, Proxy, Rule, SentRecord, eventually};

use super::{Owner, PATIENCE, batch, create};

/// How long a key must be gone before consumers pass what it sealed.
const DELAY: Duration = Duration::from_secs(1);

/// All topics of the purpose have this key.
fn policy(key: &str) -> PolicyFile {
    PolicyFile::new([Rule::encrypt([Pattern::prefix("skip.")], key).on_unreadable("Skip")])
}

fn delayed() -> Value {
    json!({"unreadableDelay": format!("{}s", DELAY.as_secs())})
}

#[tokio::test(flavor = "multi_thread")]
async fn consumers_pass_what_a_deleted_key_sealed_and_the_count_is_visible() {
    let owner = Owner::new().await;
    let proxy = Proxy::before(Cluster::shared().await).policy(policy("a"));
    let proxy = proxy.config("keyProviders", owner.key_providers());
    let proxy = proxy.config("keys", delayed()).start().await;
    let topic = create("skip.topic").await;
    for _ in 0..3 {
        proxy.write_batch(&topic, &batch()).await.unwrap();
    }
    proxy.apply_policy(&policy("b")).await;
    proxy.write_batch(&topic, &batch()).await.unwrap();
    owner.server.delete("a").await;
    // From here on the data key is gone from caches.
    proxy.restart().await;

    let kept = [SentRecord::of("some value").key("some key"), SentRecord::of("another value")];
    for client in [Client::Librdkafka, Client::Java] {
        let received = client.consume_all(&ConsumeOptions::from(proxy.bootstrap(), &topic)).await;
        let offsets: Vec<_> = received.iter().map(|record| record.offset).collect();
        assert_eq!(offsets, [6, 7], "{client} goes past three batches of two records");
        assert!(kept.iter().zip(&received).all(|(sent, received)| sent.equals(received)), "{client}");
    }

    let skipped = proxy.metrics().await;
    let skipped = skipped.sum("topic_encryption_unreadable_records_total", &[("replacement", "skipped")]);
    assert!(skipped >= 12.0, "{skipped} records, which two consumers went past");
    let told: Value = serde_json::from_str(&proxy.get("/unreadable").await.unwrap().body).unwrap();
    let entry = &told[0];
    assert_eq!(
        (&entry["topic"], &entry["provider"], &entry["key"]),
        (&json!(topic), &json!("default"), &json!("a"))
    );
    assert!(entry["skipped"].as_u64() >= Some(12), "{entry}");
    let logged = async || proxy.log().contains("recordsUnreadable");
    eventually("the audit log tells", PATIENCE, logged).await;
}

/// What its owner can take back costs consumers no record.
#[tokio::test(flavor = "multi_thread")]
async fn consumers_stop_at_a_version_that_is_disabled_and_go_on_once_it_is_not() {
    let owner = Owner::new().await;
    let proxy = Proxy::before(Cluster::shared().await).policy(policy("a"));
    let proxy = proxy.config("keyProviders", owner.key_providers());
    let proxy = proxy.config("keys", delayed()).start().await;
    let topic = create("skip.version").await;
    proxy.write_batch(&topic, &batch()).await.unwrap();
    owner.server.rotate("a").await;
    owner.server.configure("a", json!({"min_decryption_version": 2})).await;
    proxy.restart().await;
    let began = Instant::now();
    let stops = async || {
        assert_eq!(proxy.read_batches(&topic, 0).await.unwrap_err(), "TOPIC_AUTHORIZATION_FAILED");
        began.elapsed() > DELAY * 3
    };
    eventually("it would have been passed if it were gone", PATIENCE, stops).await;
    owner.server.configure("a", json!({"min_decryption_version": 1})).await;
    let read =
        async || proxy.read_batches(&topic, 0).await.is_ok_and(|batches| batches == [batch().as_sent()]);
    eventually("its records are read", PATIENCE, read).await;
    let skipped = proxy.metrics().await;
    assert!(skipped.sum("topic_encryption_unreadable_records_total", &[]) < 0.5);
}
