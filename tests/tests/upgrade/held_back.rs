//! A policy with a field that today's programs know and the previous version's do not, while its proxies still run.

use serde_json::json;
use tests::kubernetes::{Fleet, Stage};

/// As a whole they refuse a file with it, and go on with what they have.
pub(crate) async fn every_edit_is(stage: &Stage) {
    let fleet = stage.fleet().await;
    let topics = json!([{"prefix": "payments."}, {"name": "refunds"}]);
    let headers =
        json!({"topics": topics, "key": {"name": "payments"}, "format": "Record", "headers": ["trace"]});
    let clear = json!({"topics": [{"prefix": "payments.public."}], "encryption": "Disabled"});
    stage.patch("tep", "payments", json!({"spec": {"rules": [headers, clear]}})).await;
    is_refused(stage, &fleet, "payments").await;
    let other = json!({"topics": [{"prefix": "orders."}], "encryption": "Disabled"});
    stage.apply_policy("orders", json!([other])).await;
    is_refused(stage, &fleet, "orders").await;
}

/// Both pods are named, with the field, and with what ends it.
async fn is_refused(stage: &Stage, fleet: &Fleet, policy: &str) {
    assert_eq!(fleet.pods.len(), 2);
    let of_pods = fleet.names().into_iter().map(|name| format!("pod {name} refuses its files: "));
    let mut wanted: Vec<String> = of_pods.collect();
    wanted.push(".headers: is not a known field".to_owned());
    wanted.push("go on with it".to_owned());
    wanted.push("until the rollout has replaced these pods".to_owned());
    let says = |message: &str| wanted.iter().all(|part| message.contains(part));
    let held = stage.await_condition("tep", policy, "Programmed", |found| says(&found.message)).await;
    assert_eq!((held.status.as_str(), held.reason.as_str()), ("False", "FilesRefused"), "{held}");
}

/// Once all proxies are new.
pub(crate) async fn no_edit_is(stage: &Stage) {
    for policy in ["tep/payments", "tep/orders"] {
        stage.await_ready(policy).await;
    }
}
