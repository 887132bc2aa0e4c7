//! Partitions that move to other brokers while clients write and read: nothing is lost, and nothing comes twice.

use std::time::Duration;

use kafka_protocol::messages::alter_partition_reassignments_request::{
    ReassignablePartition, ReassignableTopic,
};
use kafka_protocol::messages::{
    AlterPartitionReassignmentsRequest, BrokerId, ListPartitionReassignmentsRequest, TopicName,
};
use tests::{Client, ConsumeOptions, Feed, KafkaErrorName, RawConnection, assert_same, eventually_ok, topic};

use super::{ALL_RUN, Three, text};

const PATIENCE: Duration = Duration::from_mins(1);
/// Records at each place, before the next move begins.
const SOME: usize = 200;
/// Records that are handed over at once while the partition moves.
const FEW: usize = 5;
/// The broker where the partition is at first, and those that it moves to.
const PLACES: [i32; 3] = [0, 2, 1];
/// Enough for all places and moves.
const TOTAL: usize = 2_000;

/// Asks for a move, by a connection through the proxy.
async fn begin(topic: &str, to: i32) {
    let partition = ReassignablePartition::default().with_replicas(Some(vec![BrokerId(to)]));
    let moved =
        ReassignableTopic::default().with_name(TopicName(text(topic))).with_partitions(vec![partition]);
    let request =
        AlterPartitionReassignmentsRequest::default().with_timeout_ms(20_000).with_topics(vec![moved]);
    let bootstrap = Three::shared().await.proxy.bootstrap();
    let answer = RawConnection::connect(&bootstrap).await.unwrap().call(&request, 0).await.unwrap();
    let codes = [answer.error_code, answer.responses[0].partitions[0].error_code];
    assert_eq!(codes.map(KafkaErrorName::from_code), [None, None], "{answer:?}");
}

/// Whether the partition is at this broker alone, as told through the proxy, and moves no more.
async fn has_moved(topic: &str, to: i32) -> Result<(), String> {
    let three = Three::shared().await;
    let failed = |error: std::io::Error| error.to_string();
    let mut connection = RawConnection::connect(&three.proxy.bootstrap()).await.map_err(failed)?;
    let request = ListPartitionReassignmentsRequest::default().with_timeout_ms(20_000);
    let moving = connection.call(&request, 0).await.map_err(failed)?;
    if moving.topics.iter().any(|moving| moving.name.as_str() == topic) {
        return Err("it still moves".to_owned());
    }
    let leader = connection.locate(topic, 0).await.map_err(failed)?.leader;
    let expected = three.proxy.broker_address(usize::try_from(to).unwrap());
    if leader == expected { Ok(()) } else { Err(format!("its leader is at {leader}, not at {expected}")) }
}

/// A writer and a reader go on while their partition moves from broker to broker.
async fn goes_on(prefix: &str, reader: Client) {
    let three = Three::shared().await;
    let topic = topic(&format!("{prefix}.moves"));
    three.place_topic(&topic, &[&PLACES[..1]]).await;
    let write = async {
        let mut feed = Feed::start(&three.proxy.bootstrap(), &topic, &[]).await;
        for to in &PLACES[1..] {
            feed.send(SOME).await;
            begin(&topic, *to).await;
            let moved = async || {
                if feed.sent() + FEW < TOTAL {
                    feed.send(FEW).await;
                }
                has_moved(&topic, *to).await
            };
            eventually_ok(&format!("{topic} is at broker {to}"), PATIENCE, moved).await;
        }
        feed.send(TOTAL - feed.sent()).await;
        feed.finish().await;
    };
    let options = ConsumeOptions::from(three.proxy.bootstrap(), &topic).count(TOTAL).timeout(2 * PATIENCE);
    let (consumed, ()) = tokio::join!(reader.consume(&options), write);
    assert!(consumed.complete && consumed.errors.is_empty(), "{topic}: {:?}", consumed.errors);
    assert_same(&topic, &Feed::records(TOTAL), &consumed.records);
    let offsets = consumed.records.iter().map(|record| record.offset);
    assert!(offsets.eq(0..i64::try_from(TOTAL).unwrap()), "{topic}: a record is missing or comes twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_go_on_while_their_partition_moves_from_broker_to_broker() {
    let _all_run = ALL_RUN.read().await;
    tokio::join!(goes_on("batch", Client::Java), goes_on("record", Client::Go));
}
