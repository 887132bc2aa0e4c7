//! A topic that is made again under its name, compacted this time, while its clients stay connected.

use std::time::Duration;

use tests::{
    Batch, By, Client, Cluster, ConsumeOptions, Feed, KafkaErrorName, Location, Member, Proxy, RawConnection,
    assert_same, eventually, topic,
};

use super::compacted::{PATIENCE, formats, start};
use super::{end, small};

const NOT_COMPACTED: [(&str, &str); 1] = [("cleanup.policy", "delete")];
const COMPACTED: [(&str, &str); 1] = [("cleanup.policy", "compact")];

/// Removes the topic and makes it anew, by this connection. Returns where it is now.
async fn make_again(admin: &mut RawConnection, name: &str) -> Location {
    remove(admin, name).await;
    make(admin, name).await
}

async fn remove(admin: &mut RawConnection, name: &str) {
    admin.delete_topic(name).await.unwrap();
    let cluster = Cluster::shared().await;
    eventually("its files are gone", PATIENCE, async || cluster.topic_dirs(name).is_empty()).await;
}

async fn make(admin: &mut RawConnection, name: &str) -> Location {
    admin.create_topic(name, 1, 1, &COMPACTED).await.unwrap();
    let cluster = Cluster::shared().await;
    let at = cluster.locate(name, 0).await;
    eventually("it has files again", PATIENCE, async || !cluster.topic_dirs(name).is_empty()).await;
    at
}

/// A producer and a consumer that stay connected, and where they believe the topic to be.
struct Pair {
    producer: RawConnection,
    consumer: RawConnection,
    at: Location,
}

impl Pair {
    /// They have written and read one record of the topic as it is at first.
    async fn at_work(proxy: &Proxy, topic: &str, by: By) -> Self {
        Cluster::shared().await.create_topic(topic, 1, &NOT_COMPACTED).await;
        let (producer, at) = RawConnection::to_leader(&proxy.bootstrap(), topic, 0).await.unwrap();
        let consumer = RawConnection::connect(&at.leader).await.unwrap();
        let mut pair = Self { producer, consumer, at };
        let first = Batch::of(&small(1));
        assert_eq!(pair.produce(by, &first).await, None);
        pair.reads(by, &first).await;
        assert_eq!(formats(topic).await, [false], "{by:?}");
        pair
    }

    async fn produce(&mut self, by: By, batch: &Batch) -> Option<KafkaErrorName> {
        self.producer.produce(&self.at, by, batch.clone()).await.unwrap().error
    }

    /// This batch and no other is in the topic.
    async fn reads(&mut self, by: By, sent: &Batch) {
        let fetched = self.consumer.fetch_all(&self.at, by).await.unwrap();
        let fetched: Vec<Batch> = fetched.iter().map(Batch::as_sent).collect();
        assert_eq!(fetched, [sent.as_sent()], "{by:?}");
    }
}

/// Nothing tells clients of Produce 12 and Fetch 12 that it is another topic.
#[tokio::test(flavor = "multi_thread")]
async fn a_topic_made_again_through_the_proxy_has_its_new_format_for_clients_that_name_it() {
    let (proxy, name) = (start().await, topic("auto.made-again-by-name"));
    let mut pair = Pair::at_work(&proxy, &name, By::Name).await;
    make_again(&mut RawConnection::connect(&proxy.bootstrap()).await.unwrap(), &name).await;
    let second = Batch::of(&small(1));
    assert_eq!(pair.produce(By::Name, &second).await, None);
    pair.reads(By::Name, &second).await;
    assert_eq!(formats(&name).await, [true]);
}

