//! A key gets a new version.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::{Proxy, eventually};

use super::{Owner, PATIENCE, batch, create, policy};

/// The shortest that can be configured.
const AGE: Duration = Duration::from_mins(1);
/// Beyond it: until the next write, and for the call, on a machine that is busy.
const MARGIN: Duration = Duration::from_secs(15);
/// Between two writes.
const WRITES: Duration = Duration::from_millis(200);

async fn version(proxy: &Proxy, name: &str) -> String {
    let keys = proxy.keys().await;
    let key = keys.iter().find(|key| key["key"] == name).expect("a rule has the key");
    key["version"].as_str().unwrap_or_default().to_owned()
}

/// Rotates the key a in OpenBao, and writes until the new version is in use. Returns how long that took.
async fn in_use_after(purpose: &str, times: Value, forced: bool) -> Duration {
    let owner = Owner::new().await;
    let proxy = owner.proxy(purpose, times).await;
    let topic = create(&format!("{purpose}.a")).await;
    proxy.write_batch(&topic, &batch()).await.unwrap();
    assert_eq!(version(&proxy, "a").await, "1");
    owner.server.rotate("a").await;
    let rotated = Instant::now();
    if forced {
        assert_eq!(proxy.post("/keys/rotate").await.unwrap().status, 202);
    }
    let mut batches = 1;
    let newer = async || {
        tokio::time::sleep(WRITES).await;
        proxy.write_batch(&topic, &batch()).await.unwrap();
        batches += 1;
        version(&proxy, "a").await == "2"
    };
    eventually("new data is sealed under the new version", 2 * AGE, newer).await;
    let took = rotated.elapsed();
    // From here on what the first version wrapped is gone from caches.
    proxy.restart().await;
    assert_eq!(proxy.read_batches(&topic, 0).await.unwrap(), vec![batch().as_sent(); batches]);
    took
}

/// Both at the same time, since one of them takes almost as long as a data key lives.
/// Conformance: P17-22.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_version_is_in_use_within_the_age_or_as_soon_as_it_is_asked_for_and_old_data_reads_on() {
    let by_age = in_use_after("aged", json!({"maxAge": "1m"}), false);
    let forced = in_use_after("rotate", json!({}), true);
    let (by_age, forced) = tokio::join!(Box::pin(by_age), Box::pin(forced));
    println!(
        "a new version was in use after {by_age:.1?} (maxAge {AGE:?}), {forced:.1?} (POST /keys/rotate)"
    );
    assert!(by_age <= AGE + MARGIN, "{by_age:?}");
    assert!(forced <= PATIENCE, "{forced:?}");
}

/// Conformance: P17-15.
#[tokio::test(flavor = "multi_thread")]
async fn a_policy_has_the_data_keys_of_the_keys_that_it_marks_replaced_and_of_no_others() {
    let owner = Owner::new().await;
    let proxy = owner.proxy("marked", json!({})).await;
    let (topic, other) = (create("marked.a").await, create("marked.b").await);
    for topic in [&topic, &other] {
        proxy.write_batch(topic, &batch()).await.unwrap();
    }
    owner.server.rotate("a").await;
    owner.server.rotate("b").await;
    proxy.apply_policy(&policy("marked").field("rotations", json!([{"name": "a", "mark": "1"}]))).await;
    let newer = async || {
        proxy.write_batch(&topic, &batch()).await.unwrap();
        version(&proxy, "a").await == "2"
    };
    eventually("new data is sealed under the new version", PATIENCE, newer).await;
    proxy.write_batch(&other, &batch()).await.unwrap();
    assert_eq!(version(&proxy, "b").await, "1");
}

/// TE-04: topics of one key share what was asked for it; another topic is no reason to ask again.
#[tokio::test(flavor = "multi_thread")]
async fn the_server_is_asked_for_new_data_keys_and_not_for_records() {
    let owner = Owner::new().await;
    let proxy = owner.proxy("calls", json!({})).await;
    let (topic, another) = (create("calls.a").await, create("calls.a-too").await);
    proxy.write_batch(&topic, &batch()).await.unwrap();
    proxy.read_batches(&topic, 0).await.unwrap();
    let before = owner.calls().len();
    for _ in 0..50 {
        proxy.write_batch(&topic, &batch()).await.unwrap();
        proxy.write_batch(&another, &batch()).await.unwrap();
    }
    assert_eq!(proxy.read_batches(&topic, 0).await.unwrap().len(), 51);
    assert_eq!(proxy.read_batches(&another, 0).await.unwrap().len(), 50);
    // Meanwhile each of the two keys may have been tried once more, which takes two calls.
    let calls = owner.calls().len() - before;
    assert!(calls <= 4, "{calls} calls");
}
