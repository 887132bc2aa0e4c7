//! Ledgers that are lost, or set back to an older state by a backup or by a tool that keeps objects in Git.

use serde_json::json;

use super::super::{CONFIG, LEDGER, POLICY, World, has};
use crate::controller::fixtures::{RULE, policy};

const KEYS: &str = "/api/v1/namespaces/kafka/secrets/my-cluster-encryption-keys";
const DEPLOYMENT: &str = "/apis/apps/v1/namespaces/kafka/deployments/my-cluster-encryption";
const BOTH: &str = "[{topics: [{prefix: payments.}], key: {name: payments}}, {topics: [{name: refunds}], key: {name: refunds}}]";

fn says_nothing_but_statuses(writes: &[String]) -> bool {
    writes.iter().all(|write| write.ends_with("/status") || write.contains("events"))
}

#[tokio::test]
async fn a_lost_ledger_is_not_made_anew() {
    let world = World::with_policy().await;
    world.pass().await;
    world.server.remove(LEDGER);
    let writes = world.pass().await;
    assert_eq!(world.server.get(LEDGER), None);
    assert!(says_nothing_but_statuses(&writes), "{writes:#?}");
}

#[tokio::test]
async fn keys_alone_show_that_there_was_a_ledger() {
    let world = World::with_policy().await;
    world.pass().await;
    for path in [LEDGER, CONFIG, DEPLOYMENT] {
        world.server.remove(path);
    }
    let writes = world.pass().await;
    assert_eq!((world.server.get(LEDGER), world.server.get(CONFIG)), (None, None));
    assert!(says_nothing_but_statuses(&writes), "{writes:#?}");
    assert_eq!(world.ready(POLICY), "False LedgerMissing");
}

#[tokio::test]
async fn a_first_pass_that_ends_early_leaves_no_sign_of_a_lost_ledger() {
    let world = World::with_policy().await;
    let secret = json!({"metadata": {"name": "my-cluster-encryption-tls"}});
    world.server.meanwhile("/api/v1/namespaces/kafka/secrets/my-cluster-encryption-tls", secret);
    world.try_pass().await.unwrap_err();
    assert!(world.server.get(KEYS).is_some() && world.server.get(CONFIG).is_none());
    world.pass().await;
    assert!(world.told().contains("payments."), "{}", world.told());
}

#[tokio::test]
async fn what_was_encrypted_since_is_retired_and_not_clear() {
    let world = World::with_policy().await;
    world.pass().await;
    let earlier = world.server.get(LEDGER).unwrap();
    world.policy(&policy(BOTH));
    world.pass().await;
    world.put(super::super::CORE, "configmaps", &earlier);
    world.policy(&policy(RULE));
    let writes = world.pass().await;
    assert!(has(&writes, "events"), "{writes:#?}");
    assert!(world.told().contains("Retired") && world.told().contains("refunds"), "{}", world.told());
    assert!(world.ledger().contains("refunds"), "{}", world.ledger());
    let writes = world.pass().await;
    assert!(!has(&writes, "ledger") && !has(&writes, "events"), "{writes:#?}");
}

#[tokio::test]
async fn a_ledger_that_some_tool_gave_an_owner_stays() {
    let world = World::with_policy().await;
    world.pass().await;
    let mut ledger = world.server.get(LEDGER).unwrap();
    ledger["metadata"]["ownerReferences"] =
        json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": "tool", "uid": "tool"}]);
    world.put(super::super::CORE, "configmaps", &ledger);
    world.pass().await;
    assert!(world.server.get(LEDGER).is_some());
}

#[tokio::test]
async fn a_key_that_was_ever_in_use_is_not_made_again() {
    let world = World::with_policy().await;
    world.pass().await;
    world.policy(&policy("[{topics: [{prefix: payments.}], key: {name: other}}]"));
    world.pass().await;
    world.server.remove(KEYS);
    world.policy(&policy(RULE));
    world.pass().await;
    assert_eq!(world.server.get(KEYS).unwrap()["data"], json!({}));
    assert!(world.ledger().contains("other"), "{}", world.ledger());
}
