//! Keys of two systems in one proxy.

use serde_json::json;
use tests::kms::Fault;
use tests::{Cluster, Pattern, PolicyFile, Proxy, Rule};

use super::{Owner, batch, create};

/// P17-20: one proxy has the keys of several systems, each for its own topics, and one system's failure is that of its topics.
#[tokio::test(flavor = "multi_thread")]
async fn each_topic_has_its_key_from_the_provider_that_its_rule_names() {
    let owner = Owner::new().await;
    let mut providers = json!({"default": {"local": {"directory": "keys"}}});
    providers["bao"] = owner.key_providers()["default"].clone();
    let rule = |topics: &str| Rule::encrypt([Pattern::prefix(topics)], "a");
    let policy = PolicyFile::new([
        rule("two.local"),
        rule("two.bao").field("key", json!({"provider": "bao", "name": "a"})),
    ]);
    let builder = Proxy::before(Cluster::shared().await).policy(policy).config("keyProviders", providers);
    let proxy = builder.start().await;
    let [of_local, of_bao] = [create("two.local").await, create("two.bao").await];
    for topic in [&of_local, &of_bao] {
        proxy.write_batch(topic, &batch()).await.unwrap();
    }
    // From here on nothing is in a cache: each data key is unwrapped by whoever wrapped it.
    proxy.restart().await;
    for topic in [&of_local, &of_bao] {
        assert_eq!(proxy.read_batches(topic, 0).await.unwrap(), [batch().as_sent()]);
    }
    assert!(!owner.calls().is_empty());

    let key = proxy.remove_key("a", 1);
    let lost = async || proxy.read_batches(&of_local, 0).await.is_err();
    tests::eventually("the local key is gone", super::PATIENCE, lost).await;
    proxy.write_batch(&of_bao, &batch()).await.unwrap();
    assert_eq!(proxy.read_batches(&of_bao, 0).await.unwrap().len(), 2);
    proxy.restore_key("a", 1, &key);
    owner.faults.set(Fault::Refused).await;
    let back = async || proxy.write_batch(&of_local, &batch()).await.is_ok();
    tests::eventually("the local key is back while the other provider is away", super::PATIENCE, back).await;
}