/// That the topic went the proxy does not know; that one of its name came it must. The broker would take one record in batch
/// format too.
#[tokio::test(flavor = "multi_thread")]
async fn a_topic_removed_past_the_proxy_and_made_through_it_has_its_new_format_for_clients_that_name_it() {
    let (proxy, name) = (start().await, topic("auto.made-through-the-proxy"));
    let mut pair = Pair::at_work(&proxy, &name, By::Name).await;
    remove(&mut Cluster::shared().await.admin().await, &name).await;
    make(&mut RawConnection::connect(&proxy.bootstrap()).await.unwrap(), &name).await;
    let second = Batch::of(&small(1));
    assert_eq!(pair.produce(By::Name, &second).await, None);
    pair.reads(By::Name, &second).await;
    assert_eq!(formats(&name).await, [true]);
}

/// Of what happens past it the proxy knows nothing, until the broker refuses batch format.
#[tokio::test(flavor = "multi_thread")]
async fn a_topic_made_again_past_the_proxy_takes_no_batch_format_from_clients_that_name_it() {
    let (proxy, name) = (start().await, topic("auto.made-again-past"));
    let mut pair = Pair::at_work(&proxy, &name, By::Name).await;
    make_again(&mut Cluster::shared().await.admin().await, &name).await;
    let second = Batch::of(&small(3));
    let refused = pair.produce(By::Name, &second).await.expect("it is refused");
    assert_eq!((refused.as_str(), end(&pair.at).await), ("NOT_ENOUGH_REPLICAS", 0));
    assert_eq!(pair.produce(By::Name, &second).await, None);
    pair.reads(By::Name, &second).await;
    assert_eq!(formats(&name).await, [true]);
}

/// The id of the topic that is gone is never taken for the new one's, though they have one name.
#[tokio::test(flavor = "multi_thread")]
async fn a_topic_made_again_is_another_for_clients_that_know_its_id() {
    let cluster = Cluster::shared().await;
    let (proxy, name) = (start().await, topic("auto.made-again-by-id"));
    let mut pair = Pair::at_work(&proxy, &name, By::Id).await;
    let now = make_again(&mut cluster.admin().await, &name).await;
    let second = Batch::of(&small(1));
    let refused = pair.produce(By::Id, &second).await.expect("that topic is gone");
    assert_eq!((refused.as_str(), end(&now).await), ("UNKNOWN_TOPIC_ID", 0));
    let fetched = pair.consumer.fetch(&pair.at, By::Id, 0).await.unwrap();
    assert_eq!(fetched.error.expect("that topic is gone"), "UNKNOWN_TOPIC_ID");
    // As clients do then. The new id also ends what the proxy believed of the topic.
    pair.at = pair.producer.locate(&name, 0).await.unwrap();
    assert_eq!(pair.at.topic_id, now.topic_id);
    assert_eq!(pair.produce(By::Id, &second).await, None);
    pair.reads(By::Id, &second).await;
    assert_eq!(formats(&name).await, [true]);
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_go_on_with_a_topic_that_is_made_again() {
    // Fewer than before, so that the consumer sees that its offset is of another log.
    const BEFORE: usize = 10;
    const AFTER: usize = 5;
    let (cluster, proxy) = (Cluster::shared().await, start().await);
    let name = topic("auto.made-again-clients");
    cluster.create_topic(&name, 1, &NOT_COMPACTED).await;
    let options = ConsumeOptions::from(proxy.bootstrap(), &name).partition(0).count(BEFORE + AFTER);
    let mut member = Member::start(Client::Java, &options.timeout(Duration::from_mins(1))).await;
    let mut feed = Feed::start(&proxy.bootstrap(), &name, &[]).await.keyed();
    feed.send(BEFORE).await;
    let mut received = member.records(BEFORE).await;
    make_again(&mut RawConnection::connect(&proxy.bootstrap()).await.unwrap(), &name).await;
    feed.send(AFTER).await;
    received.extend(member.records(AFTER).await);
    member.leave().await;
    let offsets: Vec<i64> = (0..10).chain(0..5).collect();
    assert!(received.iter().map(|record| record.offset).eq(offsets.iter().copied()), "{received:?}");
    assert_same(&name, &Feed::keyed_records(BEFORE + AFTER), &received);
    assert_eq!(feed.offsets().await, offsets);
    assert_eq!(formats(&name).await, [true]);
}
