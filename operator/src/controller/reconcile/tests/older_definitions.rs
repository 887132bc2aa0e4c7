//! Definitions in the cluster that are older than the operator: the rest of a status is written, once.

use super::{POLICY, World, has};
use crate::controller::fixtures::policy;

const RULES: [&str; 2] = [
    "[{topics: [{prefix: payments.}], key: {name: payments}}]",
    "[{topics: [{prefix: payments.}], key: {name: other}}]",
];

fn status(world: &World) -> serde_json::Value {
    world.server.get(POLICY).unwrap()["status"].clone()
}

#[tokio::test]
async fn what_they_know_is_written_and_not_again_for_what_they_do_not() {
    let world = World::with_policy().await;
    world.server.knows_no("proxies");
    world.pass().await;
    assert!(status(&world)["proxies"].is_null() && status(&world)["conditions"].is_array());
    world.pass().await;
    let writes = world.pass().await;
    assert!(!has(&writes, "/status"), "{writes:#?}");

    // An edit is told, and that again once.
    world.policy(&policy(RULES[1]));
    assert!(has(&world.pass().await, "/status"));
    world.pass().await;
    assert!(!has(&world.pass().await, "/status"));

    world.server.knows_no(None);
    world.policy(&policy(RULES[0]));
    world.pass().await;
    assert!(status(&world)["proxies"].is_object(), "newer definitions take all of it");
}

#[tokio::test]
async fn what_a_status_no_longer_says_does_not_stay() {
    let world = World::with_policy().await;
    world.server.knows_no("proxies");
    world.pass().await;
    let mut stale = world.server.get(POLICY).unwrap();
    stale["status"]["unmatchedTopics"] = 7.into();
    world.server.put(POLICY.rsplit_once('/').unwrap().0, &stale);
    world.pass().await;
    assert!(status(&world)["unmatchedTopics"].is_null(), "{}", status(&world));
}
