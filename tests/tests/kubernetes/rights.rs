//! What the operator may do: as much as it needs where it works, and nothing elsewhere.

use std::time::Duration;

use serde_json::{Value, json};
use tests::kubernetes::{Account, Failed, Stage};
use tests::{Client, Payload, assert_same, eventually_ok};

/// What nobody needs who makes fleets of proxies.
const NEVER: [(&str, &str); 16] = [
    ("list", "secrets"),
    ("watch", "secrets"),
    ("delete", "secrets"),
    ("deletecollection", "secrets"),
    ("create", "pods"),
    ("delete", "pods"),
    ("create", "pods/exec"),
    ("get", "pods/log"),
    ("create", "pods/proxy"),
    ("create", "serviceaccounts/token"),
    ("impersonate", "serviceaccounts"),
    ("create", "roles.rbac.authorization.k8s.io"),
    ("create", "rolebindings.rbac.authorization.k8s.io"),
    ("patch", "kafkas.kafka.strimzi.io"),
    ("delete", "topicencryptionpolicies.encryption.strimzi.io"),
    ("create", "topicencryptionpolicies.encryption.strimzi.io"),
];

fn rules(prefix: &str) -> Value {
    json!([{"topics": [{"prefix": prefix}], "key": {"name": "orders"}}])
}

/// A namespace with a Secret, where the operator has no business.
async fn neighbour(name: &str) -> Stage {
    let neighbour = Stage::named(name).without_kafka().without_operator().start().await;
    neighbour.kubectl(&["create", "secret", "generic", "private", "--from-literal=key=value"]).await;
    neighbour
}

fn assert_forbidden(what: &str, outcome: Result<String, Failed>) {
    match outcome {
        Ok(answer) => panic!("{what} was allowed: {answer}"),
        Err(failed) => assert!(failed.is_forbidden(), "{what}: {failed}"),
    }
}

async fn assert_never(account: &Account, namespace: &str) {
    for (verb, resource) in NEVER {
        assert!(!account.may(namespace, verb, resource).await, "it may {verb} {resource} in {namespace}");
    }
}

/// A policy comes, encrypts, is edited, and goes.
async fn life(stage: &Stage) {
    stage.apply_policy("orders", rules("orders.")).await;
    stage.await_ready("tep/orders").await;
    stage.create_topic("orders.new", 1, &[]).await;
    let orders = Payload::new(3).orders(20);
    Client::Java.produce_all(&stage.to(Client::Java, "orders.new").await, &orders).await;
    let read = Client::Java.consume_all(&stage.from(Client::Java, "orders.new").await).await;
    assert_same("through the proxies", &orders, &read);
    stage.apply_policy("orders", rules("orders")).await;
    stage.await_ready("tep/orders").await;
    stage.kubectl(&["delete", "tep", "orders"]).await;
    let retired = async || {
        let loaded = stage.loaded().await;
        let all = loaded.values().all(|policy| policy["retired"] != json!([]) && policy["rules"] == 1);
        if all && !loaded.is_empty() { Ok(()) } else { Err(format!("{loaded:?}")) }
    };
    eventually_ok("proxies know that the policy is gone", Duration::from_secs(30), retired).await;
}

