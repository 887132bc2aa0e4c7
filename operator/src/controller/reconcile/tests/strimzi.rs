//! Strimzi's definitions come, go and change their version while the operator runs.

use super::{POLICY, World};
use crate::controller::fixtures::observed;

const ALL: [&str; 4] = ["kafkas", "kafkanodepools", "kafkatopics", "kafkausers"];
const OLD: &str = "/apis/kafka.strimzi.io/v1beta2/namespaces/kafka";

impl World {
    fn kafka_of(&self, base: &str) {
        let strimzi = observed().strimzi.expect("Strimzi is installed");
        self.put(base, "kafkas", &strimzi.kafka);
        for pool in &strimzi.pools {
            self.put(base, "kafkanodepools", pool);
        }
    }

    fn reason(&self) -> String {
        self.ready(POLICY)
    }
}

#[tokio::test]
async fn a_pass_survives_that_the_version_it_knew_is_served_no_more() {
    let world = World::with_policy().await;
    world.kafka_of(OLD);
    world.server.serve(&[("v1beta2", &ALL)]);
    world.context.reader.strimzi.look_again().await;
    world.pass().await;
    let before = world.reason();
    world.server.serve(&[("v1", &ALL)]);
    world.pass().await;
    assert_eq!(world.reason(), before);
    assert_eq!(world.context.reader.strimzi.now().unwrap().kafka.version, "v1");
}

#[tokio::test]
async fn definitions_that_are_removed_are_said_to_be_missing_and_found_when_they_are_back() {
    let world = World::with_policy().await;
    world.pass().await;
    let before = world.reason();
    world.server.serve(&[]);
    world.pass().await;
    assert_eq!(world.reason(), "False StrimziNotInstalled");
    world.server.serve(&[("v1", &ALL)]);
    world.context.reader.strimzi.look_again().await;
    world.pass().await;
    assert_eq!(world.reason(), before);
}

#[tokio::test]
async fn kinds_that_a_cluster_does_not_need_may_be_missing() {
    let world = World::with_policy().await;
    world.pass().await;
    let before = world.reason();
    world.server.serve(&[("v1", &["kafkas", "kafkanodepools"])]);
    world.pass().await;
    assert_eq!(world.reason(), before);
}
