//! Tools that check a cluster, or change what lies beside the records.

use std::fmt::Write as _;
use std::fs;
use std::time::Duration;

use tests::{Client, ProduceOptions, Scratch, SentRecord, canary, eventually, eventually_ok, topic};

use super::prints;
use crate::program::{attempt, tool};
use crate::stage::Stage;

const RECORDS: usize = 60;
const PATIENCE: Duration = Duration::from_mins(2);

async fn topic_with_records(stage: &Stage, purpose: &str, needle: &str) -> String {
    let topic = topic(purpose);
    stage.cluster.create_topic(&topic, 1, &[]).await;
    let records: Vec<_> =
        (0..RECORDS).map(|at| SentRecord::of(format!("{at} {needle}")).partition(0)).collect();
    Client::Java.produce_all(&ProduceOptions::to(stage.proxy.bootstrap(), &topic), &records).await;
    topic
}

#[tokio::test(flavor = "multi_thread")]
async fn tools_that_check_what_brokers_keep() {
    let stage = &Stage::shared().await;
    let needle = canary("checked");
    let topic = &topic_with_records(stage, "checked", &needle).await;
    let output = format!("{topic}-copy");
    stage.cluster.create_topic(&output, 1, &[]).await;
    let log = stage.cluster.log_dir(topic, 0).join("00000000000000000000.log");
    let dump = ["--deep-iteration", "--print-data-log", "--files", log.to_str().unwrap()];
    let bootstrap = stage.proxy.bootstrap();
    let copy = format!(
        "--broker-list {bootstrap} --input-topic {topic} --input-partition 0 --output-topic {output} --max-messages {RECORDS} \
         --consumer-group {topic} --transactional-id {topic} --transaction-size 20 --use-group-metadata"
    );
    let copy: Vec<&str> = copy.split_whitespace().collect();
    let compaction = "--messages 300 --duplicates 3 --percent-deletes 30 --topics 1 --compression-type lz4";
    let verify =
        format!("--topic {topic} --group-id {topic}-verify --max-messages {RECORDS} --reset-policy earliest");
    let latency = format!("--topic {output}-latency --num-records 10 --producer-acks all --record-size 40");
    stage.cluster.create_topic(&format!("{output}-latency"), 1, &[]).await;
    let (dumped, copied, (), (), ()) = tokio::join!(
        tool("kafka-dump-log", &dump),
        tool("transactional-message-copier", &copy),
        prints(stage, "log-compaction-tester", compaction, "0 mismatches"),
        prints(stage, "kafka-verifiable-consumer", verify, r#""name":"records_consumed""#),
        prints(stage, "kafka-e2e-latency", latency, "Percentiles"),
    );
    assert!(dumped.contains("encryption.strimzi.io") && !dumped.contains(&needle), "{dumped}");
    assert!(copied.contains(&format!(r#""totalProcessed":{RECORDS}"#)), "{copied}");
    stage.is_illegible(&output, &needle).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_describes_what_has_become_of_a_transaction() {
    let stage = &Stage::shared().await;
    let topic = &topic("committed");
    stage.cluster.create_topic(topic, 1, &[]).await;
    let options = ProduceOptions::to(stage.proxy.bootstrap(), topic).transaction(topic, true);
    Client::Java.produce_all(&options, &[SentRecord::of("in a transaction").partition(0)]).await;
    let words = ["--bootstrap-server", &stage.proxy.bootstrap(), "describe", "--transactional-id", topic];
    // The coordinator answers the producer before all partitions have the end of the transaction.
    let told = async || {
        let said = tool("kafka-transactions", &words).await;
        if said.contains(topic.as_str()) && said.contains("CompleteCommit") { Ok(()) } else { Err(said) }
    };
    eventually_ok("the transaction is described", PATIENCE, told).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tools_for_access_streams_and_connect() {
    let stage = &Stage::shared().await;
    let topic = &topic_with_records(stage, "governed", &canary("governed")).await;
    let acl = format!("--allow-principal User:reader --operation Read --topic {topic}");
    let worker = Scratch::new("internal-topics").join("worker.properties");
    fs::create_dir_all(worker.parent().unwrap()).unwrap();
    let mut properties = format!("bootstrap.servers={}\ngroup.id={topic}\n", stage.proxy.bootstrap());
    for what in ["config", "offset", "status"] {
        write!(properties, "{what}.storage.topic={topic}-{what}\n{what}.storage.replication.factor=1\n")
            .unwrap();
    }
    properties += "key.converter=org.apache.kafka.connect.storage.StringConverter\n\
        value.converter=org.apache.kafka.connect.storage.StringConverter\n";
    fs::write(&worker, properties).unwrap();
    let internal = ["create", "--worker-config", worker.to_str().unwrap()];
    let reset = format!(
        "--bootstrap-server {} --application-id {topic} --input-topics {topic} --to-offset 30 --force",
        stage.proxy.bootstrap()
    );
    let reset: Vec<&str> = reset.split(' ').collect();
    let cluster = ["cluster-id", "--bootstrap-server", &stage.proxy.bootstrap()];
    let ((), said, id) = tokio::join!(
        prints(stage, "kafka-acls", format!("--add {acl}"), "operation=READ"),
        tool("connect-internal-topics", &internal),
        tool("kafka-cluster", &cluster),
    );
    // It gives up after 10 s of its own, which a busy machine may need.
    let reset = async || attempt("kafka-streams-application-reset", &reset).await;
    let said_of_reset = eventually_ok("the application is reset", PATIENCE, reset).await;
    assert!(said_of_reset.contains(&format!("Topic: {topic}")), "{said_of_reset}");
    assert!(id.contains("TopicEncryptionTestsAA"), "{id}");
    let policy = stage.cluster.topic_config(&format!("{topic}-config"), "cleanup.policy").await;
    assert_eq!(policy.as_deref(), Some("compact"), "{said}");
    prints(stage, "kafka-acls", format!("--list --topic {topic}"), "User:reader").await;
    let words = |words: &str| format!("--bootstrap-server {} {words}", stage.proxy.bootstrap());
    let acls = async |words: String| tool("kafka-acls", &words.split(' ').collect::<Vec<_>>()).await;
    acls(words(&format!("--remove --force {acl}"))).await;
    let list = words(&format!("--list --topic {topic}"));
    let gone = async || !acls(list.clone()).await.contains("User:reader");
    eventually("the rule is gone", PATIENCE, gone).await;
}
