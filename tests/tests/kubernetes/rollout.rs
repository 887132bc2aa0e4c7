//! Pods of proxies are replaced, by a rollout and by evictions, while clients work.

use serde_json::json;
use std::time::Duration;
use tests::eventually_ok;
use tests::kubernetes::{Failed, Pod, Stage};

const PATIENCE: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread")]
async fn rollouts_and_evictions_lose_no_record() {
    let stage = Stage::named("rollout").start().await;
    let rule = json!({"topics": [{"prefix": "orders."}], "key": {"name": "orders"}});
    stage.apply_policy("orders", json!([rule])).await;
    stage.await_ready("tep/orders").await;
    let first = stage.await_fleet(2).await;
    stage.create_topic("orders.rollout", 1, &[]).await;
    let load = stage.load("orders.rollout").await;

    stage.apply_proxy(json!({"resources": {"requests": {"cpu": "11m"}}})).await;
    let rolled = stage.await_fleet_without(2, &first.pods).await;
    stage.await_ready("encproxy/my-cluster").await;
    load.goes_on("after the rollout").await;

    let [one, other] = rolled.pods.as_slice() else { panic!("{rolled:?}") };
    evict(&stage, one).await.unwrap();
    let refused = evict(&stage, other).await.unwrap_err();
    assert!(refused.said.contains("disruption budget"), "{refused}");
    stage.await_fleet_without(2, std::slice::from_ref(one)).await;
    load.goes_on("after the first eviction").await;
    // The budget is counted anew a moment after the pod is ready.
    eventually_ok("the second pod may go", PATIENCE, async || evict(&stage, other).await).await;
    stage.await_fleet_without(2, &rolled.pods).await;

    // Every pod that there was is gone, so the clients have moved.
    load.finish().await;
}

/// Both proxies are on a node of their own, which an administrator empties.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_drained_loses_no_record() {
    let stage = Stage::named("drain").start().await;
    let node = stage.kubernetes().second_node().await;
    stage.kubectl(&["uncordon", &node]).await;
    let names = json!({"key": "kubernetes.io/hostname", "operator": "In", "values": [node]});
    let preferred = json!([{"weight": 100, "preference": {"matchExpressions": [names]}}]);
    stage
        .apply_proxy(json!({"replicas": 2, "template": {"pod": {
            "tolerations": [{"key": "rig.test/second", "operator": "Exists"}],
            "affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": preferred}},
        }}}))
        .await;
    let rule = json!({"topics": [{"prefix": "orders."}], "key": {"name": "orders"}});
    stage.apply_policy("orders", json!([rule])).await;
    stage.await_ready("tep/orders").await;
    let first = stage.await_fleet(2).await;
    assert!(on(&stage, &node).await > 0, "none is where it is to be drained from");
    stage.create_topic("orders.drain", 1, &[]).await;
    let load = stage.load("orders.drain").await;

    let chosen =
        "--pod-selector=app.kubernetes.io/name=topic-encryption-proxy,app.kubernetes.io/instance=my-cluster";
    stage.kubectl(&["drain", &node, "--delete-emptydir-data", "--timeout=120s", chosen]).await;
    stage.await_fleet(2).await;
    assert_eq!(on(&stage, &node).await, 0, "the node is empty");
    assert_ne!(stage.fleet().await, first);
    load.goes_on("after the drain").await;
    stage.kubectl(&["uncordon", &node]).await;
    load.finish().await;
}

/// How many proxies are on a node.
async fn on(stage: &Stage, node: &str) -> usize {
    let words = [
        "get",
        "pods",
        "-l",
        "app.kubernetes.io/name=topic-encryption-proxy",
        "-o",
        "name",
        "--field-selector",
    ];
    let chosen = format!("spec.nodeName={node}");
    stage.kubectl(&[&words[..], &[&chosen]].concat()).await.lines().count()
}

/// As a drain of the pod's node does it.
async fn evict(stage: &Stage, pod: &Pod) -> Result<String, Failed> {
    let path = format!("/api/v1/namespaces/{}/pods/{}/eviction", stage.namespace(), pod.name);
    let eviction = json!({
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": pod.name, "namespace": stage.namespace()},
    });
    let words = ["kubectl", "create", "--raw", &path, "-f", "-"];
    stage.kubernetes().exec(&words, Some(&eviction.to_string())).await
}
