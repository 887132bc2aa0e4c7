//! `audit` accounts for keys, and answers whether one can be destroyed.

mod destruction;
mod large;
mod secured;

use kafka_protocol::messages::delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic};
use kafka_protocol::messages::{DeleteRecordsRequest, TopicName};
use kafka_protocol::protocol::StrBytes;
use serde_json::{Value, json};
use tests::{Client, Cluster, ProduceOptions, Proxy, SentRecord, canary, topic};

use super::{Ran, config, partition, run, servers};

/// Removes records before an offset, as retention would.
pub(super) async fn delete_records(topic: &str, before: i64) {
    let (mut connection, at) = Cluster::shared().await.leader(topic, 0).await;
    let partition = DeleteRecordsPartition::default().with_partition_index(at.partition).with_offset(before);
    let topic = DeleteRecordsTopic::default()
        .with_name(TopicName(StrBytes::from_string(topic.to_owned())))
        .with_partitions(vec![partition]);
    let request = DeleteRecordsRequest::default().with_topics(vec![topic]).with_timeout_ms(10_000);
    let answer = connection.call(&request, 2).await.unwrap();
    assert_eq!(answer.topics[0].partitions[0].error_code, 0);
}

/// An audit of one topic by a proxy's file.
async fn audit(proxy: &Proxy, topic: &str, more: &[&str]) -> Ran {
    let config = config(proxy);
    run(&[&["audit", "--output", "json", "--quiet", "--topic", topic, "--config", &config], more].concat())
        .await
}

async fn can_destroy(proxy: &Proxy, topic: &str, key: &str) -> Ran {
    audit(proxy, topic, &["--can-destroy", key]).await
}

pub(super) async fn produce(bootstrap: String, topic: &str, records: &[SentRecord]) {
    Client::Librdkafka.produce_all(&ProduceOptions::to(bootstrap, topic), records).await;
}

fn ranges(report: &Value, topic: &str) -> Vec<(String, i64, i64)> {
    let ranges = partition(report, topic, 0)["ranges"].as_array().unwrap().iter().map(|range| {
        let what = match range["content"].as_str().unwrap() {
            "sealed" => {
                format!("{}:{}", range["key"].as_str().unwrap(), range["version"].as_str().unwrap_or("?"))
            }
            other => other.to_owned(),
        };
        (what, range["firstOffset"].as_i64().unwrap(), range["lastOffset"].as_i64().unwrap())
    });
    ranges.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn clear_records_are_told_with_their_offsets_in_both_formats() {
    let (cluster, proxy) = (Cluster::shared().await, Proxy::shared().await);
    for format in ["batch", "record"] {
        let topic = topic(&format!("{format}.audit-clear"));
        cluster.create_topic(&topic, 1, &[]).await;
        let needle = canary("clear");
        let records: Vec<SentRecord> =
            (0..10).map(|_| SentRecord::of(needle.clone()).key("k").partition(0)).collect();
        produce(cluster.bootstrap(), &topic, &records).await;
        produce(proxy.bootstrap(), &topic, &records).await;
        let tombstone = SentRecord { key: Some(b"k".to_vec()), partition: Some(0), ..SentRecord::default() };
        produce(proxy.bootstrap(), &topic, &[tombstone]).await;
        produce(cluster.bootstrap(), &topic, &records[..1]).await;
        let ran = audit(proxy, &topic, &[]).await.ends(1);
        ran.hides(&[&needle]);
        let report = ran.json();
        // A tombstone is sealed in batch format, and nothing to be sealed in record format.
        let last = if format == "batch" { 20 } else { 19 };
        let expected =
            [("clear".to_owned(), 0, 9), ("shared:1".to_owned(), 10, last), ("clear".to_owned(), 21, 21)];
        assert_eq!(ranges(&report, &topic), expected, "{report}");
        assert_eq!(
            (&report["clean"], &partition(&report, &topic, 0)["clearRecords"]),
            (&json!(false), &json!(11))
        );
        can_destroy(proxy, &topic, "default/another").await.ends(3);
    }
}

/// When `Reject` is safe for a topic of one partition, by an audit.
async fn reject_is_safe(proxy: &Proxy, topic: &str, more: &[&str]) -> Value {
    let report = audit(proxy, topic, more).await.json();
    let found = report["topics"].as_array().unwrap().iter().find(|found| found["topic"] == topic);
    found.unwrap_or_else(|| panic!("{topic} is not in {report}"))["rejectIsSafe"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_tells_when_reject_is_safe() {
    // 2024-01-01T12:00:00Z, and a hundred years of 365 days: the answer is seen to come from the record, which stays meanwhile.
    const NOON: i64 = 1_704_110_400_000;
    let (cluster, proxy) = (Cluster::shared().await, Proxy::shared().await);
    let kept = [("retention.ms", "3153600000000"), ("segment.ms", "3600000")];
    let compacted = [("cleanup.policy", "compact")];
    let unlimited = [("retention.ms", "-1")];
    let [kept, compacted, unlimited] = [&kept[..], &compacted[..], &unlimited[..]].map(|configs| async {
        let topic = topic("batch.audit-reject");
        cluster.create_topic(&topic, 1, configs).await;
        let clear = SentRecord::of("clear").key("k").partition(0).timestamp(NOON);
        produce(cluster.bootstrap(), &topic, &[clear]).await;
        topic
    });
    let (kept, compacted, unlimited) = (kept.await, compacted.await, unlimited.await);
    // Newer, but behind what is in clear.
    produce(proxy.bootstrap(), &kept, &[SentRecord::of("sealed").partition(0).timestamp(NOON + 1000)]).await;
    let told = reject_is_safe(proxy, &kept, &[]).await;
    let expected =
        json!({"when": "retention", "from": "2123-12-08T12:00:00Z", "latest": "2123-12-08T13:00:00Z"});
    assert_eq!(told, expected);
    for (topic, reason) in [(&compacted, "cleanup.policy is compact"), (&unlimited, "retention.ms is -1")] {
        assert_eq!(reject_is_safe(proxy, topic, &[]).await, json!({"when": "never", "reason": reason}));
    }
    assert_eq!(reject_is_safe(proxy, &kept, &["--sample", "50%"]).await["when"], "unknown");
    delete_records(&kept, 1).await;
    assert_eq!(reject_is_safe(proxy, &kept, &[]).await, json!({"when": "now"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_audited_is_an_error_and_no_answer() {
    let servers = servers().await;
    let missing = run(&["audit", "--topic", "no-such-topic", "--bootstrap-servers", &servers]).await.ends(2);
    assert!(missing.errors.contains("there is no topic no-such-topic"), "{}", missing.errors);
    assert_eq!(missing.out, "");
    run(&["audit", "--bootstrap-servers", &servers, "--can-destroy", "nonsense"]).await.ends(2);
    run(&["audit"]).await.ends(2);
    run(&["audit", "--config", "/nowhere/proxy.yaml"]).await.ends(2);
}
