//! What Kroxylicious left at a broker, read by a client through a proxy whose rule says that there is some.

use serde_json::{Value, json};
use tests::legacy::KROXYLICIOUS_HEADER;
use tests::{
    Batch, By, Client, Cluster, ConsumeOptions, Pattern, PolicyFile, ProduceOptions, Proxy, Rule, SentRecord,
    assert_same, topic,
};

/// A value as Kroxylicious stored it, and who has the key of its data key.
pub(crate) struct Left {
    /// In `proxy.yaml`.
    pub(crate) provider: Value,
    /// The key that the value names.
    pub(crate) key: String,
    /// The key of the rule, at the same provider.
    pub(crate) own: &'static str,
    pub(crate) stored: Vec<u8>,
    pub(crate) clear: &'static str,
}

impl Left {
    /// Consumers get it in clear, and beside it what producers send through the proxy from now on.
    pub(crate) async fn reads_through_a_proxy(self, purpose: &str) {
        let cluster = Cluster::shared().await;
        let legacy = json!([{"format": "KroxyliciousV2", "keys": [self.key]}]);
        let rule = Rule::encrypt([Pattern::prefix(purpose)], self.own).on_plaintext("Reject");
        let builder = Proxy::before(cluster).policy(PolicyFile::new([rule.field("legacy", legacy)]));
        let proxy = builder.config("keyProviders", json!({"default": self.provider})).start().await;
        let topic = topic(purpose);
        cluster.create_topic(&topic, 1, &[]).await;

        let order = |value: Vec<u8>| SentRecord::of(value).key("order 1");
        let stored = order(self.stored).header(KROXYLICIOUS_HEADER, [2]).header("trace", "1");
        let (mut direct, at) = cluster.leader(&topic, 0).await;
        let appended = direct.produce(&at, By::Id, Batch::of(&[stored])).await.unwrap();
        assert_eq!(appended.error, None, "the broker does not take it: {:?}", appended.message);
        let new = SentRecord::of("a new order").key("order 2").partition(0);
        let to = ProduceOptions::to(proxy.bootstrap(), &topic);
        Client::Java.produce_all(&to, std::slice::from_ref(&new)).await;

        let received = Client::Java.consume_all(&ConsumeOptions::from(proxy.bootstrap(), &topic)).await;
        assert_same(purpose, &[order(self.clear.into()).header("trace", "1"), new], &received);
    }
}
