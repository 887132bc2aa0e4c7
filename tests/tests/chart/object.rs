//! Kubernetes objects as values, and whether their types know every field of them.

use k8s_openapi::api::{apps, autoscaling, batch, core, networking, policy, rbac};
use serde::Deserialize;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The objects of a file; comments and empty documents are none.
pub(crate) fn parse(text: &str) -> Vec<Value> {
    let documents = serde_yaml::Deserializer::from_str(text);
    let values =
        documents.map(|document| Value::deserialize(document).unwrap_or_else(|error| panic!("{error}")));
    values.filter(|value| !value.is_null()).collect()
}

/// The only document of a file.
pub(crate) fn parse_one(text: &str) -> Value {
    serde_yaml::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// A field by its path, `null` where there is none.
pub(crate) fn at<'a>(object: &'a Value, path: &str) -> &'a Value {
    path.split('/').try_fold(object, |value, part| value.get(part)).unwrap_or(&Value::Null)
}

/// A field that is text, empty where there is none.
pub(crate) fn text<'a>(object: &'a Value, path: &str) -> &'a str {
    at(object, path).as_str().unwrap_or("")
}

/// A field that is a list, empty where there is none.
pub(crate) fn items<'a>(object: &'a Value, path: &str) -> &'a [Value] {
    at(object, path).as_array().map_or(&[], Vec::as_slice)
}

pub(crate) fn kind(object: &Value) -> &str {
    text(object, "kind")
}

pub(crate) fn name(object: &Value) -> &str {
    text(object, "metadata/name")
}

pub(crate) fn namespace(object: &Value) -> &str {
    text(object, "metadata/namespace")
}

/// Objects of a kind.
pub(crate) fn of_kind<'a>(objects: &'a [Value], wanted: &str) -> Vec<&'a Value> {
    objects.iter().filter(|object| kind(object) == wanted).collect()
}

/// Fails where an object has a field that its type does not know, or a value of a wrong type. Kinds of others pass.
pub(crate) fn assert_known_fields(object: &Value) {
    match (text(object, "apiVersion"), kind(object)) {
        ("v1", "ServiceAccount") => survives::<core::v1::ServiceAccount>(object),
        ("v1", "ConfigMap") => survives::<core::v1::ConfigMap>(object),
        ("v1", "Service") => survives::<core::v1::Service>(object),
        ("v1", "Namespace") => survives::<core::v1::Namespace>(object),
        ("apps/v1", "Deployment") => survives::<apps::v1::Deployment>(object),
        ("batch/v1", "Job") => survives::<batch::v1::Job>(object),
        ("policy/v1", "PodDisruptionBudget") => survives::<policy::v1::PodDisruptionBudget>(object),
        ("networking.k8s.io/v1", "NetworkPolicy") => survives::<networking::v1::NetworkPolicy>(object),
        ("autoscaling/v2", "HorizontalPodAutoscaler") => {
            survives::<autoscaling::v2::HorizontalPodAutoscaler>(object);
        }
        ("rbac.authorization.k8s.io/v1", "Role") => survives::<rbac::v1::Role>(object),
        ("rbac.authorization.k8s.io/v1", "RoleBinding") => survives::<rbac::v1::RoleBinding>(object),
        ("rbac.authorization.k8s.io/v1", "ClusterRole") => survives::<rbac::v1::ClusterRole>(object),
        ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding") => {
            survives::<rbac::v1::ClusterRoleBinding>(object);
        }
        (
            "v1"
            | "apps/v1"
            | "batch/v1"
            | "policy/v1"
            | "networking.k8s.io/v1"
            | "rbac.authorization.k8s.io/v1",
            other,
        ) => {
            panic!("{other} is checked by nothing: name its type here");
        }
        _ => {}
    }
}

/// Unknown fields get lost on the way through a type. Empty maps and lists may, too, and mean the same as none.
fn survives<T: DeserializeOwned + Serialize>(object: &Value) {
    let typed: T = serde_json::from_value(object.clone())
        .unwrap_or_else(|error| panic!("{} {}: {error}", kind(object), name(object)));
    let back = serde_json::to_value(typed).unwrap();
    assert_contains(&back, object, &format!("{} {}", kind(object), name(object)));
}

fn assert_contains(whole: &Value, part: &Value, place: &str) {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => {
            for (key, value) in part {
                let found = whole.get(key).unwrap_or(&Value::Null);
                assert_contains(found, value, &format!("{place}/{key}"));
            }
        }
        (Value::Array(whole), Value::Array(part)) if whole.len() == part.len() => {
            for (index, (whole, part)) in whole.iter().zip(part).enumerate() {
                assert_contains(whole, part, &format!("{place}/{index}"));
            }
        }
        (Value::Null, Value::Object(part)) if part.is_empty() => {}
        (Value::Null, Value::Array(part)) if part.is_empty() => {}
        (whole, part) => assert_eq!(whole, part, "{place} is no field, or has a value of another type"),
    }
}

#[test]
#[should_panic(expected = "securityContxt is no field")]
fn an_unknown_field_is_found() {
    assert_known_fields(&parse_one(
        "{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {selector: {}, template: {spec: {containers: [], \
         securityContxt: {runAsUser: 1}}}}}",
    ));
}
