//! What is written first, and what only when it changed.

use axum::http::Method;

use super::{POLICY, PROXY, World, has, place};
use crate::controller::fixtures::{RULE, balancer, key, policy, policy_of, proxy};

#[tokio::test]
async fn keys_come_before_the_ledger_and_the_ledger_before_the_policy() {
    let world = World::with_policy().await;
    let writes = world.pass().await;
    let order = [
        // Empty, since keys without a ledger are the sign of a lost one.
        "POST configmaps/my-cluster-encryption-ledger",
        "POST secrets/my-cluster-encryption-keys",
        "PATCH configmaps/my-cluster-encryption-ledger",
        "PATCH configmaps/my-cluster-encryption-config",
        "PATCH services/my-cluster-encryption-bootstrap",
        "PATCH deployments/my-cluster-encryption",
        "PATCH topicencryptionpolicies/payments/status",
    ];
    let places: Vec<_> = order.iter().map(|write| place(&writes, write)).collect();
    assert!(places.is_sorted(), "{writes:#?}");
    assert!(place(&writes, "POST secrets/my-cluster-encryption-tls") < places[5], "{writes:#?}");
}

#[tokio::test]
async fn keys_of_a_later_policy_come_before_it_too() {
    let world = World::with_policy().await;
    world.pass().await;
    world.policy(&policy(
        "[{topics: [{prefix: payments.}], key: {name: payments}}, {topics: [{name: a}], key: {name: b}}]",
    ));
    let writes = world.pass().await;
    let order = [
        "PATCH secrets/my-cluster-encryption-keys",
        "PATCH configmaps/my-cluster-encryption-ledger",
        "PATCH configmaps/my-cluster-encryption-config",
    ];
    assert!(order.map(|write| place(&writes, write)).is_sorted(), "{writes:#?}");
    let keys = world.server.get("/api/v1/namespaces/kafka/secrets/my-cluster-encryption-keys").unwrap();
    let names: Vec<_> = keys["data"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["b.v1", "payments.v1"]);
}

#[tokio::test]
async fn a_pass_without_a_change_writes_no_secret_no_ledger_and_no_status() {
    let world = World::with_policy().await;
    world.pass().await;
    world.pass().await;
    let writes = world.pass().await;
    for part in ["secrets/", "ledger", "/status", "POST", "DELETE"] {
        assert!(!has(&writes, part), "{part} in {writes:#?}");
    }
}

#[tokio::test]
async fn nothing_is_made_of_a_cluster_that_nobody_speaks_of() {
    assert_eq!(World::new().await.pass().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_pause_writes_statuses_alone() {
    let world = World::with_policy().await;
    let mut paused = proxy("proxies", "{}");
    let pause = ("encryption.strimzi.io/pause-reconciliation".to_owned(), "true".to_owned());
    paused.metadata.annotations = Some([pause].into());
    world.proxy(&paused);
    let writes = world.pass().await;
    assert!(writes.iter().all(|write| write.ends_with("/status") || write.contains("events")), "{writes:#?}");
    assert_eq!(world.ready(PROXY), "Unknown ReconciliationPaused");
}

#[tokio::test]
async fn an_obstacle_writes_statuses_alone() {
    let world = World::new().await;
    world.policy(&policy(RULE));
    world.proxy(&proxy("proxies", "{listenerName: missing}"));
    let writes = world.pass().await;
    assert!(writes.iter().all(|write| write.ends_with("/status") || write.contains("events")), "{writes:#?}");
    assert_eq!(world.ready(POLICY), "False ListenerNotFound");
}

#[tokio::test]
async fn load_balancers_get_their_services_before_there_is_anything_to_start() {
    let world = World::with_policy().await;
    world.proxy(&proxy("proxies", "{listeners: [{name: outside, type: loadbalancer}]}"));
    let writes = world.pass().await;
    place(&writes, "PATCH services/my-cluster-encryption-outside");
    assert!(!has(&writes, "deployments") && !has(&writes, "encryption-config"), "{writes:#?}");
    assert_eq!(world.ready(PROXY), "False AddressPending");

    let mut service = balancer("my-cluster-encryption-outside", Some("lb.example.com"));
    service.metadata.labels = world
        .server
        .get("/api/v1/namespaces/kafka/services/my-cluster-encryption-outside")
        .and_then(|service| serde_json::from_value(service["metadata"]["labels"].clone()).ok());
    world.service(&service);
    let writes = world.pass().await;
    place(&writes, "PATCH deployments/my-cluster-encryption");
}

#[tokio::test]
async fn no_policy_is_missed_however_many_there_are() {
    let world = World::with_policy().await;
    for index in 0..120 {
        let rules = format!("[{{topics: [{{name: t{index}}}], key: {{name: payments}}}}]");
        world.policy(&policy_of("kafka", &format!("policy{index:03}"), &rules));
    }
    world.pass().await;
    let ledger = world.ledger();
    let missed: Vec<_> = (0..120).filter(|index| !ledger.contains(&format!("name: t{index}\n"))).collect();
    assert!(missed.is_empty() && ledger.contains("prefix: payments."), "{missed:?}");
}

#[tokio::test]
async fn rules_of_policies_that_cannot_count_are_not_kept() {
    let world = World::started_with(&["--watch-namespaces", "aaa,kafka"]).await;
    world.policy(&policy(RULE));
    let collection = "/apis/encryption.strimzi.io/v1alpha1/namespaces/aaa/topicencryptionpolicies";
    world.server.put(collection, &policy_of("aaa", "strange", RULE));
    let rules = async || {
        let read = world.context.reader.dereference(&key(), &world.context.settings).await;
        let policies = read.expect("all is read").policies;
        let count = policies.iter().map(|each| (each.metadata.name.clone().unwrap(), each.spec.rules.len()));
        count.collect::<std::collections::BTreeMap<_, _>>()
    };
    assert_eq!(rules().await, [("payments".to_owned(), 1), ("strange".to_owned(), 0)].into());
    world.proxy(&proxy("proxies", "{allowedPolicies: {namespaces: All}}"));
    assert_eq!(rules().await["strange"], 1);
}

#[tokio::test]
async fn policies_of_namespaces_that_are_not_allowed_are_told_last_and_once() {
    let world = World::started_with(&["--watch-namespaces", "aaa,kafka"]).await;
    world.policy(&policy(RULE));
    let collection = "/apis/encryption.strimzi.io/v1alpha1/namespaces/aaa/topicencryptionpolicies";
    world.server.put(collection, &policy_of("aaa", "strange", RULE));
    world.server.refuse(Method::GET, "/kafkas/my-cluster", 403, "no");
    world.try_pass().await.unwrap_err();
    assert!(!has(&world.server.writes(), "strange/status"), "a failure is no business of its");
    world.server.relent();
    let writes = world.pass().await;
    let told = place(&writes, "PATCH topicencryptionpolicies/strange/status");
    assert!(writes[told..].iter().all(|write| !write.contains("payments/status")), "{writes:#?}");
    assert_eq!(world.condition(&format!("{collection}/strange"), "Accepted").0, "False NamespaceNotAllowed");
    assert!(!has(&world.pass().await, "strange/status"));
}
