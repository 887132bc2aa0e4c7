//! Two Kafka clusters in two namespaces of one operator, among objects that nobody should write.

use std::time::Duration;

use serde_json::{Value, json};
use tests::eventually;
use tests::kubernetes::{Condition, Stage};

const STRIMZI: &str = "kafka.strimzi.io/v1";
const PATIENCE: Duration = Duration::from_secs(90);

fn rules() -> Value {
    json!([{"topics": [{"prefix": "payments."}], "key": {"name": "payments"}}])
}

/// Objects that Strimzi's definitions let through.
fn oddities() -> Vec<Value> {
    let object = |kind: &str, name: &str, labels: Value, spec: Value| {
        let metadata = json!({"name": name, "labels": labels});
        json!({"apiVersion": STRIMZI, "kind": kind, "metadata": metadata, "spec": spec})
    };
    let of = |cluster: &str| json!({"strimzi.io/cluster": cluster});
    let storage = json!({"type": "ephemeral"});
    let listeners = json!([{"name": "x1", "port": 9092, "type": "internal", "tls": false}]);
    let topic = json!({"topicName": "payments.odd", "config": {"cleanup.policy": [7, {"a": null}], "x": {}}});
    vec![
        object(
            "Kafka",
            "odd",
            json!({}),
            json!({"kafka": {"listeners": listeners, "config": {"a": [{}]}}, "nobody": {"knows": [1]}}),
        ),
        object(
            "KafkaNodePool",
            "odd",
            of("odd"),
            json!({"replicas": 1, "roles": ["broker"], "storage": storage}),
        ),
        object(
            "KafkaNodePool",
            "without-status",
            of("my-cluster"),
            json!({"replicas": 1, "roles": ["broker"], "storage": storage}),
        ),
        object("KafkaTopic", "odd", of("my-cluster"), topic),
        object("KafkaTopic", "of-nobody", json!({}), json!({"partitions": 1})),
        object("KafkaUser", "odd", of("my-cluster"), json!({})),
    ]
}

async fn write_oddities(stage: &Stage) {
    for (index, object) in oddities().iter().enumerate() {
        let file = stage.file(&format!("odd-{index}.json"), &object.to_string());
        stage.kubectl(&["apply", "--validate=false", "-f", file.to_str().unwrap()]).await;
    }
    let status = json!({"status": {
        "listeners": [{"name": "x1", "addresses": [{}], "certificates": ["no certificate"]}, {}],
        "conditions": [{"type": "Ready", "status": "Perhaps"}, {}],
        "clusterId": "",
    }});
    let patch = status.to_string();
    stage
        .kubectl(&["patch", "kafka", "odd", "--subresource=status", "--type=merge", "--patch", &patch])
        .await;
}

async fn await_not_ready(stage: &Stage, policy: &str, reason: &str) -> Condition {
    stage
        .await_condition("tep", policy, "Ready", |found| found.status == "False" && found.reason == reason)
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_objects_and_missing_clusters_leave_all_other_fleets_alone() {
    let late = Stage::named("malformed-late").without_kafka().without_operator().start().await;
    let stage = Stage::named("malformed")
        .set("watchNamespaces[0]=malformed")
        .set("watchNamespaces[1]=malformed-late")
        .start()
        .await;
    write_oddities(&stage).await;
    let odd = stage.policy("odd", rules()).replace("my-cluster", "odd");
    stage.apply(&odd).await;
    late.apply_policy("payments", rules()).await;
    let missing = await_not_ready(&late, "payments", "TargetNotFound").await;
    assert!(missing.message.contains("create it, or correct spec.kafkaRef"), "{missing}");
    let accepted = late.await_condition("tep", "payments", "Accepted", |found| found.status == "False").await;
    assert_eq!(accepted.reason, "TargetNotFound");
    stage.apply_policy("payments", rules()).await;
    stage.await_ready("tep/payments").await;
    let mut first = stage.topic("payments.orders").await;
    let needle = first.write().await;
    first.assert_intact().await;
    assert!(!first.is_clear(&needle).await);
    let odd = await_not_ready(&stage, "odd", "KafkaMalformed").await;
    assert!(odd.message.contains("status.conditions[1].type is missing"), "{odd}");

    late.strimzi("create", &["--brokers", "1", "--listeners", "tls"]).await;
    late.await_ready("tep/payments").await;
    let mut second = late.topic("payments.orders").await;
    let needle = second.write().await;
    second.assert_intact().await;
    assert!(!second.is_clear(&needle).await);
    let key = async |stage: &Stage| stage.secret("my-cluster-encryption-keys", "payments.v1").await;
    assert_ne!(key(&stage).await, key(&late).await, "each fleet has keys of its own");
    first.assert_intact().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operators_log_level_changes_without_a_restart() {
    let stage = Stage::named("log-level").without_kafka().set("logLevel=info").start().await;
    let name = "topic-encryption-topic-encryption-operator";
    let selector = "app.kubernetes.io/name=topic-encryption-operator";
    let log = async || stage.kubectl(&["logs", "-l", selector, "--tail=-1"]).await;
    assert!(!log().await.contains("\"DEBUG\""));
    let pod = async || stage.json(&["get", "pods", "-l", selector]).await["items"][0].take();
    let before = pod().await;
    stage.patch("configmap", name, json!({"data": {"log-level": "debug"}})).await;
    // Makes the kubelet look at once.
    stage.kubectl(&["annotate", "pods", "-l", selector, "look=now"]).await;
    eventually("the operator logs more", PATIENCE, async || log().await.contains("\"DEBUG\"")).await;
    let after = pod().await;
    assert_eq!(after["metadata"]["uid"], before["metadata"]["uid"]);
    assert_eq!(after["status"]["containerStatuses"][0]["restartCount"], 0);
}
