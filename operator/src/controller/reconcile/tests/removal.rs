//! What is deleted when it is no longer wanted, and what never is.

use serde_json::{Value, json};

use super::{CORE, LEDGER, POLICY, PROXY, World, has, place};
use crate::controller::fixtures::{RULE, policy, proxy};

const SECRETS: [&str; 3] =
    ["my-cluster-encryption-ca", "my-cluster-encryption-keys", "my-cluster-encryption-tls"];

fn labelled(name: &str, owner: Option<&str>) -> Value {
    let owners = owner.map(|name| json!([{"apiVersion": "v1", "kind": "Kafka", "name": name, "uid": name}]));
    json!({"metadata": {
        "name": name, "namespace": "kafka", "ownerReferences": owners,
        "labels": {
            "app.kubernetes.io/managed-by": "topic-encryption-operator",
            "encryption.strimzi.io/kafka": "my-cluster",
        },
    }})
}

#[tokio::test]
async fn the_service_of_a_listener_goes_with_it() {
    let world = World::with_policy().await;
    let listener = "{name: nodes, type: nodeport, port: 30000, advertisedHost: node.example.com}";
    world.proxy(&proxy("proxies", &format!("{{listeners: [{{name: tls}}, {listener}]}}")));
    world.pass().await;
    world.proxy(&proxy("proxies", "{listeners: [{name: tls}]}"));
    let writes = world.pass().await;
    place(&writes, "DELETE services/my-cluster-encryption-nodes");
    assert_eq!(writes.iter().filter(|write| write.starts_with("DELETE")).count(), 1, "{writes:#?}");
}

#[tokio::test]
async fn a_budget_goes_when_one_proxy_is_left() {
    let world = World::with_policy().await;
    world.proxy(&proxy("proxies", "{replicas: 2}"));
    world.pass().await;
    world.proxy(&proxy("proxies", "{replicas: 1}"));
    place(&world.pass().await, "DELETE poddisruptionbudgets/my-cluster-encryption");
}

#[tokio::test]
async fn what_has_no_owner_or_another_cluster_is_spared() {
    let world = World::with_policy().await;
    let mut foreign = labelled("foreign", Some("other"));
    foreign["metadata"]["labels"]["encryption.strimzi.io/kafka"] = json!("other");
    for object in [labelled("ownerless", None), labelled("leftover", Some("k")), foreign] {
        world.put(CORE, "configmaps", &object);
    }
    let deleted: Vec<_> =
        world.pass().await.into_iter().filter(|write| write.starts_with("DELETE")).collect();
    assert_eq!(deleted, ["DELETE configmaps/leftover"]);
}

#[tokio::test]
async fn secrets_are_never_deleted_whatever_is_no_longer_said() {
    let world = World::with_policy().await;
    world.proxy(&proxy("proxies", "{serviceBinding: true}"));
    world.pass().await;
    let mut writes = Vec::new();
    world.proxy(&proxy("proxies", "{listeners: [{name: plain, tls: false}]}"));
    writes.extend(world.pass().await);
    world.server.remove(POLICY);
    writes.extend(world.pass().await);
    world.server.remove(PROXY);
    writes.extend(world.pass().await);
    assert!(!has(&writes, "DELETE secrets"), "{writes:#?}");
    for name in SECRETS {
        assert!(world.server.get(&format!("{CORE}/secrets/{name}")).is_some(), "{name}");
    }
    assert!(world.server.get(LEDGER).is_some());
}

#[tokio::test]
async fn a_fleet_goes_on_reading_without_any_policy() {
    let world = World::with_policy().await;
    world.pass().await;
    world.server.remove(POLICY);
    let writes = world.pass().await;
    place(&writes, "PATCH deployments/my-cluster-encryption");
    let config = world.server.get(&format!("{CORE}/configmaps/my-cluster-encryption-config")).unwrap();
    let policy = config["data"]["policy.yaml"].as_str().unwrap();
    assert!(policy.contains("Retired") && policy.contains("payments."), "{policy}");
}

#[tokio::test]
async fn a_fleet_whose_proxy_resource_and_policies_are_gone_is_left_to_the_garbage_collector() {
    let world = World::with_policy().await;
    world.proxy(&proxy("proxies", "{}"));
    world.pass().await;
    world.server.remove(POLICY);
    world.server.remove(PROXY);
    let writes = world.pass().await;
    assert!(
        !has(&writes, "PATCH deployments") && !has(&writes, "PATCH configmaps/my-cluster-encryption-config"),
        "{writes:#?}"
    );
}

#[tokio::test]
async fn what_the_settings_switch_off_is_not_made_and_goes_where_it_is() {
    for (setting, object) in [
        ("--network-policies", "networkpolicies/my-cluster-encryption"),
        ("--pod-disruption-budgets", "poddisruptionbudgets/my-cluster-encryption"),
    ] {
        let off = World::started_with(&[setting, "false"]).await;
        off.policy(&policy(RULE));
        let writes = off.pass().await;
        place(&writes, "PATCH deployments/my-cluster-encryption");
        assert!(!has(&writes, object), "{writes:#?}");

        let world = World::with_policy().await;
        place(&world.pass().await, &format!("PATCH {object}"));
        let writes = world.restarted_with(&[setting, "false"]).await.pass().await;
        place(&writes, &format!("DELETE {object}"));
        assert!(!has(&writes, &format!("PATCH {object}")), "{writes:#?}");
        assert_eq!(writes.iter().filter(|write| write.starts_with("DELETE")).count(), 1, "{writes:#?}");
    }
}

#[tokio::test]
async fn a_policy_that_names_another_cluster_is_removed_from_the_first_and_not_forgotten() {
    let world = World::with_policy().await;
    world.pass().await;
    let mut elsewhere = policy(RULE);
    elsewhere.spec.kafka_ref.name = "other".to_owned();
    world.policy(&elsewhere);
    world.pass().await;
    let ledger = world.ledger();
    assert!(ledger.contains("payments.") && ledger.contains("kafka/payments"), "{ledger}");
    assert!(world.told().contains("Retired") && world.told().contains("payments."), "{}", world.told());
}
