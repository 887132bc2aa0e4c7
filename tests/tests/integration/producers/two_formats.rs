//! Two proxies that disagree on a topic's format for a while, as replicas do during the edit of a policy, and when one does not
//! know yet that a topic became compacted: both write, and readers through either get everything.

use std::time::Duration;

use tests::{
    Client, Cluster, ConsumeOptions, Pattern, Payload, PolicyFile, ProduceOptions, Proxy, RawConnection,
    ReceivedRecord, Rule, Segments, SentRecord, assert_same, canary, eventually, topic,
};

const PATIENCE: Duration = Duration::from_secs(30);
const POLICY: &str = "cleanup.policy";
const COMPACTED: &str = "compact";
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
        Self::of(proxy, client, RECORDS)
    }

    fn of(proxy: &'a Proxy, client: Client, records: usize) -> Self {
        let key = canary(client.name());
        let sent = Payload::new(29).orders(records).into_iter().map(|record| record.key(key.clone()));
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

/// Two proxies under these formats that share the key.
async fn pair(formats: [&str; 2]) -> [Proxy; 2] {
    let [one, other] = [start(formats[0]).await, start(formats[1]).await];
    let key = std::fs::read_to_string(one.keys_folder().join(format!("{KEY}.v1"))).unwrap();
    other.write_file(&format!("keys/{KEY}.v1"), &key);
    other.restart().await;
    [one, other]
}

/// Every client gets what these wrote, through either, in one order.
async fn is_read_through_either(topic: &str, proxies: &[Proxy; 2], writers: &[&Writer<'_>]) {
    let written: usize = writers.iter().map(|writer| writer.sent.len()).sum();
    let mut seen: Option<Vec<ReceivedRecord>> = None;
    for (through, proxy) in ["the one", "the other"].into_iter().zip(proxies) {
        for client in Client::ALL {
            let what = format!("{client} through {through}");
            let received = client.consume_all(&ConsumeOptions::from(proxy.bootstrap(), topic)).await;
            assert_eq!(received.len(), written, "{what}");
            for writer in writers {
                writer.is_in(&what, &received);
            }
            assert!(*seen.get_or_insert_with(|| received.clone()) == received, "{what}: another order");
        }
    }
}

/// Whether the keys of each writer are on disk. They are where records are encrypted one by one, and nowhere else.
async fn keys_shown(topic: &str, writers: &[&Writer<'_>]) -> Vec<bool> {
    let keys: Vec<&str> = writers.iter().map(|writer| writer.key.as_str()).collect();
    let search = Segments::of(Cluster::shared().await.topic_dirs(topic)).search(&keys).await;
    assert!(search.records > 0 && search.invalid == 0, "{search:?}");
    (0..keys.len()).map(|index| search.found(index)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_proxies_write_in_different_formats_is_read_through_either() {
    let proxies = pair(["Batch", "Record"]).await;
    let topic = topic("disagreed.format");
    Cluster::shared().await.create_topic(&topic, 1, &[]).await;
    let writers = proxies.each_ref().map(|proxy| WRITERS.map(|client| Writer::new(proxy, client)));
    let [[first, second], [third, fourth]] = &writers;
    tokio::join!(first.write(&topic), second.write(&topic), third.write(&topic), fourth.write(&topic));
    let writers = [first, second, third, fourth];
    is_read_through_either(&topic, &proxies, &writers).await;
    assert_eq!(keys_shown(&topic, &writers).await, [false, false, true, true]);
}

/// The topic is altered through the one. The other is not asked for what it believes for a minute: it goes on with batch
/// format, until the broker refuses that.
#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_has_not_heard_of_compaction_yet_harms_nobody() {
    let cluster = Cluster::shared().await;
    let proxies = pair(["Auto", "Auto"]).await;
    let [aware, unaware] = &proxies;
    let topic = topic("disagreed.compaction");
    cluster.create_topic(&topic, 1, &[]).await;
    let before = proxies.each_ref().map(|proxy| Writer::new(proxy, Client::Python));
    tokio::join!(before[0].write(&topic), before[1].write(&topic));
    let mut admin = RawConnection::connect(&aware.bootstrap()).await.unwrap();
    admin.alter_topic(&topic, &[(POLICY, Some(COMPACTED))]).await.unwrap();
    let told = async || cluster.topic_config(&topic, POLICY).await.as_deref() == Some(COMPACTED);
    eventually("the broker knows that the topic is compacted", PATIENCE, told).await;
    // In batch format one record by itself is no different for the broker.
    let single = proxies.each_ref().map(|proxy| Writer::of(proxy, Client::Java, 1));
    single[0].write(&topic).await;
    single[1].write(&topic).await;
    assert_eq!(keys_shown(&topic, &single.each_ref()).await, [true, false]);

    let after = [aware, unaware].map(|proxy| WRITERS.map(|client| Writer::new(proxy, client)));
    let [[first, second], [third, fourth]] = &after;
    tokio::join!(first.write(&topic), second.write(&topic), third.write(&topic), fourth.write(&topic));
    assert_eq!(keys_shown(&topic, &[first, second, third, fourth]).await, [true; 4]);
    let writers: Vec<&Writer<'_>> = before.iter().chain(&single).chain(after.as_flattened()).collect();
    is_read_through_either(&topic, &proxies, &writers).await;
}
