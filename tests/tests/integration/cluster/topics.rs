//! Topics that come after the proxy's start, and topics of many partitions.

use std::time::Duration;

use kafka_protocol::messages::MetadataRequest;
use kafka_protocol::messages::MetadataResponse;
use kafka_protocol::messages::TopicName;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use tests::{
    Client, ConsumeOptions, ProduceOptions, RawConnection, Segments, SentRecord, assert_same, canary,
    eventually, topic,
};

use super::{ALL_RUN, Three, text};

const PATIENCE: Duration = Duration::from_secs(30);
const MANY: usize = 300;

/// Makes a topic by a client, through the proxy.
async fn create_through_the_proxy(name: &str, config: &str) {
    let bootstrap = Three::shared().await.proxy.bootstrap();
    let words = ["create-topic", "--bootstrap", &bootstrap, "--topic", name, "--config", config];
    let words = words.map(str::to_owned).to_vec();
    let outcome = Client::Java.command("admin", words, ("records", Vec::new()), PATIENCE).await;
    assert_eq!(outcome.code, 0, "{outcome}");
}

/// Writes and reads through the proxy, and says whether keys and values are found on disk.
async fn plant(name: &str) -> (bool, bool) {
    let Three { cluster, proxy } = Three::shared().await;
    let [key, value] = ["key", "value"].map(canary);
    let records: Vec<SentRecord> = (0..10)
        .map(|number| SentRecord::of(format!("{value} {number}")).key(key.clone()).partition(0))
        .collect();
    Client::Java.produce_all(&ProduceOptions::to(proxy.bootstrap(), name), &records).await;
    let received = Client::Go.consume_all(&ConsumeOptions::from(proxy.bootstrap(), name)).await;
    assert_same(name, &records, &received);
    let search = Segments::of(cluster.log_dirs(name, 0)).search(&[key, value]).await;
    assert!(search.records > 0 && search.invalid == 0, "{search:?}");
    (search.found(0), search.found(1))
}

/// Conformance: P17-01.
#[tokio::test(flavor = "multi_thread")]
async fn a_topic_made_through_the_proxy_is_encrypted_from_its_first_record() {
    let _all_run = ALL_RUN.read().await;
    Three::shared().await;
    let [clear, hidden] = ["clear.made-later", "auto.made-later"].map(topic);
    for name in [&clear, &hidden] {
        create_through_the_proxy(name, "cleanup.policy=delete").await;
    }
    assert_eq!(plant(&clear).await, (true, true));
    assert_eq!(plant(&hidden).await, (false, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_made_again_gets_the_format_that_its_new_configuration_wants() {
    let _all_run = ALL_RUN.read().await;
    let Three { cluster, .. } = Three::shared().await;
    let name = topic("auto.made-again");
    create_through_the_proxy(&name, "cleanup.policy=delete").await;
    assert_eq!(plant(&name).await, (false, false), "batch format");
    cluster.delete_topic(&name).await;
    let gone = async || cluster.topic_dirs(&name).is_empty();
    eventually("the topic's files are gone", PATIENCE, gone).await;
    create_through_the_proxy(&name, "cleanup.policy=compact").await;
    assert_eq!(plant(&name).await, (true, false), "record format");
}

async fn metadata(bootstrap: &str, name: &str, version: i16) -> MetadataResponse {
    let topic = MetadataRequestTopic::default().with_name(Some(TopicName(text(name))));
    let request = MetadataRequest::default().with_topics(Some(vec![topic]));
    let mut connection = RawConnection::connect(bootstrap).await.unwrap();
    connection.call(&request, version).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_of_many_partitions_is_the_brokers() {
    let _all_run = ALL_RUN.read().await;
    let three = Three::shared().await;
    let name = topic("auto.many");
    let leaders: Vec<[i32; 1]> = (0..3).cycle().take(MANY).map(|broker| [broker]).collect();
    let partitions: Vec<&[i32]> = leaders.iter().map(<[i32; 1]>::as_slice).collect();
    three.place_topic(&name, &partitions).await;
    for version in 0..=13 {
        let expected = metadata(&three.cluster.bootstrap(), &name, version).await;
        let got = metadata(&three.proxy.bootstrap(), &name, version).await;
        let found = &got.topics[0].partitions;
        assert_eq!(found.len(), MANY, "version {version}");
        for partition in found {
            let leader = i32::try_from(partition.partition_index.unsigned_abs() % 3).unwrap();
            assert_eq!(partition.leader_id.0, leader, "version {version}");
        }
        assert_eq!(got.topics, expected.topics, "version {version}");
        assert_eq!(got.cluster_id, expected.cluster_id, "version {version}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn records_reach_their_partition_among_many() {
    let _all_run = ALL_RUN.read().await;
    let three = Three::shared().await;
    let name = topic("batch.among-many");
    let leaders: Vec<[i32; 1]> = (0..3).cycle().take(60).map(|broker| [broker]).collect();
    let partitions: Vec<&[i32]> = leaders.iter().map(<[i32; 1]>::as_slice).collect();
    three.place_topic(&name, &partitions).await;
    let records: Vec<SentRecord> = (0..60)
        .flat_map(|partition| {
            (0..3).map(move |number| SentRecord::of(format!("{partition}/{number}")).partition(partition))
        })
        .collect();
    let bootstrap = three.proxy.bootstrap();
    Client::Java.produce_all(&ProduceOptions::to(&bootstrap, &name), &records).await;
    for client in [Client::Java, Client::Go] {
        let mut received = client.consume_all(&ConsumeOptions::from(&bootstrap, &name)).await;
        received.sort_by_key(|record| (record.partition, record.offset));
        assert_same(client.name(), &records, &received);
        for record in &received {
            let place = format!("{}/{}", record.partition, record.offset);
            assert_eq!(record.value.as_deref(), Some(place.as_bytes()), "{client}");
        }
    }
}
