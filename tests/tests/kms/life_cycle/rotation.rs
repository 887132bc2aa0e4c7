//! A key gets a new version.

use serde_json::json;
use tests::{Proxy, eventually};

use super::{Owner, PATIENCE, batch, create, policy};

async fn version(proxy: &Proxy, name: &str) -> String {
    let keys = proxy.keys().await;
    let key = keys.iter().find(|key| key["key"] == name).expect("a rule has the key");
    key["version"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_version_is_in_use_as_soon_as_it_is_asked_for_and_old_data_reads_on() {
    let owner = Owner::new().await;
    let proxy = owner.proxy("rotate", json!({})).await;
    let topic = create("rotate.a").await;
    proxy.write_batch(&topic, &batch()).await.unwrap();
    assert_eq!(version(&proxy, "a").await, "1");
    owner.server.rotate("a").await;
    assert_eq!(proxy.post("/keys/rotate").await.unwrap().status, 202);
    let mut batches = 1;
    let newer = async || {
        proxy.write_batch(&topic, &batch()).await.unwrap();
        batches += 1;
        version(&proxy, "a").await == "2"
    };
    eventually("new data is sealed under the new version", PATIENCE, newer).await;
    // From here on what the first version wrapped is gone from caches.
    proxy.restart().await;
    assert_eq!(proxy.read_batches(&topic, 0).await.unwrap(), vec![batch().as_sent(); batches]);
}

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

#[tokio::test(flavor = "multi_thread")]
async fn the_server_is_asked_for_new_data_keys_and_not_for_records() {
    let owner = Owner::new().await;
    let proxy = owner.proxy("calls", json!({})).await;
    let topic = create("calls.a").await;
    proxy.write_batch(&topic, &batch()).await.unwrap();
    proxy.read_batches(&topic, 0).await.unwrap();
    let before = owner.calls().len();
    for _ in 0..100 {
        proxy.write_batch(&topic, &batch()).await.unwrap();
    }
    assert_eq!(proxy.read_batches(&topic, 0).await.unwrap().len(), 101);
    // Meanwhile each of the two keys may have been tried once more, which takes two calls.
    let calls = owner.calls().len() - before;
    assert!(calls <= 4, "{calls} calls");
}
