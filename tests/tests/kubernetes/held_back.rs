//! A proxy that does not get a policy edit.

use serde_json::json;
use tests::kubernetes::{Stage, condition};

/// `2/3`, as the table of policies or proxies has it.
async fn summary(stage: &Stage, kind: &str, name: &str) -> String {
    stage.get(kind, name).await["status"]["proxies"]["summary"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_held_back_at_an_old_generation_is_counted_and_named_until_it_follows() {
    let stage = Stage::named("held-back").start().await;
    let first = json!({"topics": [{"prefix": "payments."}], "key": {"name": "payments"}});
    stage.apply_proxy(json!({"replicas": 3})).await;
    stage.apply_policy("payments", json!([first])).await;
    stage.await_ready("tep/payments").await;
    stage.await_ready("encproxy/my-cluster").await;
    let fleet = stage.await_fleet(3).await;
    let held = &fleet.pods[1];
    let old = stage.loaded().await[&held.name].clone();

    let holding = stage.hold_back(held).await;
    let mut stricter = first.clone();
    stricter["onPlaintext"] = json!("Reject");
    stage.patch("tep", "payments", json!({"spec": {"rules": [stricter]}})).await;
    let named = format!("2 of 3 proxies have loaded it; pod {} has not loaded it yet", held.name);
    let behind = stage.await_condition("tep", "payments", "Programmed", |found| found.message == named).await;
    assert_eq!((behind.status.as_str(), behind.reason.as_str()), ("False", "Reconciling"));
    let policy = stage.get("tep", "payments").await;
    assert_eq!(policy["status"]["proxies"]["summary"], "2/3");
    assert_eq!(condition(&policy, "Ready").unwrap().status, "False");
    assert_eq!(condition(&policy, "Reconciling").unwrap().message, named);
    let of_proxy =
        stage.await_condition("encproxy", "my-cluster", "Programmed", |found| found.status == "False").await;
    assert!(of_proxy.message.contains(&held.name), "{of_proxy}");
    assert_eq!(summary(&stage, "encproxy", "my-cluster").await, "2/3");

    let second = json!({"topics": [{"prefix": "orders."}], "key": {"name": "payments"}});
    stage.patch("tep", "payments", json!({"spec": {"rules": [stricter, second]}})).await;
    let first_step = |message: &str| message.contains("a first step") && message.contains(&held.name);
    stage.await_condition("tep", "payments", "Programmed", |found| first_step(&found.message)).await;
    let mut loaded = stage.loaded().await;
    assert_eq!(loaded.remove(&held.name).unwrap(), old, "the one held back answers, with what it had");
    assert!(loaded.values().all(|policy| policy["pending"] == 0), "writes wait for nobody: {loaded:?}");

    holding.release().await;
    stage.await_ready("tep/payments").await;
    stage.await_ready("encproxy/my-cluster").await;
    assert_eq!(summary(&stage, "tep", "payments").await, "3/3");
    assert_eq!(summary(&stage, "encproxy", "my-cluster").await, "3/3");
    assert_eq!(stage.fleet().await, fleet);
}
