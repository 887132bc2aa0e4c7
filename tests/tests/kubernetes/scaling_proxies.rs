//! The number of proxies follows the scale of the `EncryptionProxy`, as autoscalers set it.

use std::time::Duration;

use serde_json::{Value, json};
use tests::eventually_ok;
use tests::kubernetes::{Stage, condition};

const PATIENCE: Duration = Duration::from_mins(1);
const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/samples/50-autoscaling.yaml");

#[tokio::test(flavor = "multi_thread")]
async fn the_fleet_follows_its_scale_and_nobody_takes_it_back() {
    let stage = Stage::named("scaling-proxies").start().await;
    stage.apply_proxy(json!({})).await;
    let rules = |prefix: &str| json!([{"topics": [{"prefix": prefix}], "key": {"name": "orders"}}]);
    stage.apply_policy("orders", rules("orders.")).await;
    stage.await_ready("tep/orders").await;
    stage.await_fleet(2).await;

    stage.kubectl(&["scale", "encproxy", "my-cluster", "--replicas=3"]).await;
    stage.await_ready("encproxy/my-cluster").await;
    let three = stage.await_fleet(3).await;
    await_scale(&stage, 3).await;
    let column = "jsonpath={.status.proxies.summary}";
    for object in ["encproxy/my-cluster", "tep/orders"] {
        assert_eq!(stage.kubectl(&["get", object, "-o", column]).await, "3/3", "{object}");
    }

    // Neither a GitOps tool, which says nothing of replicas, nor an edit, which makes the operator write all, takes them back.
    stage.apply_proxy(json!({})).await;
    stage.apply_policy("orders", rules("refunds.")).await;
    stage.await_ready("tep/orders").await;
    assert_eq!(stage.get("encproxy", "my-cluster").await["spec"]["replicas"], 3);
    assert_eq!(stage.get("deployment", "my-cluster-encryption").await["spec"]["replicas"], 3);
    assert_eq!(stage.fleet().await, three);

    let autoscaler =
        std::fs::read_to_string(SAMPLE).unwrap().replace("namespace: kafka", "namespace: scaling-proxies");
    stage.apply(&autoscaler).await;
    let finds = async || {
        let object = stage.get("hpa", "my-cluster-encryption").await;
        match condition(&object, "AbleToScale") {
            Some(found) if found.status == "True" => Ok(object),
            other => Err(format!("{other:?}")),
        }
    };
    let seen = eventually_ok("the autoscaler finds its target", PATIENCE, finds).await;
    assert_eq!(seen["status"]["currentReplicas"], 3, "{seen}");
    stage.kubectl(&["delete", "hpa", "my-cluster-encryption"]).await;

    stage.kubectl(&["scale", "encproxy", "my-cluster", "--replicas=2"]).await;
    stage.await_fleet(2).await;
    await_scale(&stage, 2).await;
}

/// Waits until the scale subresource, which is all that an autoscaler knows, has that many, and selects the pods there are.
async fn await_scale(stage: &Stage, replicas: usize) {
    let path = format!(
        "/apis/encryption.strimzi.io/v1alpha1/namespaces/{}/encryptionproxies/my-cluster/scale",
        stage.namespace()
    );
    let probe = async || {
        let text = stage.kubectl(&["get", "--raw", &path]).await;
        let scale: Value = serde_json::from_str(&text).unwrap();
        let selector = scale["status"]["selector"].as_str().unwrap_or("none=such").to_owned();
        let pods = stage.kubectl(&["get", "pods", "-l", &selector, "-o", "name"]).await.lines().count();
        let wanted = scale["spec"]["replicas"] == replicas && scale["status"]["replicas"] == replicas;
        if wanted && pods == replicas { Ok(()) } else { Err(format!("{pods} pods: {text}")) }
    };
    eventually_ok(&format!("the scale is {replicas}"), PATIENCE, probe).await;
}
