//! Whoever can reach the brokers goes round the proxies: the status says so, and what to do.

use std::time::Duration;

use serde_json::{Value, json};
use tests::eventually;
use tests::kubernetes::Stage;

const PATIENCE: Duration = Duration::from_mins(1);
const CONDITION: &str = "BrokersReachableDirectly";

/// Conformance: P17-34.
#[tokio::test(flavor = "multi_thread")]
async fn the_snippet_of_the_condition_ends_it_when_pasted() {
    let stage = Stage::named("bypass").listeners("tls,scram").start().await;
    stage.apply_proxy(json!({"listenerName": "tls"})).await;
    let rule = json!({"topics": [{"prefix": "orders."}], "key": {"name": "orders"}});
    stage.apply_policy("orders", json!([rule])).await;
    stage.await_ready("tep/orders").await;
    let fleet = stage.await_fleet(2).await;
    let told = stage.await_condition("tep", "orders", CONDITION, |found| found.status == "True").await;
    assert_eq!(told, stage.await_condition("encproxy", "my-cluster", CONDITION, |_| true).await);
    for listener in ["tls", "scram"] {
        assert!(told.message.contains(&format!("listener {listener} admits everyone")), "{told}");
    }

    let (_, text) = told.message.split_once("In the Kafka resource:\n").expect("the snippet is at the end");
    let snippet: Value = serde_yaml::from_str(text).unwrap();
    let identity = snippet["networkPolicyPeers"][0]["podSelector"]["matchLabels"].as_object().unwrap();
    let labels: Vec<_> =
        identity.iter().map(|(name, value)| format!("{name}={}", value.as_str().unwrap())).collect();
    let pods = stage
        .kubectl(&["get", "pods", "-l", &labels.join(","), "-o", "jsonpath={.items[*].metadata.name}"])
        .await;
    assert_eq!(
        pods.split_whitespace().collect::<Vec<_>>(),
        fleet.names(),
        "the snippet admits the proxies alone"
    );

    paste(&stage, &snippet, "tls").await;
    stage.await_condition("tep", "orders", CONDITION, |found| !found.message.contains("listener tls ")).await;
    paste(&stage, &snippet, "scram").await;
    for (kind, name) in [("tep", "orders"), ("encproxy", "my-cluster")] {
        let gone = async || !stage.holds(kind, name, CONDITION).await;
        eventually(&format!("{kind}/{name} has no way round"), PATIENCE, gone).await;
    }
    assert_eq!(stage.fleet().await, fleet, "nothing else changes");
}

/// Adds the snippet's fields to the listener, as somebody does in an editor.
async fn paste(stage: &Stage, snippet: &Value, listener: &str) {
    let mut listeners = stage.get("kafka", "my-cluster").await["spec"]["kafka"]["listeners"].clone();
    let found = listeners.as_array_mut().unwrap().iter_mut().find(|each| each["name"] == listener).unwrap();
    for (field, value) in snippet.as_object().unwrap() {
        found[field.as_str()] = value.clone();
    }
    stage.patch("kafka", "my-cluster", json!({"spec": {"kafka": {"listeners": listeners}}})).await;
}
