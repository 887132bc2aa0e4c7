//! Two proxies that disagree on a topic's format for a while, as replicas do during the edit of a policy: both write, and
//! readers through either get everything.

use tests::{
    Client, Cluster, ConsumeOptions, Pattern, Payload, PolicyFile, ProduceOptions, Proxy, ReceivedRecord,
    Rule, Segments, SentRecord, assert_same, canary, topic,
};

const KEY: &str = "both";
/// Records of each writer.
const RECORDS: usize = 300;
/// Writers of each proxy.
const WRITERS: [Client; 2] = [Client::Java, Client::Librdkafka];

/// What one writer sends, through one proxy. Each record's key says whose it is.
struct Writer<'a> {
    proxy: &'a Proxy,
    client: Client,
    key: String,
    sent: Vec<SentRecord>,
}

impl<'a> Writer<'a> {
    fn new(proxy: &'a Proxy, client: Client) -> Self {
        let key = canary(client.name());
        let sent = Payload::new(29).orders(RECORDS).into_iter().map(|record| record.key(key.clone()));
        Self { proxy, client, sent: sent.collect(), key }
    }

    /// In many batches, so that those of all writers alternate.
    async fn write(&self, topic: &str) {
        let to = ProduceOptions::to(self.proxy.bootstrap(), topic).batch_bytes(2_000);
        self.client.produce_all(&to, &self.sent).await;
    }

    fn is_in(&self, what: &str, received: &[ReceivedRecord]) {
        let is_ours = |record: &&ReceivedRecord| record.key.as_deref() == Some(self.key.as_bytes());
        let own: Vec<ReceivedRecord> = received.iter().filter(is_ours).cloned().collect();
        assert_same(&format!("{what}, of {}", self.client), &self.sent, &own);
    }
}

async fn start(format: &str) -> Proxy {
    let rule = Rule::encrypt([Pattern::prefix("disagreed.")], KEY).format(format).on_plaintext("Reject");
    Proxy::before(Cluster::shared().await).policy(PolicyFile::new([rule])).start().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_proxies_write_in_different_formats_is_read_through_either() {
    let cluster = Cluster::shared().await;
    let [batch, record] = [start("Batch").await, start("Record").await];
    let key = std::fs::read_to_string(batch.keys_folder().join(format!("{KEY}.v1"))).unwrap();
    record.write_file(&format!("keys/{KEY}.v1"), &key);
    record.restart().await;
    let topic = topic("disagreed.format");
    cluster.create_topic(&topic, 1, &[]).await;
    let writers = [&batch, &record].map(|proxy| WRITERS.map(|client| Writer::new(proxy, client)));
    let [[first, second], [third, fourth]] = &writers;
    tokio::join!(first.write(&topic), second.write(&topic), third.write(&topic), fourth.write(&topic));

    let mut seen: Option<Vec<ReceivedRecord>> = None;
    for (through, proxy) in [("the one", &batch), ("the other", &record)] {
        for client in Client::ALL {
            let what = format!("{client} through {through}");
            let received = client.consume_all(&ConsumeOptions::from(proxy.bootstrap(), &topic)).await;
            assert_eq!(received.len(), writers.as_flattened().len() * RECORDS, "{what}");
            writers.as_flattened().iter().for_each(|writer| writer.is_in(&what, &received));
            assert!(*seen.get_or_insert_with(|| received.clone()) == received, "{what}: another order");
        }
    }
    // Keys show where records are encrypted one by one, and nowhere else.
    let keys: Vec<&str> = writers.as_flattened().iter().map(|writer| writer.key.as_str()).collect();
    let search = Segments::of(cluster.topic_dirs(&topic)).search(&keys).await;
    let shown: Vec<bool> = (0..keys.len()).map(|index| search.found(index)).collect();
    assert_eq!(shown, [false, false, true, true], "{search:?}");
}
