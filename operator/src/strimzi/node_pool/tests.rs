use serde_json::json;

use super::super::fixtures::{kafka, pool_error, pools};
use super::*;

fn pods(brokers: &BTreeMap<BrokerId, Broker>) -> Vec<&str> {
    brokers.values().map(|broker| broker.pod.as_str()).collect()
}

#[test]
fn brokers_are_the_nodes_of_broker_pools_whatever_the_gaps() {
    let brokers = brokers(&kafka(&[]), &pools(&[])).unwrap();
    assert_eq!(pods(&brokers), ["my-cluster-brokers-0", "my-cluster-combined-7", "my-cluster-brokers-12"]);
}

#[test]
fn a_scaled_pool_changes_the_brokers() {
    let pools = pools(&[("/0/status/nodeIds", json!([0, 10, 11, 12]))]);
    assert_eq!(brokers(&kafka(&[]), &pools).unwrap().len(), 5);
}

#[test]
fn a_broker_that_moves_to_another_pool_gets_another_pod() {
    let pools = pools(&[("/0/status/nodeIds", json!([0])), ("/1/status/nodeIds", json!([7, 12]))]);
    let brokers = brokers(&kafka(&[]), &pools).unwrap();
    assert_eq!(brokers[&BrokerId::new(12).unwrap()].pod, "my-cluster-combined-12");
}

#[test]
fn the_roles_in_status_are_those_of_the_nodes_there() {
    let pools = pools(&[("/1/spec/roles", json!(["controller"])), ("/0/status/roles", json!(null))]);
    assert_eq!(brokers(&kafka(&[]), &pools).unwrap().len(), 3);
}

#[test]
fn another_cluster_id_is_a_problem() {
    let pools = pools(&[("/1/status/clusterId", json!("other"))]);
    let problem = brokers(&kafka(&[]), &pools).unwrap_err();
    assert!(matches!(&problem, PoolProblem::ClusterId { pool, .. } if pool == "combined"));
    assert_eq!(
        problem.to_string(),
        "KafkaNodePool combined has cluster id other, but Kafka my-cluster has nG3x6PZ-QXKq0yZqTn3b3A; \
         delete the pool, or label it with the cluster that it belongs to"
    );
}

#[test]
fn a_missing_cluster_id_is_a_new_cluster_and_no_problem() {
    let of_pool = pools(&[("/0/status/clusterId", json!(null))]);
    assert_eq!(brokers(&kafka(&[]), &of_pool).unwrap().len(), 3);
    assert_eq!(brokers(&kafka(&[("/status/clusterId", json!(null))]), &pools(&[])).unwrap().len(), 3);
}

#[test]
fn a_node_in_two_pools_is_a_problem() {
    let pools = pools(&[("/1/status/nodeIds", json!([12]))]);
    let expected = PoolProblem::Duplicate {
        id: BrokerId::new(12).unwrap(),
        first: "brokers".into(),
        second: "combined".into(),
    };
    assert_eq!(brokers(&kafka(&[]), &pools), Err(expected));
}

#[test]
fn pools_of_others_do_not_count() {
    let pools = pools(&[
        ("/0/metadata/labels/strimzi.io~1cluster", json!("their-cluster")),
        ("/0/status/clusterId", json!("theirs")),
        ("/1/metadata/namespace", json!("elsewhere")),
        ("/1/status/clusterId", json!("theirs")),
    ]);
    assert_eq!(brokers(&kafka(&[]), &pools), Ok(BTreeMap::new()));
}

#[test]
fn a_new_pool_has_no_nodes_yet() {
    let pools = pools(&[("/0/status", json!(null)), ("/1/status", json!(null))]);
    assert_eq!(brokers(&kafka(&[]), &pools), Ok(BTreeMap::new()));
}

#[test]
fn a_malformed_pool_is_an_error_that_names_the_field() {
    let id = "must be the id of a node";
    for (pointer, value, expected) in [
        ("/0/status/nodeIds/1", json!(-1), format!("status.nodeIds[1] {id}")),
        ("/0/status/nodeIds/1", json!(2_147_483_648_i64), format!("status.nodeIds[1] {id}")),
        ("/0/status/nodeIds/1", json!("1"), "status.nodeIds[1] must be a whole number".into()),
        ("/0/spec/roles", json!("broker"), "spec.roles must be a list".into()),
        ("/0/metadata/name", json!(null), "metadata.name is missing".into()),
    ] {
        assert_eq!(pool_error(&[(pointer, value)]), expected);
    }
}
