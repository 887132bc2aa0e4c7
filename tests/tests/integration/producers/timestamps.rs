//! Timestamps: the broker's on topics with LogAppendTime, the producer's elsewhere, and look-ups by time.

use std::time::{Duration, SystemTime};

use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::{BrokerId, ListOffsetsRequest, TopicName};
use kafka_protocol::protocol::StrBytes;
use serde_json::Value;
use tests::raw_connection::Location;
use tests::{
    Batch, By, Client, Cluster, Codec, ConsumeOptions, Field, Payload, ProduceOptions, Proxy, RawConnection,
    SentRecord, topic,
};

use super::append;

/// Long ago: the producer's clock, which nobody is to see.
const BACK_THEN: i64 = 1_500_000_000_000;
const LOG_APPEND_TIME: i64 = 8;

fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    i64::try_from(since.unwrap().as_millis()).unwrap()
}

/// All records as the client's program prints them.
async fn printed(client: Client, topic: &str) -> Vec<Value> {
    let words =
        ["--bootstrap", &Proxy::shared().await.bootstrap(), "--topic", topic, "--timeout-ms", "20000"]
            .map(str::to_owned);
    let limit = Duration::from_secs(30);
    let outcome = client.command("consume", words.to_vec(), ("records", Vec::new()), limit).await;
    assert_eq!(outcome.code, 0, "{client}: {outcome}");
    outcome.lines
}

/// Consumers get the broker's time, the same that it says of its own batch.
async fn log_append_time(format: &str) {
    let (cluster, proxy) = (Cluster::shared().await, Proxy::shared().await);
    let topic = topic(&format!("{format}.append-time"));
    cluster.create_topic(&topic, 1, &[("message.timestamp.type", "LogAppendTime")]).await;
    let mut sent = Payload::new(31).orders(90);
    for record in &mut sent {
        record.timestamp = Some(BACK_THEN);
    }
    let before = now();
    for (codec, part) in [Codec::None, Codec::Zstd].into_iter().zip(sent.chunks(45)) {
        let options = ProduceOptions::to(proxy.bootstrap(), &topic).codec(codec);
        Client::Java.produce_all(&options, part).await;
    }
    let after = now();
    let (mut broker, at) = cluster.leader(&topic, 0).await;
    let stored = broker.fetch_all(&at, By::Id).await.unwrap();
    let time_of = |offset: i64| {
        let batch = stored.iter().find(|batch| offset < batch.next_offset()).unwrap();
        assert_ne!(batch.field(Field::Attributes) & LOG_APPEND_TIME, 0);
        batch.field(Field::MaxTimestamp)
    };
    for client in Client::ALL {
        let lines = printed(client, &topic).await;
        assert_eq!(lines.len(), sent.len(), "{client}");
        for (line, offset) in lines.iter().zip(0..) {
            assert_eq!(line["timestampType"], "LogAppendTime", "{client}: {line}");
            assert_eq!(line["timestamp"], time_of(offset), "{client}: {line}");
            assert!((before..=after).contains(&time_of(offset)), "{before} {after}: {line}");
        }
    }
    let options = ConsumeOptions::from(proxy.bootstrap(), &topic);
    let received = Client::Python.consume_all(&options).await;
    for (sent, received) in sent.iter().zip(&received) {
        let mut sent = sent.clone();
        sent.timestamp = None;
        assert!(sent.equals(received), "{topic}: {received:?}");
    }
}

/// Conformance: TE-B04.
#[tokio::test(flavor = "multi_thread")]
async fn log_append_time_reaches_consumers_in_batch_format() {
    log_append_time("batch").await;
}

