//! Objects for tests, as Strimzi 1.2 writes them, with edits by JSON pointer.

use kube::core::DynamicObject;
use serde_json::Value;

use super::{Kafka, KafkaTopic, KafkaUser, Listener, NodePool, ParseError, from_value, resolve_listener};

/// Changes of an object: a pointer and the new value; `null` is the same as absent.
pub(super) type Edits<'a> = &'a [(&'a str, Value)];

pub(super) fn kafka(edits: Edits<'_>) -> Kafka {
    from_value(edited(include_str!("fixtures/kafka.yaml"), edits)).unwrap()
}

pub(super) fn kafka_error(edits: Edits<'_>) -> String {
    error::<Kafka>(include_str!("fixtures/kafka.yaml"), edits)
}

pub(super) fn user(edits: Edits<'_>) -> KafkaUser {
    from_value(edited(include_str!("fixtures/user.yaml"), edits)).unwrap()
}

pub(super) fn user_error(edits: Edits<'_>) -> String {
    error::<KafkaUser>(include_str!("fixtures/user.yaml"), edits)
}

pub(super) fn topic(edits: Edits<'_>) -> KafkaTopic {
    from_value(edited(include_str!("fixtures/topic.yaml"), edits)).unwrap()
}

pub(super) fn topic_error(edits: Edits<'_>) -> String {
    error::<KafkaTopic>(include_str!("fixtures/topic.yaml"), edits)
}

/// All pools; a pointer begins with the index: 0 `brokers`, 1 `combined`, 2 `controllers`.
pub(super) fn pools(edits: Edits<'_>) -> Vec<NodePool> {
    let Value::Array(pools) = edited(include_str!("fixtures/node-pools.yaml"), edits) else {
        panic!("a list")
    };
    pools.into_iter().map(|pool| from_value(pool).unwrap()).collect()
}

pub(super) fn pool_error(edits: Edits<'_>) -> String {
    let pools = edited(include_str!("fixtures/node-pools.yaml"), edits);
    from_value::<NodePool>(pools[0].clone()).unwrap_err().to_string()
}

/// The listener of that name, whether or not in status, and whatever its authentication.
pub(super) fn listener(kafka: &Kafka, name: &str) -> Listener {
    let found = resolve_listener(kafka, Some(name), None, None);
    found.or_else(super::ListenerProblem::into_listener).unwrap()
}

fn error<T>(yaml: &str, edits: Edits<'_>) -> String
where
    T: for<'a> TryFrom<&'a DynamicObject, Error = ParseError> + std::fmt::Debug,
{
    from_value::<T>(edited(yaml, edits)).unwrap_err().to_string()
}

/// All fields of a pointer but the last must be there.
fn edited(yaml: &str, edits: Edits<'_>) -> Value {
    let mut object: Value = serde_yaml::from_str(yaml).unwrap();
    for (pointer, value) in edits {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let name = name.replace("~1", "/");
        match object.pointer_mut(parent).unwrap_or_else(|| panic!("nothing at {parent}")) {
            Value::Object(fields) => {
                fields.insert(name, value.clone());
            }
            Value::Array(items) if name == "-" => items.push(value.clone()),
            Value::Array(items) => items[name.parse::<usize>().unwrap()] = value.clone(),
            other => panic!("no place for {name} in {other}"),
        }
    }
    object
}
