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
    let probe = async || {
        let now = holder(&stage).await;
        if now.is_empty() || now == first { Err(format!("the Lease is held by {now:?}")) } else { Ok(now) }
    };
    eventually_ok("another replica leads", TAKEOVER, probe).await;
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

/// Who leads.
async fn holder(stage: &Stage) -> String {
    let lease = stage.get("lease", OPERATOR).await;
    lease["spec"]["holderIdentity"].as_str().unwrap_or_default().to_owned()
}
