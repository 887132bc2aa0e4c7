//! Tools that ask each of several brokers, or move what they have.

use std::fs;
use std::sync::Arc;

use tests::{
    Client, Cluster, ConsumeOptions, Pattern, Payload, PolicyFile, ProduceOptions, Proxy, Rule, Scratch,
    SentRecord, assert_same, eventually, topic,
};
use tokio::sync::OnceCell;

use super::PATIENCE;
use crate::program::{tool, watch};
use crate::stage::Stage;

const BROKERS: usize = 3;
const RECORDS: usize = 60;

/// The newest brokers, with a proxy before them.
struct Several {
    // Before the cluster, so that it is dropped before it.
    proxy: Proxy,
    cluster: Cluster,
}

impl Several {
    async fn shared() -> Arc<Self> {
        static SHARED: OnceCell<Arc<Several>> = OnceCell::const_new();
        let start = async || {
            let cluster = Cluster::builder().version(Stage::version()).nodes(BROKERS).start().await;
            let rule = Rule::encrypt([Pattern::any()], "several").on_plaintext("Reject");
            let proxy = Proxy::before(&cluster).policy(PolicyFile::new([rule])).start().await;
            Arc::new(Self { proxy, cluster })
        };
        SHARED.get_or_init(start).await.clone()
    }

    /// Some batches.
    async fn write(&self, topic: &str) -> Vec<SentRecord> {
        let sent = Payload::new(3).orders(RECORDS);
        let options = ProduceOptions::to(self.proxy.bootstrap(), topic).batch_bytes(2000);
        Client::Java.produce_all(&options, &sent).await;
        sent
    }
}

/// It fetches from each broker what that has, and compares checksums: the proxy makes the same of every replica.
#[tokio::test(flavor = "multi_thread")]
async fn a_tool_that_compares_replicas_finds_no_difference() {
    let several = Several::shared().await;
    let topic = topic("compared");
    several.cluster.create_topic(&topic, 1, &[]).await;
    several.write(&topic).await;
    let words = format!(
        "--broker-list {} --topics-include {topic} --time -2 --report-interval-ms 500",
        several.proxy.bootstrap()
    );
    let words: Vec<&str> = words.split(' ').collect();
    let all = format!("max lag is 0 for partition {topic}-0 at offset {RECORDS} among 1 partitions");
    let said = watch("kafka-replica-verification", &words, &all).await;
    // "doesn't match", "unmatched checksum"
    assert!(!said.contains("match"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_that_moves_partitions_says_when_they_are_there() {
    let several = Several::shared().await;
    let (cluster, proxy) = (&several.cluster, &several.proxy);
    let topic = topic("moved");
    cluster.admin().await.create_topic(&topic, 1, 1, &[]).await.unwrap();
    let leader = async || cluster.locate(&topic, 0).await.leader;
    let before = leader().await;
    let from = (0..BROKERS).find(|broker| cluster.address(*broker) == before).unwrap();
    let to = (from + 1) % BROKERS;
    let sent = several.write(&topic).await;

    let folder = Scratch::new("reassignment");
    let plan = folder.join("plan.json");
    let json =
        format!(r#"{{"version":1,"partitions":[{{"topic":"{topic}","partition":0,"replicas":[{to}]}}]}}"#);
    fs::write(&plan, json).unwrap();
    let plan = ["--bootstrap-server", &proxy.bootstrap(), "--reassignment-json-file", plan.to_str().unwrap()];
    let said = tool("kafka-reassign-partitions", &[&plan[..], &["--execute"]].concat()).await;
    assert!(said.contains(&format!("Successfully started partition reassignment for {topic}-0")), "{said}");
    let completed = format!("Reassignment of partition {topic}-0 is completed.");
    let is_there = async || {
        tool("kafka-reassign-partitions", &[&plan[..], &["--verify"]].concat()).await.contains(&completed)
    };
    eventually("the tool says that the partition is there", PATIENCE, is_there).await;
    eventually("it is there", PATIENCE, async || leader().await == cluster.address(to)).await;
    let received = Client::Java.consume_all(&ConsumeOptions::from(proxy.bootstrap(), &topic)).await;
    assert_same("after the move", &sent, &received);
}
