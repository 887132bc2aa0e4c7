//! Partitions that move to other brokers, or get another leader, while clients write and read: nothing is lost, and nothing
//! comes twice.

use std::time::Duration;

use kafka_protocol::messages::alter_partition_reassignments_request::{
    ReassignablePartition, ReassignableTopic,
};
use kafka_protocol::messages::elect_leaders_request::TopicPartitions;
use kafka_protocol::messages::{
    AlterPartitionReassignmentsRequest, BrokerId, ElectLeadersRequest, ListPartitionReassignmentsRequest,
    TopicName,
};
use tests::{Client, ConsumeOptions, Feed, KafkaErrorName, RawConnection, assert_same, eventually_ok, topic};

use super::{ALL_RUN, PREFERRED, Three, text};

const PATIENCE: Duration = Duration::from_mins(1);
/// Records at each place, before the next move begins.
const SOME: usize = 200;
/// Records that are handed over at once while the partition moves.
const FEW: usize = 5;
/// The broker where the partition is at first, and those that it moves to.
const PLACES: [i32; 3] = [0, 2, 1];
/// Enough for all places and moves.
const TOTAL: usize = 2_000;

/// Asks for these replicas, by a connection through the proxy.
async fn begin(topic: &str, replicas: &[i32]) {
    let replicas = replicas.iter().copied().map(BrokerId).collect();
    let partition = ReassignablePartition::default().with_replicas(Some(replicas));
    let moved =
        ReassignableTopic::default().with_name(TopicName(text(topic))).with_partitions(vec![partition]);
    let request =
        AlterPartitionReassignmentsRequest::default().with_timeout_ms(20_000).with_topics(vec![moved]);
    let bootstrap = Three::shared().await.proxy.bootstrap();
    let answer = RawConnection::connect(&bootstrap).await.unwrap().call(&request, 0).await.unwrap();
    let codes = [answer.error_code, answer.responses[0].partitions[0].error_code];
    assert_eq!(codes.map(KafkaErrorName::from_code), [None, None], "{answer:?}");
}

/// Asks for the partition's first replica as its leader, by a connection through the proxy.
async fn elect(topic: &str) {
    let partition = TopicPartitions::default().with_topic(TopicName(text(topic))).with_partitions(vec![0]);
    let request = ElectLeadersRequest::default()
        .with_election_type(PREFERRED)
        .with_topic_partitions(Some(vec![partition]))
        .with_timeout_ms(20_000);
    let bootstrap = Three::shared().await.proxy.bootstrap();
    let answer = RawConnection::connect(&bootstrap).await.unwrap().call(&request, 2).await.unwrap();
    let codes = [answer.error_code, answer.replica_election_results[0].partition_result[0].error_code];
    assert_eq!(codes.map(KafkaErrorName::from_code), [None, None], "{answer:?}");
}

/// Whether this broker leads the partition, as told through the proxy, and the partition moves no more.
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

/// Writes on until this broker leads the partition.
async fn feed_until(feed: &mut Feed, topic: &str, to: i32) {
    let moved = async || {
        if feed.sent() + FEW < TOTAL {
            feed.send(FEW).await;
        }
        has_moved(topic, to).await
    };
    eventually_ok(&format!("{topic} is at broker {to}"), PATIENCE, moved).await;
}

/// A writer and a reader go on while something is done with their partition.
async fn goes_on(topic: &str, reader: Client, change: impl AsyncFnOnce(&mut Feed)) {
    let three = Three::shared().await;
    let write = async {
        let mut feed = Feed::start(&three.proxy.bootstrap(), topic, &[]).await;
        change(&mut feed).await;
        feed.send(TOTAL - feed.sent()).await;
        feed.finish().await;
    };
    let options = ConsumeOptions::from(three.proxy.bootstrap(), topic).count(TOTAL).timeout(2 * PATIENCE);
    let (consumed, ()) = tokio::join!(reader.consume(&options), write);
    assert!(consumed.complete && consumed.errors.is_empty(), "{topic}: {:?}", consumed.errors);
    assert_same(topic, &Feed::records(TOTAL), &consumed.records);
    let offsets = consumed.records.iter().map(|record| record.offset);
    assert!(offsets.eq(0..i64::try_from(TOTAL).unwrap()), "{topic}: a record is missing or comes twice");
}

async fn goes_on_while_it_moves(prefix: &str, reader: Client) {
    let topic = topic(&format!("{prefix}.moves"));
    Three::shared().await.place_topic(&topic, &[&PLACES[..1]]).await;
    let moves = async |feed: &mut Feed| {
        for to in &PLACES[1..] {
            feed.send(SOME).await;
            begin(&topic, &[*to]).await;
            feed_until(feed, &topic, *to).await;
        }
    };
    goes_on(&topic, reader, moves).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_go_on_while_their_partition_moves_from_broker_to_broker() {
    let _all_run = ALL_RUN.read().await;
    tokio::join!(goes_on_while_it_moves("batch", Client::Java), goes_on_while_it_moves("record", Client::Go));
}

async fn goes_on_while_a_leader_is_elected(prefix: &str, reader: Client) {
    let topic = topic(&format!("{prefix}.elects"));
    Three::shared().await.place_topic(&topic, &[&[1, 0]]).await;
    // The same replicas in another order: their leader stays until one is elected.
    begin(&topic, &[0, 1]).await;
    let elects = async |feed: &mut Feed| {
        feed_until(feed, &topic, 1).await;
        feed.send(SOME).await;
        elect(&topic).await;
        feed_until(feed, &topic, 0).await;
    };
    goes_on(&topic, reader, elects).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_go_on_while_their_partitions_preferred_leader_is_elected() {
    let _all_run = ALL_RUN.read().await;
    tokio::join!(
        goes_on_while_a_leader_is_elected("batch", Client::Java),
        goes_on_while_a_leader_is_elected("record", Client::Go)
    );
}
