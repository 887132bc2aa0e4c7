//! What happened once is an event on the resources that people look at.

use serde_json::{Value, json};

use super::{CONFIG, CORE, LEDGER, OURS, POLICY, PROXY, World};
use crate::controller::fixtures::{RULE, policy, policy_of, proxy};

const POLICIES: &str = "topicencryptionpolicies";
const PAYMENTS: &str = "TopicEncryptionPolicy payments";
const PROXIES: &str = "EncryptionProxy proxies";

/// Kind and name of what an event is about, and its text, of every event with a reason.
fn events(world: &World, reason: &str) -> Vec<(String, String)> {
    let events = world.server.all("/events/").into_iter().filter(|event| event["reason"] == reason);
    let mut found: Vec<_> = events
        .map(|event| {
            let about = &event["regarding"];
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            (format!("{} {}", text(&about["kind"]), text(&about["name"])), text(&event["note"]))
        })
        .collect();
    found.sort();
    found
}

#[tokio::test]
async fn new_keys_are_told_to_every_policy_that_uses_them() {
    let world = World::with_policy().await;
    world.put(
        OURS,
        POLICIES,
        &policy_of("kafka", "other", "[{topics: [{name: refunds}], key: {name: refunds}}]"),
    );
    world.put(
        OURS,
        POLICIES,
        &policy_of("kafka", "open", "[{topics: [{name: open}], encryption: Disabled}]"),
    );
    world.pass().await;
    let told = events(&world, "LocalKeysMade");
    let about: Vec<_> = told.iter().map(|(about, _)| about.as_str()).collect();
    assert_eq!(about, ["TopicEncryptionPolicy other", "TopicEncryptionPolicy payments"]);
    assert!(told[0].1.contains(": refunds. Back it up"), "{}", told[0].1);
    assert!(told[1].1.contains(": payments. Back it up"), "{}", told[1].1);
}

#[tokio::test]
async fn new_keys_are_told_to_the_platform_owner_too() {
    let world = World::with_policy().await;
    world.proxy(&proxy("proxies", "{}"));
    world.pass().await;
    let told = events(&world, "LocalKeysMade");
    let about: Vec<_> = told.iter().map(|(about, _)| about.as_str()).collect();
    assert_eq!(about, ["EncryptionProxy proxies", "TopicEncryptionPolicy payments"]);
}

#[tokio::test]
async fn certificates_are_told_on_the_fleets_owner() {
    for (settings, owner) in [(None, "Kafka my-cluster"), (Some("{}"), "EncryptionProxy proxies")] {
        let world = World::with_policy().await;
        if let Some(settings) = settings {
            world.proxy(&proxy("proxies", settings));
        }
        world.pass().await;
        for reason in ["IssuedAuthority", "IssuedServerCertificate"] {
            let told = events(&world, reason);
            assert_eq!(told.len(), 1, "{reason}");
            assert_eq!(told[0].0, owner);
            assert!(told[0].1.contains("valid until"), "{}", told[0].1);
        }
    }
}

/// Changes what an object says, and leaves its status.
fn edit(world: &World, path: &str, field: &str, value: Value) {
    let mut object = world.server.get(path).unwrap();
    *object.pointer_mut(field).unwrap() = value;
    let (collection, _) = path.rsplit_once('/').unwrap();
    world.server.put(collection, &object);
}

/// The types of the events with a reason about an object.
fn types(world: &World, reason: &str, about: &str) -> Vec<String> {
    let is_of = |event: &&Value| {
        let object = &event["regarding"];
        let (kind, name) = about.split_once(' ').unwrap();
        event["reason"] == reason && object["kind"] == kind && object["name"] == name
    };
    let events = world.server.all("/events/");
    events.iter().filter(is_of).map(|event| event["type"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_policy_that_is_refused_or_accepted_again_is_told_so_once() {
    let world = World::with_policy().await;
    world.pass().await;
    assert_eq!(types(&world, "Accepted", PAYMENTS), ["Normal"]);
    let rules = |provider: &str| json!([{"topics": [{"prefix": "payments."}], "key": {"name": "k", "provider": provider}}]);
    for provider in ["one", "two"] {
        // The other message alone is no turn.
        edit(&world, POLICY, "/spec/rules", rules(provider));
        world.pass().await;
        assert!(world.condition(POLICY, "Accepted").1.contains(provider));
        let told = events(&world, "Invalid");
        let [(about, note)] = told.as_slice() else { panic!("{told:#?}") };
        assert!(about == PAYMENTS && note.contains("one"), "{told:#?}");
        assert_eq!(types(&world, "Invalid", PAYMENTS), ["Warning"]);
        let event = world.server.all("/events/").into_iter().find(|event| event["reason"] == "Invalid");
        assert_eq!(event.unwrap()["series"]["count"], 2, "Accepted and Ready");
    }
}

#[tokio::test]
async fn a_fleet_that_turns_ready_or_stalls_is_told_so_once() {
    let world = World::with_policy().await;
    world.proxy(&proxy("proxies", "{replicas: 0}"));
    world.pass().await;
    assert_eq!(world.ready(PROXY), "False ProxiesNotReady", "that it is not ready at first is no news");
    assert_eq!(types(&world, "ProxiesNotReady", PROXIES), [""; 0]);
    world.put(CORE, "secrets", &json!({"metadata": {"name": "my-cluster-cluster-ca-cert"}}));
    for _ in 0..2 {
        world.pass().await;
        assert_eq!(world.ready(PROXY), "True Ready");
        assert_eq!(types(&world, "Ready", PROXIES), ["Normal"]);
    }
    world.server.remove(LEDGER);
    world.pass().await;
    assert_eq!(types(&world, "LedgerMissing", PAYMENTS), ["Warning"], "of Ready alone");
}

#[tokio::test]
async fn a_ledger_that_was_set_back_is_told_on_the_fleets_owner() {
    let world = World::with_policy().await;
    world.pass().await;
    let earlier = world.server.get(LEDGER).unwrap();
    world.put(OURS, POLICIES, &policy("[{topics: [{prefix: payments.}, {name: refunds}], key: {name: k}}]"));
    world.pass().await;
    world.put(CORE, "configmaps", &earlier);
    world.policy(&policy(RULE));
    world.pass().await;
    let told = events(&world, "LedgerRolledBack");
    let about: Vec<_> = told.iter().map(|(about, _)| about.as_str()).collect();
    assert_eq!(about, ["Kafka my-cluster"], "{:#?}", world.server.get(CONFIG));
    assert!(told[0].1.contains("my-cluster-encryption-ledger"), "{}", told[0].1);
    assert_eq!(types(&world, "LedgerRolledBack", "Kafka my-cluster"), ["Warning"]);
}