/// Conformance: P17-27.
#[tokio::test(flavor = "multi_thread")]
async fn the_operator_of_a_namespace_can_read_secrets_by_name_there_and_nothing_elsewhere() {
    let stage = Stage::named("rights").set("logLevel=debug").start().await;
    let here = stage.namespace();
    let neighbour = neighbour("rights-neighbour").await;
    let there = neighbour.namespace();
    life(&stage).await;
    let log = stage.operator_log().await;
    let refused: Vec<_> = log.lines().filter(|line| line.to_lowercase().contains("forbidden")).collect();
    assert!(refused.is_empty() && log.contains("my-cluster"), "{refused:#?}\n{log}");

    let operator = stage.operator_account().await;
    let keys = "my-cluster-encryption-keys";
    operator.kubectl(&["-n", here, "get", "secret", keys]).await.unwrap();
    assert_forbidden("to list Secrets", operator.kubectl(&["-n", here, "get", "secrets"]).await);
    assert_forbidden(
        "a neighbour's Secret",
        operator.kubectl(&["-n", there, "get", "secret", "private"]).await,
    );
    assert_forbidden("a neighbour's Secrets", operator.kubectl(&["-n", there, "get", "secrets"]).await);
    assert_forbidden("all Secrets", operator.kubectl(&["get", "secrets", "--all-namespaces"]).await);
    assert_forbidden("all policies", operator.kubectl(&["get", "tep", "--all-namespaces"]).await);
    assert_never(&operator, here).await;

    // In every other namespace it has what an account has that was never given anything.
    let nobody = neighbour.account("default").await;
    let namespaces = stage.kubectl(&["get", "namespaces", "-o", "name"]).await;
    assert_ne!(operator.rights(here).await, nobody.rights(here).await);
    for namespace in namespaces.lines().filter_map(|line| line.strip_prefix("namespace/")) {
        if namespace != here {
            assert_eq!(operator.rights(namespace).await, nobody.rights(namespace).await, "in {namespace}");
        }
    }
    let manifest = stage.helm(&["get", "manifest", "topic-encryption"]).await.unwrap();
    assert!(manifest.contains("kind: Role\n") && !manifest.contains("kind: ClusterRole"), "{manifest}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_of_all_namespaces_reads_secrets_only_where_kafka_is() {
    // The label keeps it from the policies of other tests.
    let settings = [
        "watchAnyNamespace=true",
        "kafkaNamespaces=[\"rights-kafka\"]",
        "selector=test=rights",
        "fullnameOverride=rights-everywhere",
    ];
    let kafka = Stage::named("rights-kafka").without_operator().start().await;
    let neighbour = neighbour("rights-third").await;
    let operators = Stage::named("rights-operator").without_kafka();
    let operators = settings.iter().fold(operators, |stage, setting| stage.set(setting)).start().await;

    let mut policy: Value = serde_json::from_str(&kafka.policy("orders", rules("orders."))).unwrap();
    policy["metadata"]["labels"] = json!({"test": "rights"});
    kafka.apply(&policy.to_string()).await;
    kafka.await_ready("tep/orders").await;
    kafka.create_topic("orders.new", 1, &[]).await;
    let orders = Payload::new(4).orders(20);
    Client::Java.produce_all(&kafka.to(Client::Java, "orders.new").await, &orders).await;
    let read = Client::Java.consume_all(&kafka.from(Client::Java, "orders.new").await).await;
    assert_same("through the proxies", &orders, &read);

    let operator = operators.operator_account().await;
    let (here, there) = (kafka.namespace(), neighbour.namespace());
    operator.kubectl(&["-n", here, "get", "secret", "my-cluster-encryption-keys"]).await.unwrap();
    operator.kubectl(&["get", "tep", "--all-namespaces"]).await.unwrap();
    assert_forbidden(
        "a third one's Secret",
        operator.kubectl(&["-n", there, "get", "secret", "private"]).await,
    );
    for namespace in [there, operators.namespace(), "kube-system", "default"] {
        for verb in ["get", "list", "create", "patch"] {
            assert!(!operator.may(namespace, verb, "secrets").await, "it may {verb} Secrets in {namespace}");
        }
        assert!(!operator.may(namespace, "create", "deployments.apps").await, "in {namespace}");
    }
    assert_never(&operator, here).await;
    let role = kafka.get("clusterrole", "rights-everywhere").await;
    assert!(
        !role["rules"].to_string().contains("secrets") && !role["rules"].to_string().contains('*'),
        "{role}"
    );
    operators.helm(&["uninstall", "topic-encryption", "--wait"]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_names_of_kafka_clusters_the_operator_can_read_their_secrets_only() {
    let stage = Stage::named("rights-by-name").set("rbac.kafkaNames[0]=my-cluster").start().await;
    let here = stage.namespace();
    stage.kubectl(&["create", "secret", "generic", "private", "--from-literal=key=value"]).await;
    let operator = stage.operator_account().await;
    assert_forbidden(
        "to read another Secret beside it",
        operator.kubectl(&["-n", here, "get", "secret", "private"]).await,
    );
    life(&stage).await;
    assert!(operator.kubectl(&["-n", here, "get", "secret", "my-cluster-encryption-keys"]).await.is_ok());
}
