//! The command-line tools of Kafka's newest distribution.

mod checks;
mod controllers;
mod listed;
mod several;
mod sharing;

use std::time::Duration;

use tests::{Scratch, canary, eventually, topic};

use crate::program::{tool, with_input};
use crate::stage::Stage;

const PATIENCE: Duration = Duration::from_mins(2);

/// Runs a tool with these words, and looks for the text in what it prints.
pub(crate) async fn prints(
    stage: &Stage,
    name: &str,
    arguments: impl Into<String>,
    wanted: impl Into<String>,
) {
    let (arguments, wanted, bootstrap) = (arguments.into(), wanted.into(), stage.proxy.bootstrap());
    assert!(!wanted.is_empty(), "{name} {arguments} says something, or is asked about in another way");
    let words: Vec<&str> =
        ["--bootstrap-server", &bootstrap].into_iter().chain(arguments.split(' ')).collect();
    let said = tool(name, &words).await;
    assert!(said.contains(&wanted), "{name} {arguments} does not print {wanted}:\n{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tools_for_topics_records_and_groups() {
    let stage = &Stage::shared().await;
    let (bootstrap, needle) = (&stage.proxy.bootstrap(), canary("tools"));
    let topic = &topic("tools");
    let create = format!("--create --partitions 1 --topic {topic}");
    prints(stage, "kafka-topics", create, format!("Created topic {topic}")).await;
    let lines: Vec<_> = (0..100).map(|index| format!("key {index}:value {index} {needle}\n")).collect();
    let sent = lines.concat();
    let at = ["--bootstrap-server", bootstrap, "--topic", topic];
    let keys = ["--reader-property", "parse.key=true", "--reader-property", "key.separator=:"];
    let codec = ["--compression-codec", "zstd"];
    with_input("kafka-console-producer", &[&at[..], &keys, &codec].concat(), &sent).await;
    let all = ["--from-beginning", "--group", topic, "--max-messages", "100"];
    let keys = ["--formatter-property", "print.key=true", "--formatter-property", "key.separator=:"];
    assert_eq!(tool("kafka-console-consumer", &[&at[..], &all, &keys].concat()).await, sent);
    tokio::join!(
        prints(stage, "kafka-get-offsets", format!("--topic {topic}"), format!("{topic}:0:100")),
        prints(stage, "kafka-topics", format!("--describe --topic {topic}"), "PartitionCount: 1"),
        prints(stage, "kafka-consumer-groups", format!("--describe --group {topic}"), "100"),
        prints(stage, "kafka-groups", "--list", topic),
    );
    let folder = Scratch::new("tools");
    let before = folder.join("before.json");
    let json = format!(r#"{{"version":1,"partitions":[{{"topic":"{topic}","partition":0,"offset":40}}]}}"#);
    std::fs::write(&before, json).unwrap();
    let before = format!("--offset-json-file {}", before.display());
    prints(stage, "kafka-delete-records", before, "low_watermark: 40").await;
    let reset = format!("--reset-offsets --to-earliest --execute --group {topic} --topic {topic}");
    prints(stage, "kafka-consumer-groups", reset, "40").await;
    stage.is_illegible(topic, &needle).await;
    let listed =
        async || tool("kafka-topics", &["--bootstrap-server", bootstrap, "--list"]).await.contains(topic);
    assert!(listed().await);
    assert_eq!(tool("kafka-topics", &[&at[..], &["--delete"]].concat()).await, "");
    eventually("the topic is gone", PATIENCE, async || !listed().await).await;
}

/// None of them learns another address than the proxy's.
/// Conformance: P17-03.
#[tokio::test(flavor = "multi_thread")]
async fn tools_for_brokers_and_configuration() {
    let stage = &Stage::shared().await;
    let topic = &topic("configured");
    stage.cluster.create_topic(topic, 1, &[]).await;
    let apis = tool("kafka-broker-api-versions", &["--bootstrap-server", &stage.proxy.bootstrap()]).await;
    assert!(apis.contains(&stage.proxy.broker_address(0)), "{apis}");
    assert!(!apis.contains(&stage.cluster.bootstrap()), "{apis}");
    let alter = "--alter --add-config retention.ms=123456 --entity-type topics --entity-name";
    let altered = format!("Completed updating config for topic {topic}");
    prints(stage, "kafka-configs", format!("{alter} {topic}"), altered).await;
    let election = format!("--election-type preferred --topic {topic} --partition 0");
    tokio::join!(
        prints(stage, "kafka-configs", format!("--describe --topic {topic}"), "retention.ms=123456"),
        prints(stage, "kafka-features", "describe", "metadata.version"),
        prints(stage, "kafka-metadata-quorum", "describe --status", "LeaderId"),
        prints(stage, "kafka-leader-election", election, format!("{topic}-0")),
    );
    // For a client that there is not, so that no other one tells anything.
    let metrics = "--metrics org.apache.kafka.producer. --interval 60000 --match client_id=nobody";
    let subscribe = format!("--alter --name {topic} {metrics}");
    prints(stage, "kafka-client-metrics", subscribe, format!("Altered client metrics config for {topic}"))
        .await;
    tokio::join!(
        prints(stage, "kafka-log-dirs", format!("--describe --topic-list {topic}"), topic),
        prints(stage, "kafka-transactions", "list", "TransactionalId"),
        prints(stage, "kafka-client-metrics", "--list", topic.as_str()),
        prints(stage, "kafka-reassign-partitions", "--list", "No partition reassignments"),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn tools_that_make_load_and_check_it() {
    let stage = &Stage::shared().await;
    let topic = &topic("load");
    stage.cluster.create_topic(topic, 3, &[]).await;
    let load = format!("--num-records 20000 --record-size 200 --throughput -1 --topic {topic}");
    prints(stage, "kafka-producer-perf-test", load, "20000 records sent").await;
    let read = format!("--num-records 20000 --timeout 60000 --topic {topic}");
    prints(stage, "kafka-consumer-perf-test", read, "20000").await;
    let checked = format!("--max-messages 500 --topic {topic}");
    prints(stage, "kafka-verifiable-producer", checked, r#""acked":500"#).await;
}
