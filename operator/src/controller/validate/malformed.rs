//! What can still be read of a policy that is not what its schema says, for instance since it is of a newer version. It is
//! refused, and so are the topics that it names: what they wait for may be encryption.

use kube::core::DynamicObject;
use operator_api::{Encryption, OnPlaintext, OnUnreadable, PolicyRule, RecordFormat, TopicPattern};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The rules, with whatever patterns can be read.
pub(super) fn rules(object: &DynamicObject) -> Vec<PolicyRule> {
    list(object.data.pointer("/spec/rules")).map(|value| read(value).unwrap_or_else(|| rule(value))).collect()
}

fn rule(value: &Value) -> PolicyRule {
    let is_clear = value.get("encryption").is_some_and(|encryption| encryption == "Disabled");
    PolicyRule {
        topics: list(value.get("topics")).flat_map(patterns).collect(),
        key: value.get("key").and_then(read).filter(|_| !is_clear),
        format: RecordFormat::default(),
        on_plaintext: OnPlaintext::default(),
        on_unreadable: OnUnreadable::default(),
        headers: Vec::new(),
        record_keys: None,
        legacy: Vec::new(),
        encryption: is_clear.then_some(Encryption::Disabled),
    }
}

/// All patterns that something that should be one may mean.
fn patterns(value: &Value) -> Vec<TopicPattern> {
    if let Some(pattern) = read(value) {
        return vec![pattern];
    }
    let text = |field| value.get(field).and_then(Value::as_str).map(str::to_owned);
    let any = value.get("any").and_then(Value::as_bool);
    let none = || TopicPattern { name: None, prefix: None, any: None };
    let name = text("name").map(|name| TopicPattern { name: Some(name), ..none() });
    let prefix = text("prefix").map(|prefix| TopicPattern { prefix: Some(prefix), ..none() });
    let any = any.map(|any| TopicPattern { any: Some(any), ..none() });
    [name, prefix, any].into_iter().flatten().collect()
}

fn list(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    value.and_then(Value::as_array).into_iter().flatten()
}

fn read<T: DeserializeOwned>(value: &Value) -> Option<T> {
    serde_json::from_value(value.clone()).ok()
}