/// Conformance: TE-B04.
#[tokio::test(flavor = "multi_thread")]
async fn log_append_time_reaches_consumers_in_record_format() {
    log_append_time("record").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn producers_timestamps_keep_their_type() {
    let (cluster, proxy) = (Cluster::shared().await, Proxy::shared().await);
    for format in ["batch", "record"] {
        let topic = topic(&format!("{format}.create-time"));
        cluster.create_topic(&topic, 1, &[]).await;
        let sent = Payload::new(32).orders(24);
        let options = ProduceOptions::to(proxy.bootstrap(), &topic);
        Client::Go.produce_all(&options, &sent).await;
        for (line, sent) in printed(Client::Java, &topic).await.iter().zip(&sent) {
            assert_eq!(line["timestampType"], "CreateTime", "{format}: {line}");
            assert_eq!(line["timestamp"], sent.timestamp.unwrap(), "{format}: {line}");
        }
    }
}

/// Offset and timestamp that the broker answers with.
async fn looked_up(connection: &mut RawConnection, at: &Location, timestamp: i64) -> (i64, i64) {
    let partition = ListOffsetsPartition::default()
        .with_partition_index(at.partition)
        .with_timestamp(timestamp)
        .with_current_leader_epoch(-1);
    let topic = ListOffsetsTopic::default()
        .with_name(TopicName(StrBytes::from_string(at.topic.clone())))
        .with_partitions(vec![partition]);
    let request = ListOffsetsRequest::default().with_replica_id(BrokerId(-1)).with_topics(vec![topic]);
    let answer = connection.call(&request, 7).await.unwrap();
    let partition = &answer.topics[0].partitions[0];
    assert_eq!(partition.error_code, 0, "{}", at.topic);
    (partition.offset, partition.timestamp)
}

/// The same batches, of one record to many, in a topic of this name's beginning.
async fn filled(prefix: &str, batches: &[Vec<SentRecord>]) -> (RawConnection, Location) {
    let topic = topic(&format!("{prefix}.by-time"));
    Cluster::shared().await.create_topic(&topic, 1, &[]).await;
    let bootstrap = Proxy::shared().await.bootstrap();
    let (mut connection, at) = RawConnection::to_leader(&bootstrap, &topic, 0).await.unwrap();
    for batch in batches {
        append(&mut connection, &at, &Batch::of(batch)).await;
    }
    (connection, at)
}

#[tokio::test(flavor = "multi_thread")]
async fn look_ups_by_time_answer_as_on_a_clear_topic() {
    let mut payload = Payload::new(33);
    let batches = [1, 2, 63, 64, 65, 300, 1].map(|count| payload.orders(count));
    let (mut clear, clear_at) = filled("clear", &batches).await;
    let mut times: Vec<i64> = batches
        .iter()
        .flatten()
        .filter_map(|record| record.timestamp)
        .flat_map(|time| [time - 1, time, time + 1])
        .collect();
    times.sort_unstable();
    times.dedup();
    // Earliest, latest, and the one with the largest timestamp.
    let times: Vec<i64> = [-3, -2, -1, 0].into_iter().chain(times).collect();
    let mut expected = Vec::new();
    for time in &times {
        expected.push(looked_up(&mut clear, &clear_at, *time).await);
    }
    let mut different = expected.clone();
    different.dedup();
    assert!(different.len() > 100, "the look-ups ask for too little");
    for format in ["batch", "record"] {
        let (mut encrypted, at) = filled(format, &batches).await;
        for (time, expected) in times.iter().zip(&expected) {
            let answer = looked_up(&mut encrypted, &at, *time).await;
            assert_eq!(answer, *expected, "{format}: at {time}");
        }
        let middle = times[times.len() / 2];
        for client in Client::ALL {
            let options = |at: &Location, bootstrap| ConsumeOptions::from(bootstrap, &at.topic).partition(0);
            let bootstrap = Proxy::shared().await.bootstrap();
            for time in [middle, times[4], times[times.len() - 1] + 1] {
                assert_eq!(
                    client.offset_for_time(&options(&at, bootstrap.clone()), time).await,
                    client.offset_for_time(&options(&clear_at, bootstrap.clone()), time).await,
                    "{format}: {client} at {time}"
                );
            }
        }
    }
}
