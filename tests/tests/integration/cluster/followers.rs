//! Consumers that read from a replica near them (KIP-392): leaders name it, and it is at a port of the proxy like any other.

use bytes::Bytes;
use kafka_protocol::messages::{BrokerId, FetchRequest};
use tests::raw_connection::Location;
use tests::{
    Batch, By, Client, ConsumeOptions, Payload, ProduceOptions, RawConnection, assert_same, eventually_ok,
    topic,
};

use super::addresses::{PATIENCE, connect};
use super::{ALL_RUN, Three, text};

const VERSION: i16 = 17;
const NEAR: i32 = 2;

/// A request of a consumer in the rack of broker 2.
fn request(at: &Location) -> FetchRequest {
    RawConnection::fetch_request(at, VERSION, 0, 100).with_rack_id(text("rack-2"))
}

async fn placed(prefix: &str) -> String {
    let topic = topic(&format!("{prefix}.near"));
    Three::shared().await.place_topic(&topic, &[&[0, NEAR]]).await;
    topic
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_sends_consumers_to_a_follower_that_serves_them_through_the_proxy() {
    let _all_run = ALL_RUN.read().await;
    let three = Three::shared().await;
    let topic = placed("batch").await;
    let (mut leader, at) = RawConnection::to_leader(&three.proxy.bootstrap(), &topic, 0).await.unwrap();
    let sent = Batch::of(&Payload::new(3).orders(5));
    assert_eq!(leader.produce(&at, By::Id, sent.clone()).await.unwrap().error, None);
    // Until the follower is known to have caught up, the leader serves all by itself.
    let sent_on = async || {
        let answer = leader.call(&request(&at), VERSION).await.unwrap();
        let partition = &answer.responses[0].partitions[0];
        let records = partition.records.as_ref().map_or(0, Bytes::len);
        if partition.preferred_read_replica == BrokerId(NEAR) && records == 0 {
            Ok(())
        } else {
            Err(format!("{partition:?}"))
        }
    };
    eventually_ok("the leader names the near replica", PATIENCE, sent_on).await;

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

#[tokio::test(flavor = "multi_thread")]
async fn clients_with_a_rack_read_all_from_there() {
    let _all_run = ALL_RUN.read().await;
    let three = Three::shared().await;
    for (prefix, client) in [("batch", Client::Java), ("record", Client::Librdkafka)] {
        let topic = placed(prefix).await;
        let sent = Payload::new(4).orders(40);
        client.produce_all(&ProduceOptions::to(three.proxy.bootstrap(), &topic), &sent).await;
        // The end that a replica knows of comes later than the leader's.
        let from = ConsumeOptions::from(three.proxy.bootstrap(), &topic).count(sent.len());
        let from = from.property("client.rack", "rack-2");
        assert_same(client.name(), &sent, &client.consume_all(&from).await);
    }
}
