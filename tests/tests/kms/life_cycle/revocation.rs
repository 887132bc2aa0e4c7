//! A key is withdrawn, given back, destroyed.

mod aws;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::{Duration, Instant, SystemTime};

use serde_json::{Value, json};
use tests::{Cluster, Proxy, topic};

use super::stored::stored;
use super::traffic::Traffic;
use super::{Owner, batch, create};

/// The shortest that can be configured.
const DELAY: Duration = Duration::from_secs(30);
/// Beyond it: of the last answer under way, on a machine that is busy.
const MARGIN: Duration = Duration::from_secs(1);
const REFUSED: &str = "TOPIC_AUTHORIZATION_FAILED";

fn times() -> Value {
    json!({"revocationDelay": "30s", "outageGrace": "1h"})
}

/// Two proxies before one topic, in full use: clients write through each, and read what both wrote.
struct Replicas {
    topic: String,
    traffic: [Traffic; 2],
}

impl Replicas {
    async fn start(proxies: &[Proxy; 2], purpose: &str) -> Self {
        let topic = topic(purpose);
        let append_time = [("message.timestamp.type", "LogAppendTime")];
        Cluster::shared().await.create_topic(&topic, 2, &append_time).await;
        let traffic = [
            Traffic::start(&proxies[0], &topic, 2, 0).await,
            Traffic::start(&proxies[1], &topic, 2, 1).await,
        ];
        let replicas = Self { topic, traffic };
        replicas.say(None, None).await;
        replicas
    }

    async fn say(&self, to_writers: Option<&str>, to_readers: Option<&str>) {
        for traffic in &self.traffic {
            traffic.says(to_writers, to_readers).await;
        }
    }

    /// Withdraws what opens and seals so far: that must stop in both within the delay, and not come back after it.
    /// Then `to_writers` is what they are told. Returns what was measured.
    async fn stop_after(
        &self,
        how: &str,
        withdraw: impl Future<Output = ()>,
        to_writers: Option<&str>,
    ) -> String {
        let mut withdrawn = BTreeSet::new();
        for partition in [0, 1] {
            withdrawn.extend(stored(&self.topic, partition).await.into_iter().map(|batch| batch.data_key));
        }
        assert_eq!(withdrawn.len(), 2, "each replica has a data key of its own");
        let (start, clock) = (Instant::now(), SystemTime::now());
        withdraw.await;
        // The promise is about this moment: from here on nothing may be served.
        tokio::time::sleep_until((start + DELAY + MARGIN).into()).await;
        self.say(to_writers, Some(REFUSED)).await;

        let mut told = format!("revocationDelay {DELAY:?}, {how}: last served after");
        for (traffic, partition) in self.traffic.iter().zip([0, 1]) {
            let read = traffic.last_read() - start;
            let batches = stored(&self.topic, partition).await.into_iter();
            let last =
                batches.filter(|batch| withdrawn.contains(&batch.data_key)).map(|batch| batch.at).max();
            // A write of before the withdrawal is as good as one at its time.
            let write = last.expect("it wrote").duration_since(clock).unwrap_or_default();
            write!(told, " {read:.1?} (read) {write:.1?} (write) at replica {partition};").unwrap();
            assert!(read.max(write) <= DELAY + MARGIN, "{told}");
            let errors = traffic.errors();
            assert!(errors.iter().all(|error| error == REFUSED), "{errors:?}");
        }
        told
    }
}

/// All at the same time, since each takes as long as the delay.
/// Conformance: TE-16.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_withdrawn_stops_at_every_replica_within_the_delay_and_works_when_given_back() {
    let told = tokio::join!(
        Box::pin(grant()),
        Box::pin(versions()),
        Box::pin(destroyed_key()),
        Box::pin(aws::disabled_key())
    );
    println!("{}\n{}\n{}\n{}", told.0, told.1, told.2, told.3);
}

