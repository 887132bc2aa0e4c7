//! What happened once is an event on the resources that people look at.

use super::{OURS, World};
use crate::controller::fixtures::{policy_of, proxy};

/// Kind and name of what an event is about, and its text, of every event with a reason.
fn events(world: &World, reason: &str) -> Vec<(String, String)> {
    let events = world.server.all("/events/").into_iter().filter(|event| event["reason"] == reason);
    let mut found: Vec<_> = events
        .map(|event| {
            let about = &event["regarding"];
            let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
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
        "topicencryptionpolicies",
        &policy_of("kafka", "other", "[{topics: [{name: refunds}], key: {name: refunds}}]"),
    );
    world.put(
        OURS,
        "topicencryptionpolicies",
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
