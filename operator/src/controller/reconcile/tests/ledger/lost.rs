//! Ledgers that are lost, or set back to an older state by a backup or by a tool that keeps objects in Git.

use axum::http::Method;
use serde_json::json;

use super::super::{CONFIG, LEDGER, POLICY, World, has};
use crate::controller::fixtures::{RULE, key, policy};

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
    world.server.refuse(
        Method::PATCH,
        "/configmaps/my-cluster-encryption-ledger",
        409,
        "it has been modified",
    );
    world.try_pass().await.unwrap_err();
    world.server.relent();
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

/// A cluster whose ledger was set back, and whose copy of it is gone: that, and what the ledger said.
async fn set_back() -> (World, String) {
    let world = World::with_policy().await;
    world.pass().await;
    let earlier = world.server.get(LEDGER).unwrap();
    world.policy(&policy(BOTH));
    world.pass().await;
    world.pass().await;
    let latest = world.ledger();
    world.put(super::super::CORE, "configmaps", &earlier);
    world.server.remove(CONFIG);
    (world, latest)
}

#[tokio::test]
async fn a_ledger_that_was_set_back_with_its_copy_stops_everything() {
    for has_restarted in [true, false] {
        let (world, latest) = set_back().await;
        if has_restarted {
            world.context.memory.forget(&key());
        } else {
            for name in ["keys", "ca"] {
                let path = format!("/api/v1/namespaces/kafka/secrets/my-cluster-encryption-{name}");
                let mut secret = world.server.get(&path).unwrap();
                secret["metadata"]["annotations"] = json!({});
                world.put(super::super::CORE, "secrets", &secret);
            }
        }
        world.server.writes();
        let writes = world.pass().await;
        assert!(says_nothing_but_statuses(&writes), "{writes:#?}");
        assert_eq!(world.ready(POLICY), "False LedgerRolledBack");
        let (_, message) = world.condition(POLICY, "Ready");
        let serial = latest.lines().find(|line| line.starts_with("serial: ")).unwrap();
        assert!(message.contains(serial) && message.contains("restore the newest copy"), "{message}");

        let restored = json!({
            "metadata": {"name": "my-cluster-encryption-ledger", "namespace": "kafka"},
            "data": {"ledger.yaml": latest},
        });
        world.put(super::super::CORE, "configmaps", &restored);
        world.pass().await;
        assert!(world.told().contains("refunds"), "{}", world.told());
    }
}

#[tokio::test]
async fn a_tool_that_applies_an_older_secret_is_not_fought() {
    let world = World::with_policy().await;
    world.pass().await;
    let path = "/api/v1/namespaces/kafka/secrets/my-cluster-encryption-ca";
    let mut older = world.server.get(path).unwrap();
    assert!(has(&world.pass().await, "PATCH secrets/my-cluster-encryption-ca"), "the serial is noted");
    older["metadata"]["annotations"]["encryption.strimzi.io/ledger-serial"] = json!("0");
    for _ in 0..2 {
        world.put(super::super::CORE, "secrets", &older);
        assert!(!has(&world.pass().await, "secrets/my-cluster-encryption-ca"));
    }
}

#[tokio::test]
async fn a_copy_of_the_ledger_that_cannot_be_read_is_told() {
    let world = World::with_policy().await;
    world.pass().await;
    let mut config = world.server.get(CONFIG).unwrap();
    config["data"]["ledger.yaml"] = json!("version: 9");
    world.put(super::super::CORE, "configmaps", &config);
    let writes = world.pass().await;
    assert!(has(&writes, "events"), "{writes:#?}");
    let notes = world.server.all("/events");
    assert!(notes.iter().any(|event| event["reason"] == "LedgerCopyUnreadable"), "{notes:#?}");
    assert_eq!(world.server.get(CONFIG).unwrap()["data"]["ledger.yaml"], json!(world.ledger()));
}
