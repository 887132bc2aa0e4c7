//! Consumers that read from a replica near them (KIP-392): leaders name it, and it is at a port of the proxy like any other.

use std::collections::BTreeMap;

use bytes::{Buf, Bytes};
use kafka_protocol::messages::{ApiKey, BrokerId, FetchRequest, FetchResponse, ResponseHeader};
use kafka_protocol::protocol::{Decodable, HeaderVersion};
use tests::raw_connection::Location;
use tests::{
    Batch, By, Client, ConsumeOptions, Payload, ProduceOptions, Proxy, RawConnection, Tap, assert_same,
    eventually_ok, topic,
};

use super::addresses::{PATIENCE, connect};
use super::{ALL_RUN, Three, policy, text};

const VERSION: i16 = 17;
const NEAR: i32 = 2;
/// A host of this machine at which a tap is, in place of a proxy.
const TAPPED: &str = "127.0.0.2";

/// A request of a consumer in the rack of broker 2.
fn request(at: &Location) -> FetchRequest {
    RawConnection::fetch_request(at, VERSION, 0, 100).with_rack_id(text("rack-2"))
}

async fn placed(prefix: &str) -> String {
    let topic = topic(&format!("{prefix}.near"));
    Three::shared().await.place_topic(&topic, &[&[0, NEAR]]).await;
    topic
}

/// Until the follower is known to have caught up, the leader serves all by itself.
async fn names_the_near_replica(leader: &mut RawConnection, at: &Location) {
    let sent_on = async || {
        let answer = leader.call(&request(at), VERSION).await.unwrap();
        let partition = &answer.responses[0].partitions[0];
        let records = partition.records.as_ref().map_or(0, Bytes::len);
        if partition.preferred_read_replica == BrokerId(NEAR) && records == 0 {
            Ok(())
        } else {
            Err(format!("{partition:?}"))
        }
    };
    eventually_ok("the leader names the near replica", PATIENCE, sent_on).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_sends_consumers_to_a_follower_that_serves_them_through_the_proxy() {
    let _all_run = ALL_RUN.read().await;
    let three = Three::shared().await;
    let topic = placed("batch").await;
    let (mut leader, at) = RawConnection::to_leader(&three.proxy.bootstrap(), &topic, 0).await.unwrap();
    let sent = Batch::of(&Payload::new(3).orders(5));
    assert_eq!(leader.produce(&at, By::Id, sent.clone()).await.unwrap().error, None);
    names_the_near_replica(&mut leader, &at).await;

    let mut near = connect(&three.proxy.broker_address(2)).await;
    let served = async || {
        let answer = near.call(&request(&at), VERSION).await.unwrap();
        let partition = &answer.responses[0].partitions[0];
        match (partition.error_code, &partition.records) {
            (0, Some(records)) if !records.is_empty() => Ok(Batch::split(records)),
            other => Err(format!("{other:?}")),
        }
    };
    let batches = eventually_ok("the near replica has the records", PATIENCE, served).await;
    assert_eq!(batches.iter().map(Batch::as_sent).collect::<Vec<_>>(), [sent.as_sent()]);
}

/// A proxy that clients reach through a tap alone.
struct Tapped {
    tap: Tap,
    bootstrap: String,
    _proxy: Proxy,
}

impl Tapped {
    async fn start() -> Self {
        let builder = Proxy::before(&Three::shared().await.cluster).policy(policy());
        let proxy = builder.listener("advertisedHost", TAPPED).start().await;
        let port = |address: String| address.rsplit_once(':').unwrap().1.parse::<u16>().unwrap();
        let of_brokers = (0..3).map(|broker| proxy.broker_address(broker));
        let ports: Vec<u16> = std::iter::once(proxy.bootstrap()).chain(of_brokers).map(port).collect();
        let tap = Tap::start(TAPPED, &ports, "127.0.0.1").await;
        Self { tap, bootstrap: format!("{TAPPED}:{}", ports[0]), _proxy: proxy }
    }

    /// How many bytes of records have come since the last time from the bootstrap port and from those of the brokers.
    fn records(&self) -> [usize; 4] {
        let head = |mut frame: &[u8]| (frame.get_i16(), frame.get_i16(), frame.get_i32());
        let mut asked = BTreeMap::new();
        for request in self.tap.take() {
            let (key, version, correlation) = head(&request.frame);
            if key == ApiKey::Fetch as i16 {
                asked.insert((request.connection, correlation), version);
            }
        }
        let mut records = [0; 4];
        for mut answer in self.tap.take_answers() {
            let correlation = answer.frame.clone().get_i32();
            let Some(version) = asked.get(&(answer.connection, correlation)) else { continue };
            ResponseHeader::decode(&mut answer.frame, FetchResponse::header_version(*version)).unwrap();
            let fetched = FetchResponse::decode(&mut answer.frame, *version).unwrap();
            let partitions = fetched.responses.iter().flat_map(|topic| &topic.partitions);
            let bytes = partitions.filter_map(|partition| partition.records.as_ref()).map(Bytes::len);
            records[answer.address] += bytes.sum::<usize>();
        }
        records
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_with_a_rack_read_all_from_there() {
    let _all_run = ALL_RUN.read().await;
    let (three, tapped) = (Three::shared().await, Tapped::start().await);
    for (prefix, client) in [("batch", Client::Java), ("record", Client::Librdkafka)] {
        let topic = placed(prefix).await;
        let sent = Payload::new(4).orders(40);
        client.produce_all(&ProduceOptions::to(&tapped.bootstrap, &topic), &sent).await;
        let (mut leader, at) = three.cluster.leader(&topic, 0).await;
        names_the_near_replica(&mut leader, &at).await;
        tapped.records();
        // The end that a replica knows of comes later than the leader's.
        let from = ConsumeOptions::from(&tapped.bootstrap, &topic).count(sent.len());
        let from = from.property("client.rack", "rack-2");
        assert_same(client.name(), &sent, &client.consume_all(&from).await);
        let [bootstrap, leader, other, near] = tapped.records();
        assert_eq!([bootstrap, leader, other], [0; 3], "{client}: others serve records");
        assert!(near > 0, "{client}: nobody served records");
    }
}
