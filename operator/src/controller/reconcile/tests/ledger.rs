//! The ledger: nobody's edit of it is lost, and nothing is told to proxies that it does not know.

mod lost;

use serde_json::json;

use super::{CONFIG, LEDGER, POLICY, World, has};
use crate::controller::fixtures::{RULE, ledger, policy};
use crate::controller::reconcile::Error;

const FOREIGN: &str =
    "version: 1\nencrypted: [{topic: {name: salaries}, key: {name: k}, policy: kafka/hr}]\n";

fn foreign() -> serde_json::Value {
    json!(ledger(FOREIGN))
}

#[tokio::test]
async fn a_ledger_that_appears_meanwhile_stops_the_pass_before_the_policy_is_written() {
    let world = World::with_policy().await;
    world.server.meanwhile(LEDGER, foreign());
    let error = world.try_pass().await.unwrap_err();
    assert!(matches!(error, Error::Apply(_)), "{error}");
    assert_eq!(world.server.get(CONFIG), None);
    assert_eq!(world.ledger(), FOREIGN);
    // The next pass knows it.
    world.pass().await;
    let ledger = world.ledger();
    assert!(ledger.contains("salaries") && ledger.contains("payments."), "{ledger}");
}

#[tokio::test]
async fn a_ledger_that_changes_meanwhile_stops_the_pass_before_the_policy_is_written() {
    let world = World::with_policy().await;
    world.pass().await;
    let told = world.server.get(CONFIG).unwrap()["data"]["policy.yaml"].clone();
    world.policy(&policy("[{topics: [{name: refunds}], key: {name: refunds}}]"));
    world.server.meanwhile(LEDGER, foreign());
    world.try_pass().await.unwrap_err();
    assert!(!has(&world.server.writes(), "encryption-config"));
    assert_eq!(world.server.get(CONFIG).unwrap()["data"]["policy.yaml"], told);
    assert_eq!(world.ledger(), FOREIGN);
}

#[tokio::test]
async fn a_rule_that_says_disabled_is_forgotten_once_no_proxy_encrypts() {
    let world = World::with_policy().await;
    world.pass().await;
    assert!(world.ledger().contains("payments."));
    world.policy(&policy("[{topics: [{prefix: payments.}], encryption: Disabled}]"));
    world.pass().await;
    assert!(!world.ledger().contains("payments."), "{}", world.ledger());
}

#[tokio::test]
async fn an_edit_of_the_ledger_meanwhile_is_not_lost_when_a_rule_is_forgotten() {
    let world = World::with_policy().await;
    world.pass().await;
    world.policy(&policy("[{topics: [{prefix: payments.}], encryption: Disabled}]"));
    world.server.meanwhile(LEDGER, foreign());
    world.try_pass().await.unwrap_err();
    assert_eq!(world.ledger(), FOREIGN);
}

#[tokio::test]
async fn what_is_forgotten_stays_forgotten() {
    let world = World::with_policy().await;
    world.pass().await;
    world.policy(&policy("[{topics: [{prefix: payments.}], encryption: Disabled}]"));
    world.pass().await;
    world.pass().await;
    assert!(!world.ledger().contains("payments."), "{}", world.ledger());
    world.server.remove(POLICY);
    let writes = world.pass().await;
    assert!(!has(&writes, "ledger"), "{writes:#?}");
    assert!(!world.told().contains("payments."), "{}", world.told());
}

#[tokio::test]
async fn a_policy_that_another_operator_wrote_meanwhile_is_not_written_over() {
    for exists in [true, false] {
        let world = World::with_policy().await;
        if exists {
            world.pass().await;
        }
        let foreign = json!({"metadata": {"name": "my-cluster-encryption-config"}, "data": {"policy.yaml": "of another"}});
        world.server.meanwhile(CONFIG, foreign);
        let error = world.try_pass().await.unwrap_err();
        assert!(matches!(error, Error::Apply(_)), "{error}");
        assert_eq!(world.told(), "of another", "{exists}");
        world.pass().await;
        assert!(world.told().contains("payments."), "{}", world.told());
    }
}

#[tokio::test]
async fn a_ledger_outlasts_its_fleet() {
    let world = World::with_policy().await;
    world.pass().await;
    let ledger = world.server.get(LEDGER).unwrap();
    assert!(ledger["metadata"]["ownerReferences"].is_null());
    assert_eq!(ledger["metadata"]["annotations"]["argocd.argoproj.io/sync-options"], "Prune=false");
    world.policy(&policy(RULE));
}