async fn grant() -> String {
    let owner = Owner::new().await;
    let proxies = [owner.proxy("revoke", times()).await, owner.proxy("revoke", times()).await];
    let kept = create("revoke.b").await;
    let replicas = Replicas::start(&proxies, "revoke.a").await;
    let told = replicas.stop_after("grant withdrawn in OpenBao", owner.allow(&["b"]), Some(REFUSED)).await;
    for proxy in &proxies {
        proxy.write_batch(&kept, &batch()).await.unwrap();
        proxy.read_batches(&kept, 0).await.unwrap();
    }
    owner.allow(&["a", "b"]).await;
    replicas.say(None, None).await;
    told
}

/// Versions that may not decrypt any more.
async fn versions() -> String {
    let owner = Owner::new().await;
    let proxies = [owner.proxy("least", times()).await, owner.proxy("least", times()).await];
    let replicas = Replicas::start(&proxies, "least.a").await;
    owner.server.rotate("a").await;
    let least = |version: u32| owner.server.configure("a", json!({"min_decryption_version": version}));
    // New data goes on, under the version that is left.
    let told = replicas.stop_after("min_decryption_version raised in OpenBao", least(2), None).await;
    for proxy in &proxies {
        let (key, refused) = refused(proxy).await;
        assert_eq!((&key["key"], &key["state"]), (&json!("a"), &json!("Ready")), "new data goes on: {key}");
        assert_eq!(
            (&refused["topic"], &refused["version"]),
            (&json!(replicas.topic), &json!("1")),
            "{refused}"
        );
        assert!(
            refused["cause"].as_str().unwrap().contains("this version of the key is disabled"),
            "{refused}"
        );
    }
    least(1).await;
    replicas.say(None, None).await;
    for proxy in &proxies {
        assert!(proxy.keys().await.iter().all(|key| key["refused"].is_null()), "it opens again");
    }
    told
}

/// With data keys in memory; nothing gives it back.
async fn destroyed_key() -> String {
    let owner = Owner::new().await;
    let proxies = [owner.proxy("destroy", times()).await, owner.proxy("destroy", times()).await];
    let replicas = Replicas::start(&proxies, "destroy.a").await;
    replicas.stop_after("key deleted in OpenBao", owner.server.delete("a"), Some(REFUSED)).await
}

/// The one thing that a proxy tells is refused to readers, and the key that it is of.
async fn refused(proxy: &Proxy) -> (Value, Value) {
    let keys = proxy.keys().await;
    let mut refused = keys.iter().filter(|key| !key["refused"].is_null());
    let key = refused.next().expect("something is refused");
    assert_eq!((refused.count(), key["refused"].as_array().unwrap().len()), (0, 1), "{keys:?}");
    (key.clone(), key["refused"][0].clone())
}

/// Conformance: P17-15.
#[tokio::test(flavor = "multi_thread")]
async fn a_destroyed_key_makes_exactly_its_topics_unreadable() {
    let owner = Owner::new().await;
    let proxy = owner.proxy("shred", json!({})).await;
    let (shredded, kept) = (create("shred.a").await, create("shred.b").await);
    proxy.write_batch(&shredded, &batch()).await.unwrap();
    proxy.write_batch(&kept, &batch()).await.unwrap();
    owner.server.delete("a").await;
    proxy.restart().await;
    proxy.wait_for_key_state("a", "Refused").await;
    assert_eq!(proxy.read_batches(&shredded, 0).await.unwrap_err(), "TOPIC_AUTHORIZATION_FAILED");
    assert_eq!(proxy.write_batch(&shredded, &batch()).await.unwrap_err(), "TOPIC_AUTHORIZATION_FAILED");
    assert_eq!(proxy.read_batches(&kept, 0).await.unwrap(), [batch().as_sent()]);
    let keys = proxy.keys().await;
    let told = keys.iter().find(|key| key["key"] == "a").unwrap()["message"].as_str().unwrap();
    assert!(told.contains("no such key"), "{told}");
}
