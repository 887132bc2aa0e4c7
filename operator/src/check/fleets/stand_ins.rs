//! What Strimzi would make of manifests.

use serde_json::{Value, json};

use crate::check::objects::{CLUSTER_LABEL, KafkaName};
use crate::cluster::KafkaKey;

/// Where nobody ever connects.
const HOST: &str = "reported-by-strimzi.invalid";

/// The types of users to try: the one in the manifest, or all, of which one must suit.
pub(super) fn user_types(user: Option<&Value>) -> Vec<&str> {
    let Some(user) = user else { return vec!["scram-sha-512", "tls"] };
    let kind = user.pointer("/spec/authentication/type").and_then(Value::as_str).unwrap_or_default();
    vec![if kind == "tls-external" { "tls" } else { kind }]
}

/// A `Kafka` all of whose listeners brokers have.
pub(super) fn kafka(manifest: &Value, key: &KafkaKey) -> Value {
    let mut kafka = named(manifest, key, &key.name);
    let listeners = kafka.pointer("/spec/kafka/listeners").and_then(Value::as_array);
    let reported = listeners.into_iter().flatten().map(|listener| {
        json!({
            "name": listener["name"],
            "bootstrapServers": format!("{HOST}:{}", listener["port"]),
            "certificates": ["-----BEGIN CERTIFICATE-----"],
        })
    });
    kafka["status"] = json!({"listeners": reported.collect::<Vec<_>>()});
    kafka
}

/// A `Kafka` that suits whatever is asked of it.
pub(super) fn unknown_kafka(key: &KafkaKey, listener: Option<&str>, user_type: &str) -> Value {
    let mut listener =
        json!({"name": listener.unwrap_or("tls"), "port": 9093, "type": "internal", "tls": true});
    if !user_type.is_empty() {
        listener["authentication"] = json!({"type": user_type});
    }
    kafka(&json!({"spec": {"kafka": {"listeners": [listener]}}}), key)
}

/// Pools with ids as Strimzi gives them to a new cluster: none that some broker has is higher than it would be there.
pub(super) fn pools(manifests: &[&Value], key: &KafkaKey) -> Vec<Value> {
    let mut next = 0;
    let mut pools = Vec::new();
    for manifest in manifests {
        let mut pool = named(manifest, key, manifest["metadata"]["name"].as_str().unwrap_or_default());
        pool["metadata"]["labels"] = json!({CLUSTER_LABEL: key.name});
        let is_of_brokers =
            pool["spec"]["roles"].as_array().is_some_and(|roles| roles.contains(&json!("broker")));
        let count = if is_of_brokers { pool["spec"]["replicas"].as_u64().unwrap_or(1) } else { 0 };
        // More than any cluster has would only take time.
        let ids: Vec<_> = (next..next + count.min(10_000)).collect();
        next += ids.len() as u64;
        pool["status"] = json!({"nodeIds": ids});
        pools.push(pool);
    }
    if next == 0 {
        pools.push(json!({
            "metadata": {"name": "pool", "namespace": key.namespace, "labels": {CLUSTER_LABEL: key.name}},
            "spec": {"roles": ["broker"]},
            "status": {"nodeIds": [0]},
        }));
    }
    pools
}

/// A user with credentials.
pub(super) fn user(manifest: &Value, kafka: &KafkaName, key: &KafkaKey) -> Value {
    let name = manifest["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    let mut user = named(manifest, key, &name);
    if user["metadata"]["labels"][CLUSTER_LABEL] == kafka.name.as_str() {
        user["metadata"]["labels"][CLUSTER_LABEL] = json!(key.name);
    }
    user["status"] = json!({"username": name, "secret": name});
    user
}

/// A user that suits whatever is asked of it.
pub(super) fn unknown_user(name: &str, key: &KafkaKey, user_type: &str) -> Value {
    json!({
        "metadata": {"name": name, "namespace": key.namespace, "labels": {CLUSTER_LABEL: key.name}},
        "spec": {"authentication": {"type": user_type}},
        "status": {"username": name, "secret": name},
    })
}

/// A manifest in the namespace of the Kafka cluster, under this name.
fn named(manifest: &Value, key: &KafkaKey, name: &str) -> Value {
    let mut object = manifest.clone();
    if !object["metadata"].is_object() {
        object["metadata"] = json!({});
    }
    object["metadata"]["name"] = json!(name);
    object["metadata"]["namespace"] = json!(key.namespace);
    object
}
