//! An operator that keeps its hands off.

use std::time::Duration;

use serde_json::{Value, json};
use tests::eventually;
use tests::kubernetes::Stage;

const PATIENCE: Duration = Duration::from_secs(90);
const PAUSE: &str = "encryption.strimzi.io/pause-reconciliation";

/// A rule for each of these prefixes, with a key of that name.
fn rules(prefixes: &[&str]) -> Value {
    let rule = |prefix: &&str| json!({"topics": [{"prefix": prefix}], "key": {"name": prefix}});
    prefixes.iter().map(rule).collect()
}

/// How often the operator has looked at everything.
async fn passes(stage: &Stage) -> f64 {
    let pods = ["get", "pods", "-l", "app.kubernetes.io/name=topic-encryption-operator"];
    let list = stage.json(&pods).await;
    let pod = list["items"][0]["metadata"]["name"].as_str().unwrap().to_owned();
    let text = stage.ask(&pod, "/metrics").await.unwrap();
    let name = "topic_encryption_operator_reconciliations_successful_total";
    let lines = text.lines().filter(|line| line.starts_with(name));
    lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

async fn await_passes(stage: &Stage, count: f64) {
    let from = passes(stage).await;
    eventually("the operator looks again", PATIENCE, async || passes(stage).await >= from + count).await;
}

async fn annotate(stage: &Stage, object: &str, value: &str) {
    stage.kubectl(&["annotate", object, &format!("{PAUSE}{value}")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn paused_resources_keep_what_runs_and_follow_once_the_annotation_is_gone() {
    let stage = Stage::named("pause").set("fullReconciliationIntervalMs=5000").start().await;
    stage.apply_proxy(json!({"replicas": 1})).await;
    stage.apply_policy("payments", rules(&["payments"])).await;
    stage.await_ready("tep/payments").await;
    stage.await_ready("encproxy/my-cluster").await;
    let fleet = stage.await_fleet(1).await;
    let loaded = stage.loaded().await;

    annotate(&stage, "tep/payments", "=true").await;
    stage.patch("tep", "payments", json!({"spec": {"rules": rules(&["payments", "orders"])}})).await;
    let paused = |name: &'static str, kind: &'static str| {
        stage.await_condition(kind, name, "ReconciliationPaused", |found| found.status == "True")
    };
    paused("payments", "tep").await;
    let ready = stage.await_condition("tep", "payments", "Ready", |found| found.status == "Unknown").await;
    assert_eq!(ready.reason, "ReconciliationPaused", "{ready}");
    await_passes(&stage, 1.0).await;
    assert_eq!(stage.loaded().await, loaded);
    annotate(&stage, "tep/payments", "-").await;
    stage.await_ready("tep/payments").await;
    stage.await_loaded("the edit is taken up", |policy| policy["rules"] == 2).await;
    assert!(!stage.holds("tep", "payments", "ReconciliationPaused").await);

    annotate(&stage, "encproxy/my-cluster", "=true").await;
    stage.patch("encproxy", "my-cluster", json!({"spec": {"replicas": 2}})).await;
    paused("my-cluster", "encproxy").await;
    await_passes(&stage, 1.0).await;
    assert_eq!(stage.get("deployment", "my-cluster-encryption").await["spec"]["replicas"], 1);
    assert_eq!(stage.fleet().await, fleet);
    annotate(&stage, "encproxy/my-cluster", "-").await;
    stage.await_fleet(2).await;
    stage.await_ready("encproxy/my-cluster").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_where_nothing_changes() {
    let stage = Stage::named("pause-idle").set("fullReconciliationIntervalMs=5000").start().await;
    stage.apply_proxy(json!({"replicas": 1})).await;
    stage.apply_policy("payments", rules(&["payments"])).await;
    stage.await_ready("tep/payments").await;
    stage.await_ready("encproxy/my-cluster").await;
    await_passes(&stage, 1.0).await;
    let versions = async || {
        let kinds = "tep,encproxy,deployment,configmap,secret,service,serviceaccount,pdb,networkpolicy";
        let list = stage.json(&["get", kinds, "-l", "encryption.strimzi.io/kafka"]).await;
        let mut all = vec![];
        for object in list["items"].as_array().unwrap() {
            let metadata = &object["metadata"];
            all.push(format!("{} {} {}", object["kind"], metadata["name"], metadata["resourceVersion"]));
        }
        for (kind, name) in [("tep", "payments"), ("encproxy", "my-cluster")] {
            all.push(format!("{kind} {}", stage.get(kind, name).await["metadata"]["resourceVersion"]));
        }
        all
    };
    let before = versions().await;
    assert!(before.len() > 10, "{before:?}");
    await_passes(&stage, 2.0).await;
    assert_eq!(versions().await, before);
}
