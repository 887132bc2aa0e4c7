//! A load that goes on while something changes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tests::{
    Client, Cluster, ConsumeOptions, Feed, Pattern, PolicyFile, Proxy, Rule, Segments, eventually, topic,
};

use super::PATIENCE;

/// The end of the first partition as the broker tells it.
pub(crate) async fn end(topic: &str) -> i64 {
    let (mut connection, at) = Cluster::shared().await.leader(topic, 0).await;
    connection.list_offset(&at, -1).await.unwrap()
}

/// Conformance: P17-07, P17-28, P17-32, TE-08.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_takes_over_under_load_without_loss_duplicate_or_reconnect() {
    const EACH: usize = 12_000;
    const MEANWHILE: usize = 6_000;
    const TOTAL: usize = 2 * EACH + MEANWHILE;
    let cluster = Cluster::shared().await;
    let policy =
        |key| PolicyFile::new([Rule::encrypt([Pattern::prefix("load.")], key).on_plaintext("Reject")]);
    let builder = Proxy::before(cluster).policy(policy("first-key"));
    let proxy = builder.key("first-key", 1).key("second-key", 1).start().await;
    let topic = topic("load.reload");
    cluster.create_topic(&topic, 1, &[]).await;

    let mut feed = Feed::start(&proxy.bootstrap(), &topic, &[]).await;
    let options = ConsumeOptions::from(proxy.bootstrap(), &topic).count(TOTAL);
    let reading =
        tokio::spawn(async move { Client::Java.consume_all(&options.timeout(Duration::from_mins(1))).await });
    feed.send(EACH).await;
    eventually("10,000 records are stored", PATIENCE, async || end(&topic).await >= 10_000).await;
    let decrypted = async || proxy.metrics().await.sum("topic_encryption_decrypted_records_total", &[]);
    eventually("the consumer reads", PATIENCE, async || decrypted().await >= 1_000.0).await;
    let opened = proxy.metrics().await.sum("topic_encryption_connections_total", &[]);

    let before = end(&topic).await;
    let done = AtomicBool::new(false);
    let reload = async {
        proxy.apply_policy(&policy("second-key")).await;
        done.store(true, Ordering::Relaxed);
    };
    let load = async {
        while !done.load(Ordering::Relaxed) && feed.sent() < EACH + MEANWHILE {
            feed.send(50).await;
            // The pace of the load, not a condition.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::join!(reload, load);
    let sent = i64::try_from(feed.sent()).unwrap();
    eventually("nothing is under way", PATIENCE, async || end(&topic).await == sent).await;
    feed.send(TOTAL - feed.sent()).await;
    feed.finish().await;
    let received = reading.await.unwrap();

    assert!(received.iter().map(|record| record.offset).eq(0..i64::try_from(TOTAL).unwrap()));
    let out_of_place = (0..)
        .zip(&received)
        .find(|(index, record)| record.value.as_deref() != Some(Feed::value(*index).as_bytes()));
    assert_eq!(out_of_place, None);
    let metrics = proxy.metrics().await;
    let closed = metrics.sum("topic_encryption_connections_closed_total", &[]);
    let total = metrics.sum("topic_encryption_connections_total", &[]);
    assert_eq!((closed, total), (0.0, opened), "connections closed and opened");
    assert!(before >= 10_000 && i64::try_from(TOTAL).unwrap() - sent >= 10_000);
    let mut switched = 0;
    for stored in Segments::of(cluster.topic_dirs(&topic)).dump().await {
        let names = |key: &str| {
            let mut headers = stored.records[0].headers.iter();
            headers.any(|(_, value)| value.as_ref().is_some_and(|value| contains(value, key)))
        };
        let at = stored.base_offset;
        assert!(names("first-key") != names("second-key"), "one key at {at}: {stored:?}");
        assert!(at >= before || names("first-key"), "the first key at {at}");
        assert!(at < sent || names("second-key"), "the second key at {at}");
        switched += u32::from(at >= sent);
    }
    assert!(switched > 0, "batches were written after the reload");
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}
