//! A rule whose topics wait until a later policy says how they are encrypted: nobody writes before everybody reads.

use std::time::{Duration, Instant};

use serde_json::json;
use tests::{
    Client, Cluster, ConsumeOptions, Feed, Pattern, PolicyFile, ProduceOptions, Proxy, Rule, Segments,
    SentRecord, assert_same, canary, eventually, topic,
};

use super::load::end;
use super::{Once, PATIENCE, batch, encrypting, read, write};

fn pending(purpose: &str) -> PolicyFile {
    PolicyFile::new([Rule::pending([Pattern::prefix(purpose)], "reload")])
}

async fn start(policy: PolicyFile) -> Proxy {
    Proxy::before(Cluster::shared().await).policy(policy).start().await
}

async fn create(purpose: &str) -> String {
    let topic = topic(purpose);
    Cluster::shared().await.create_topic(&topic, 1, &[]).await;
    topic
}

async fn refused(proxy: &Proxy) -> f64 {
    proxy.metrics().await.sum("topic_encryption_refused_partitions_total", &[("reason", "pending")])
}

async fn requests(proxy: &Proxy) -> f64 {
    proxy.metrics().await.sum("topic_encryption_frames_total", &[("message", "request")])
}

/// A producer of one record in each batch, which nobody may see refused.
fn java(proxy: &Proxy, topic: &str, sent: &[SentRecord]) -> tokio::task::JoinHandle<Vec<i64>> {
    let options = ProduceOptions::to(proxy.bootstrap(), topic).batch_bytes(1).timeout(2 * PATIENCE);
    let sent = sent.to_vec();
    tokio::spawn(async move { Client::Java.produce_all(&options, &sent).await })
}

fn records(needle: &str) -> Vec<SentRecord> {
    (0..40).map(|index| SentRecord::of(format!("{needle} {index}")).partition(0)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn producers_wait_for_the_policy_that_says_how_and_go_on_under_it() {
    let proxy = start(encrypting(Pattern::prefix("wait."))).await;
    let (streamed, filled) = (create("wait.librdkafka").await, create("wait.java").await);
    let mut feed = Feed::start(&proxy.bootstrap(), &streamed, &[]).await;
    feed.send(50).await;
    eventually("the first records are stored", PATIENCE, async || end(&streamed).await == 50).await;

    proxy.apply_policy(&pending("wait.")).await;
    assert_eq!(proxy.policy().await["pending"], 1);
    let before = requests(&proxy).await;
    feed.send(50).await;
    eventually("librdkafka's request has come", PATIENCE, async || requests(&proxy).await > before).await;
    let needle = canary("waits");
    let sent = records(&needle);
    let (start, before) = (Instant::now(), requests(&proxy).await);
    let stored = java(&proxy, &filled, &sent);
    // ApiVersions, Metadata and InitProducerId come first.
    eventually("Java's requests have come", PATIENCE, async || requests(&proxy).await >= before + 5.0).await;
    assert_eq!((end(&streamed).await, end(&filled).await), (50, 0), "after {:?}", start.elapsed());

    proxy.apply_policy(&encrypting(Pattern::prefix("wait."))).await;
    feed.finish().await;
    assert!(stored.await.unwrap().into_iter().eq(0..40));
    let received = Client::Java.consume_all(&ConsumeOptions::from(proxy.bootstrap(), &filled)).await;
    assert_same("java", &sent, &received);
    let cluster = Cluster::shared().await;
    let search = Segments::of(cluster.topic_dirs(&filled)).search(std::slice::from_ref(&needle)).await;
    assert!(!search.found(0) && search.records > 0, "{search:?}");
    let search =
        Segments::of(cluster.topic_dirs(&streamed)).search(&["of a load that goes on".to_owned()]).await;
    assert!(!search.found(0) && search.records > 0, "{search:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn producers_outlast_refusals_while_their_rule_stays_pending() {
    let proxy = start(pending("outlast-rule.")).await;
    let (streamed, filled) = (create("outlast-rule.librdkafka").await, create("outlast-rule.java").await);
    let mut feed = Feed::start(&proxy.bootstrap(), &streamed, &[]).await;
    feed.send(100).await;
    let sent = records("outlasts");
    let stored = java(&proxy, &filled, &sent);
    eventually("both are refused", PATIENCE, async || refused(&proxy).await >= 2.0).await;
    assert_eq!((end(&streamed).await, end(&filled).await), (0, 0));
    proxy.apply_policy(&encrypting(Pattern::prefix("outlast-rule."))).await;
    feed.finish().await;
    assert!(stored.await.unwrap().into_iter().eq(0..40));
    let received = Client::Java.consume_all(&ConsumeOptions::from(proxy.bootstrap(), &filled)).await;
    assert_same("java", &sent, &received);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_stays_pending_holds_and_then_asks_to_try_again_and_is_never_clear() {
    let proxy = start(pending("stays.")).await;
    let topic = create("stays.a").await;
    let start = Instant::now();
    assert_eq!(write(&proxy, &topic, &batch("held")).await.unwrap_err(), "NOT_ENOUGH_REPLICAS");
    assert!(start.elapsed() >= Duration::from_secs(3), "held for {:?} only", start.elapsed());
    assert!(refused(&proxy).await >= 1.0);
    for policy in [PolicyFile::new([]), PolicyFile::new([Rule::disabled([Pattern::any()])])] {
        proxy.apply_policy(&policy).await;
        for _ in 0..2 {
            let answer = write(&proxy, &topic, &batch("refused")).await;
            assert_eq!(answer.unwrap_err(), "POLICY_VIOLATION");
            proxy.restart().await;
        }
    }
    assert_eq!(end(&topic).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_encrypted_reads_on_while_its_rule_is_pending() {
    let once = Once::encrypted("reads").await;
    once.proxy.apply_policy(&pending("reads.")).await;
    assert_eq!(read(&once.proxy, &once.topic).await.unwrap(), [once.batch.as_sent()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_pending_rules_and_keys_for_reading_are_tried() {
    let policy = pending("tried.").read_key("next").read_key("missing");
    let proxy = Proxy::before(Cluster::shared().await).policy(policy).key("reload", 1).key("next", 1);
    let proxy = proxy.start().await;
    proxy.wait_for_key_state("reload", "Ready").await;
    proxy.wait_for_key_state("next", "Ready").await;
    proxy.wait_for_key_state("missing", "Refused").await;
    let keys = proxy.keys().await;
    let shown: Vec<_> =
        keys.iter().map(|key| (key["key"].as_str().unwrap(), key["topics"].clone())).collect();
    assert_eq!(
        shown,
        [("reload", json!([{"prefix": "tried."}])), ("missing", json!([])), ("next", json!([]))]
    );
}
