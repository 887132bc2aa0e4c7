//! What an operator makes of policies that its selector does not choose: nothing.

use std::sync::Arc;

use prometheus_client::registry::Registry;

use super::{CORE, POLICY, World, context, has, reconcile};
use crate::cluster::Mentioned;
use crate::controller::fixtures::key;

/// A cluster that another operator looks after, and one that is told to look at other labels.
async fn beside_another() -> World {
    let world = World::with_policy().await;
    world.pass().await;
    let other = context(&world.server, &mut Registry::default(), &["--selector", "team=orders"]).await;
    World { context: other, ..world }
}

#[tokio::test]
async fn the_fleet_of_policies_that_are_not_chosen_is_left_alone() {
    let other = beside_another().await;
    let path = format!("{CORE}/configmaps/my-cluster-encryption-config");
    let before = other.server.get(&path);
    assert!(before.is_some());
    let writes = other.pass().await;
    assert!(writes.is_empty(), "{writes:#?}");
    assert_eq!(other.server.get(&path), before);
}

#[tokio::test]
async fn a_fleet_of_which_nobody_says_anything_any_more_goes_on_reading() {
    let other = beside_another().await;
    other.server.remove(POLICY);
    let done = reconcile(Arc::new(Mentioned::from(key())), other.context.clone()).await;
    done.expect("the pass goes well");
    assert!(has(&other.server.writes(), "PATCH configmaps/my-cluster-encryption-config"));
}
