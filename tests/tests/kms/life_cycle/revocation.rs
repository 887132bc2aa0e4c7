//! A key is withdrawn, given back, destroyed.

use std::time::{Duration, Instant};

use serde_json::json;
use tests::{Proxy, eventually};

use super::{Owner, PATIENCE, batch, create};

/// The shortest that can be configured.
const DELAY: Duration = Duration::from_secs(30);
/// Of a look at a proxy that still works.
const LOOK: Duration = Duration::from_secs(1);

/// When a proxy last let somebody read and write.
struct Last {
    read: Instant,
    write: Instant,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawn_key_stops_every_replica_within_the_delay_and_a_key_given_back_works() {
    let owner = Owner::new().await;
    let times = json!({"revocationDelay": "30s", "outageGrace": "1h"});
    let replicas = [owner.proxy("revoke", times.clone()).await, owner.proxy("revoke", times).await];
    let (withdrawn, kept) = (create("revoke.a").await, create("revoke.b").await);
    for proxy in &replicas {
        proxy.write_batch(&withdrawn, &batch()).await.unwrap();
        proxy.write_batch(&kept, &batch()).await.unwrap();
    }
    for proxy in &replicas {
        assert_eq!(
            proxy.read_batches(&withdrawn, 0).await.unwrap().len(),
            2,
            "each has the other's data key too"
        );
    }

    owner.allow(&["b"]).await;
    let start = Instant::now();
    let mut slowest = Duration::ZERO;
    let (first, second) = tokio::join!(watch(&replicas[0], &withdrawn), watch(&replicas[1], &withdrawn));
    for last in [first, second] {
        slowest = slowest.max(last.read.max(last.write) - start);
    }
    println!("last read or write {slowest:?} after the key was withdrawn; revocationDelay is {DELAY:?}");
    assert!(slowest <= DELAY + LOOK, "{slowest:?}");
    for proxy in &replicas {
        proxy.write_batch(&kept, &batch()).await.unwrap();
        proxy.read_batches(&kept, 0).await.unwrap();
    }

    owner.allow(&["a", "b"]).await;
    for proxy in &replicas {
        let works = async || {
            proxy.write_batch(&withdrawn, &batch()).await.is_ok()
                && proxy.read_batches(&withdrawn, 0).await.is_ok()
        };
        eventually("the key works again", PATIENCE, works).await;
    }
}

/// Reads and writes until neither works any more.
async fn watch(proxy: &Proxy, topic: &str) -> Last {
    let mut last = Last { read: Instant::now(), write: Instant::now() };
    loop {
        let (read, write) = (proxy.read_batches(topic, 0).await, proxy.write_batch(topic, &batch()).await);
        let now = Instant::now();
        match &read {
            Ok(_) => last.read = now,
            Err(error) => assert_eq!(*error, "TOPIC_AUTHORIZATION_FAILED"),
        }
        match &write {
            Ok(()) => last.write = now,
            Err(error) => assert_eq!(*error, "TOPIC_AUTHORIZATION_FAILED"),
        }
        if read.is_err() && write.is_err() {
            return last;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

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
