//! The operator goes, and the proxies stay.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::kubernetes::Stage;
use tests::{Client, Feed, assert_same, eventually_ok};

const OPERATOR: &str = "topic-encryption-topic-encryption-operator";
/// The Lease counts for 15 s; beyond that, a busy machine.
const TAKEOVER: Duration = Duration::from_secs(25);
const PATIENCE: Duration = Duration::from_mins(1);

fn rules(keys: &[&str]) -> Value {
    keys.iter().map(|key| json!({"topics": [{"prefix": format!("{key}.")}], "key": {"name": key}})).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn another_replica_takes_over_and_proxies_need_none() {
    let stage = Stage::named("operator-failover").set("replicas=2").start().await;
    stage.apply_policy("orders", rules(&["orders"])).await;
    stage.await_ready("tep/orders").await;
    let fleet = stage.await_fleet(2).await;
    stage.create_topic("orders.failover", 1, &[]).await;
    let load = stage.load("orders.failover").await;

    let first = holder(&stage).await;
    stage.kubectl(&["delete", "pod", &first, "--force", "--grace-period=0"]).await;
    let killed = Instant::now();
    await_holder_other_than(&stage, &first).await;
    println!("taken over after {:.1} s", killed.elapsed().as_secs_f64());
    stage.apply_policy("orders", rules(&["orders", "refunds"])).await;
    stage.await_ready("tep/orders").await;
    for (pod, loaded) in stage.loaded().await {
        assert_eq!(loaded["rules"], 2, "{pod}: {loaded}");
    }
    load.goes_on("after the failover").await;

    stage.kubectl(&["scale", "deployment", OPERATOR, "--replicas=0"]).await;
    let gone = async || {
        let pods = stage
            .kubectl(&["get", "pods", "-l", "app.kubernetes.io/name=topic-encryption-operator", "-o", "name"])
            .await;
        if pods.is_empty() { Ok(()) } else { Err(pods) }
    };
    eventually_ok("no operator is left", PATIENCE, gone).await;
    load.goes_on("without an operator").await;
    let (records, reconnects) = load.finish().await;
    assert!(reconnects.is_empty(), "{reconnects:?}");
    let read = Client::Go.consume_all(&stage.from(Client::Go, "orders.failover").await).await;
    assert_same("for a new client", &Feed::records(records), &read);
    assert_eq!(stage.fleet().await, fleet, "the proxies were not touched");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_was_frozen_ends_when_it_wakes_and_writes_nothing() {
    let stage = Stage::named("operator-frozen").set("replicas=2").start().await;
    stage.apply_proxy(json!({"replicas": 1})).await;
    stage.apply_policy("orders", rules(&["orders"])).await;
    stage.await_ready("tep/orders").await;
    let first = holder(&stage).await;
    let pod = stage.get("pod", &first).await;
    let uid = pod["metadata"]["uid"].as_str().unwrap();

    // Long enough for another to lead, and not for the kubelet to kill it.
    stage.freeze(uid).await;
    await_holder_other_than(&stage, &first).await;
    stage.apply_policy("orders", rules(&["orders", "refunds"])).await;
    stage.await_ready("tep/orders").await;
    stage.await_ready("encproxy/my-cluster").await;
    let before = written(&stage).await;

    // It has changes of its watches before it, and passes that are due.
    stage.thaw(uid).await;
    let ended = async || {
        let pod = stage.get("pod", &first).await;
        match pod.pointer("/status/containerStatuses/0/lastState/terminated/exitCode") {
            Some(code) => Ok(code.clone()),
            None => Err(pod["status"]["containerStatuses"].to_string()),
        }
    };
    assert_eq!(eventually_ok("it ends", PATIENCE, ended).await, 1);
    let said = stage.kubectl(&["logs", &first, "--previous"]).await;
    assert!(said.contains("the Lease is lost"), "{said}");
    assert_ne!(holder(&stage).await, first);
    assert_eq!(written(&stage).await, before, "what the other wrote stays");
}

/// The versions of everything that leaders write for a fleet.
async fn written(stage: &Stage) -> Vec<String> {
    let kinds = "tep,encproxy,configmaps,secrets,services,deployments,networkpolicies,poddisruptionbudgets";
    let format =
        "jsonpath={range .items[*]}{.kind}/{.metadata.name} {.metadata.resourceVersion}{\"\\n\"}{end}";
    let text = stage.kubectl(&["get", kinds, "-o", format]).await;
    let theirs = |line: &&str| line.contains("/my-cluster-encryption") || line.contains("Encryption");
    text.lines().filter(theirs).map(str::to_owned).collect()
}

async fn await_holder_other_than(stage: &Stage, first: &str) {
    let probe = async || {
        let now = holder(stage).await;
        if now.is_empty() || now == first { Err(format!("the Lease is held by {now:?}")) } else { Ok(()) }
    };
    eventually_ok("another replica leads", TAKEOVER, probe).await;
}

/// Who leads.
async fn holder(stage: &Stage) -> String {
    let lease = stage.get("lease", OPERATOR).await;
    lease["spec"]["holderIdentity"].as_str().unwrap_or_default().to_owned()
}
