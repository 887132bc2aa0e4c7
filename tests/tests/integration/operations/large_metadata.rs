//! Metadata of many partitions passes in memory of its own size, and in time that grows no faster than it.

use std::sync::Arc;

use bytes::Bytes;
use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::{BrokerId, MetadataRequest, MetadataResponse, TopicName};
use kafka_protocol::protocol::StrBytes;
use tests::{Proxy, RawConnection};
use uuid::Uuid;

use super::encrypting;
use crate::malformed::mock_broker::{before_mock, encode};

const VERSION: i16 = 12;
const BROKERS: i32 = 3;
const PARTITIONS: i32 = 100_000;
/// Answers, one after the other.
const ROUNDS: usize = 20;
/// Partitions of all answers of which the time is taken: enough for the clock of processes, which ticks each 10 ms.
const TIMED: i32 = 400_000;

/// An answer about so many topics that have so many partitions between them.
fn metadata(topics: i32, partitions: i32) -> MetadataResponse {
    let replicas: Vec<BrokerId> = (0..BROKERS).map(BrokerId).collect();
    let partition = MetadataResponsePartition::default()
        .with_leader_id(BrokerId(0))
        .with_leader_epoch(1)
        .with_replica_nodes(replicas.clone())
        .with_isr_nodes(replicas.clone());
    let each = |_| (0..partitions / topics).map(|index| partition.clone().with_partition_index(index));
    let topic = |index: i32| {
        MetadataResponseTopic::default()
            .with_name(Some(TopicName(StrBytes::from_string(format!("large.{index}")))))
            .with_topic_id(Uuid::from_u128(1 + u128::try_from(index).unwrap()))
            .with_partitions(each(index).collect())
    };
    let broker = |id: BrokerId| {
        MetadataResponseBroker::default()
            .with_node_id(id)
            .with_host(StrBytes::from_static_str("127.0.0.1"))
            .with_port(9)
    };
    MetadataResponse::default()
        .with_brokers(replicas.into_iter().map(broker).collect())
        .with_topics((0..topics).map(topic).collect())
}

/// A proxy before a mock that gives this answer; and the answer's size.
async fn before(topics: i32, partitions: i32) -> (Proxy, u64) {
    // The number of the request that it answers stands behind its length.
    let sound: Bytes = encode(0, &metadata(topics, partitions), VERSION).into();
    let size = u64::try_from(sound.len()).unwrap();
    let answer = move |id: i32| [&sound[..4], &id.to_be_bytes(), &sound[8..]].concat();
    (before_mock(Arc::new(answer)).await.policy(encrypting("large.")).start().await, size)
}

/// The answer, what is noted of it, and half as much again that the allocator has not given back; and what any work takes.
/// Decoded it would be many times its size.
fn bound(size: u64) -> u64 {
    3 * size + (4 << 20)
}

/// Asks again and again; gives what the process has taken beyond what it had, and the answer's size.
async fn taken(topics: i32) -> (u64, u64) {
    let (proxy, size) = before(topics, PARTITIONS).await;
    let idle = proxy.rss();
    let mut connection = RawConnection::connect(&proxy.bootstrap()).await.unwrap();
    for _ in 0..ROUNDS {
        let answer = connection.call(&MetadataRequest::default().with_topics(None), VERSION).await.unwrap();
        let partitions: usize = answer.topics.iter().map(|topic| topic.partitions.len()).sum();
        assert_eq!(partitions, usize::try_from(PARTITIONS).unwrap());
    }
    (proxy.peak_rss().saturating_sub(idle), size)
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_of_a_topic_of_many_partitions_takes_memory_of_its_size() {
    let (taken, size) = taken(1).await;
    assert!(taken <= bound(size), "{taken} bytes for answers of {size}");
}

/// Topics are remembered, by name and id.
#[tokio::test(flavor = "multi_thread")]
async fn metadata_of_many_topics_takes_memory_of_its_size() {
    let (taken, size) = taken(10_000).await;
    assert!(taken <= bound(size), "{taken} bytes for answers of {size}");
}

/// Processor time that the proxy takes to pass on [`TIMED`] partitions, in answers of so many, with so many topics each.
async fn spent(topics: i32, partitions: i32) -> f64 {
    let (proxy, _) = before(topics, partitions).await;
    let clock = async || proxy.metrics().await.sum("topic_encryption_process_cpu_seconds_total", &[]);
    let mut connection = RawConnection::connect(&proxy.bootstrap()).await.unwrap();
    let mut pass = async || {
        connection.send(&MetadataRequest::default().with_topics(None), VERSION).await.unwrap();
        connection.receive_frame().await.unwrap();
    };
    // What is done for the first one alone.
    pass().await;
    let start = clock().await;
    for _ in 0..TIMED / partitions {
        pass().await;
    }
    clock().await - start
}

/// All of them are as many partitions: where they come in larger answers, they take the same time if it is linear, and ten
/// times as much if it is quadratic.
fn is_linear(small: f64, large: f64) {
    assert!(small > 0.0, "no time was taken, so none was measured");
    assert!(
        large <= 3.0 * small,
        "{small} s in answers of 10,000 partitions, {large} s in answers of 100,000"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_of_a_topic_of_many_partitions_takes_linear_time() {
    is_linear(spent(1, 10_000).await, spent(1, PARTITIONS).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_of_many_topics_takes_linear_time() {
    is_linear(spent(1_000, 10_000).await, spent(10_000, PARTITIONS).await);
}
