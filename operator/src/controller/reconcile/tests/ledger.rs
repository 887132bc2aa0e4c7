//! The ledger: nobody's edit of it is lost, and nothing is told to proxies that it does not know.

mod lost;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::{CONFIG, LEDGER, POLICY, World, has};
use crate::controller::fixtures::{RULE, ledger, policy};
use crate::controller::reconcile::Error;

const SECRETS: &str = "/api/v1/namespaces/kafka/secrets";
const KEYS: &str = "/api/v1/namespaces/kafka/secrets/my-cluster-encryption-keys";
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
    assert!(!world.ledger().contains("prefix: payments."), "{}", world.ledger());
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
    assert!(!world.ledger().contains("prefix: payments."), "{}", world.ledger());
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

#[tokio::test]
async fn a_local_key_that_was_overwritten_refuses_writes_until_it_is_restored() {
    let world = World::with_policy().await;
    world.pass().await;
    let ledger = world.ledger();
    assert!(ledger.contains("localKeys:\n  payments.v1: "), "{ledger}");
    let kept = world.server.get(KEYS).unwrap();
    let other = |byte: u8| json!(STANDARD.encode(STANDARD.encode([byte; 32])));
    let mut rotated = kept.clone();
    rotated["data"]["payments.v2"] = other(2);
    world.server.put(SECRETS, &rotated);
    world.pass().await;
    assert!(world.ledger().contains("  payments.v2: "), "a version more is no damage: {}", world.ledger());
    assert!(!world.told().contains("Retired"), "{}", world.told());

    let (mut changed, mut gone) = (rotated.clone(), rotated.clone());
    changed["data"]["payments.v1"] = other(9);
    gone["data"].as_object_mut().unwrap().remove("payments.v2");
    for (damaged, said) in [(changed, "payments.v1 holds another key"), (gone, "payments.v2 is gone")] {
        world.server.put(SECRETS, &damaged);
        world.pass().await;
        assert!(world.told().contains("encryption: Retired"), "{}", world.told());
        for kind in ["KeysReady", "LocalKeysDamaged"] {
            let (_, message) = world.condition(POLICY, kind);
            assert!(message.contains(said) && message.contains("restore it from a backup"), "{message}");
        }
        assert_eq!(world.condition(POLICY, "KeysReady").0, "False LocalKeysDamaged");
        assert_eq!(world.server.get(KEYS).unwrap()["data"], damaged["data"], "nothing is made in its place");

        world.server.put(SECRETS, &rotated);
        world.pass().await;
        assert!(!world.told().contains("Retired"), "{}", world.told());
    }
}

#[tokio::test]
async fn a_version_that_was_destroyed_on_purpose_stops_no_writes() {
    let world = World::with_policy().await;
    world.policy(&policy("[{topics: [{prefix: payments.}], key: {name: payments}, onPlaintext: Reject}]"));
    world.pass().await;
    let other = |byte: u8| json!(STANDARD.encode(STANDARD.encode([byte; 32])));
    let mut secret = world.server.get(KEYS).unwrap();
    secret["data"]["payments.v2"] = other(2);
    world.server.put(SECRETS, &secret);
    world.pass().await;

    secret["data"].as_object_mut().unwrap().remove("payments.v1");
    world.server.put(SECRETS, &secret);
    world.pass().await;
    let told = world.told();
    assert!(told.contains("encryption: Retired") && told.contains("onPlaintext: Reject"), "{told}");
    let (_, message) = world.condition(POLICY, "KeysReady");
    assert!(message.contains("encryption.strimzi.io/keys-destroyed"), "{message}");

    secret["metadata"]["annotations"]["encryption.strimzi.io/keys-destroyed"] = json!("payments.v1");
    world.server.put(SECRETS, &secret);
    world.pass().await;
    let told = world.told();
    assert!(!told.contains("Retired") && told.contains("onPlaintext: Reject"), "{told}");
    assert!(world.ledger().contains("  payments.v1: "), "what it was is remembered: {}", world.ledger());

    secret["data"]["payments.v1"] = other(9);
    world.server.put(SECRETS, &secret);
    world.pass().await;
    assert!(world.told().contains("encryption: Retired"), "another key in its place: {}", world.told());
}
