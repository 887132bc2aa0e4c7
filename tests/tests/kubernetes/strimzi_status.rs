//! What Strimzi says of a Kafka cluster comes and goes; the proxies stay.

use serde_json::{Value, json};
use tests::kubernetes::Stage;

/// Rules for the topic of the load and so many others, each with a key of its own.
fn rules(others: usize) -> Value {
    let others = (0..others).map(|number| format!("other-{number}"));
    let others = others.map(|name| json!({"topics": [{"prefix": name}], "key": {"name": name}}));
    let first = json!({"topics": [{"prefix": "orders."}], "key": {"name": "orders"}});
    std::iter::once(first).chain(others).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn proxies_serve_and_load_edits_while_strimzi_fails_or_is_paused() {
    let stage = Stage::named("strimzi-status").start().await;
    stage.apply_policy("orders", rules(0)).await;
    stage.await_ready("tep/orders").await;
    let fleet = stage.await_fleet(2).await;
    stage.create_topic("orders.status", 1, &[]).await;
    let load = stage.load("orders.status").await;
    load.goes_on("from the start").await;
    let ended = stage.ended_connections().await;

    let changes = ["lose-listeners", "not-ready", "lose-listeners", "pause", "restore-listeners"];
    for (others, change) in (1..).zip(changes) {
        stage.strimzi(change, &[]).await;
        stage.apply_policy("orders", rules(others)).await;
        stage.await_ready("tep/orders").await;
        for (pod, loaded) in stage.loaded().await {
            assert_eq!(loaded["rules"], others + 1, "{pod} after {change}: {loaded}");
        }
        load.goes_on(change).await;
    }

    assert!(stage.ended_connections().await <= ended, "connections ended");
    let (_, reconnects) = load.finish().await;
    assert!(reconnects.is_empty(), "{reconnects:?}");
    assert_eq!(stage.fleet().await, fleet, "the pods stay as they were");
}
