//! Two policies that want the same topics.

use serde_json::{Value, json};
use tests::kubernetes::Stage;

fn rule(prefix: &str, key: &str) -> Value {
    json!({"topics": [{"prefix": prefix}], "key": {"name": key}})
}

/// Whether the policy is refused, and says which policy owns its first pattern.
async fn await_refused(stage: &Stage, name: &str, owner: &str) {
    let refused = stage
        .await_condition("tep", name, "Accepted", |accepted| {
            accepted.status == "False" && accepted.reason == "Conflicted"
        })
        .await;
    let says = format!("rules[0].topics[0]: prefix payments. belongs to policy conflict/{owner}");
    assert!(refused.message.contains(&says), "{refused}");
    let ready = stage.await_condition("tep", name, "Ready", |ready| ready.status == "False").await;
    assert_eq!(ready.reason, "Conflicted", "{ready}");
    assert!(stage.holds("tep", name, "Stalled").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_older_of_two_policies_wins_until_it_goes_and_nothing_is_clear_meanwhile() {
    let stage = Stage::named("conflict").start().await;
    stage.apply_policy("older", json!([rule("payments.", "old")])).await;
    stage.await_ready("tep/older").await;
    stage.apply_policy("younger", json!([rule("payments.", "new"), rule("orders.", "new")])).await;
    await_refused(&stage, "younger", "older").await;
    stage.await_ready("tep/older").await;
    let retired = json!([{"prefix": "orders."}]);
    stage.await_loaded("the other rule is refused", |policy| policy["retired"] == retired).await;
    let mut contested = stage.topic("payments.a").await;
    let mut other = stage.topic("orders.a").await;
    let first = contested.write().await;
    assert_eq!(other.refusal().await, "POLICY_VIOLATION");

    stage.delete("tep", "older").await;
    stage.await_ready("tep/younger").await;
    let second = contested.write().await;
    let third = other.write().await;
    contested.assert_intact().await;
    other.assert_intact().await;
    assert!(!contested.is_clear(&first).await && !contested.is_clear(&second).await);
    assert!(!other.is_clear(&third).await);

    // The ledger remembers who encrypted last, whatever the age of others.
    stage.apply_policy("older", json!([rule("payments.", "old")])).await;
    await_refused(&stage, "older", "younger").await;
    stage.await_ready("tep/younger").await;
}
