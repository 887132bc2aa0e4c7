//! Every field of every fixture is replaced by what does not belong there.

use serde_json::{Value, json};

use super::super::{Kafka, KafkaTopic, KafkaUser, NodePool};
use super::*;

fn parse(object: Value) -> Result<(), ParseError> {
    match object["kind"].as_str() {
        Some("KafkaNodePool") => from_value::<NodePool>(object).map(drop),
        Some("KafkaUser") => from_value::<KafkaUser>(object).map(drop),
        Some("KafkaTopic") => from_value::<KafkaTopic>(object).map(drop),
        _ => from_value::<Kafka>(object).map(drop),
    }
}

fn fixtures() -> Vec<Value> {
    let read = |yaml| serde_yaml::from_str::<Value>(yaml).unwrap();
    let mut objects = vec![
        read(include_str!("../fixtures/kafka.yaml")),
        read(include_str!("../fixtures/user.yaml")),
        read(include_str!("../fixtures/topic.yaml")),
    ];
    objects.extend(read(include_str!("../fixtures/node-pools.yaml")).as_array().unwrap().clone());
    objects
}

/// The pointers of all fields below this value.
fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    let below: Vec<(String, &Value)> = match value {
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| (name.replace('/', "~1"), value)).collect()
        }
        Value::Array(items) => items.iter().enumerate().map(|(at, item)| (at.to_string(), item)).collect(),
        _ => return,
    };
    for (name, value) in below {
        let pointer = format!("{at}/{name}");
        pointers(value, &pointer, found);
        found.push(pointer);
    }
}

#[test]
fn no_value_anywhere_is_more_than_an_error_that_names_a_field() {
    let odd = [
        json!(null),
        json!(-1),
        json!(1e300),
        json!(""),
        json!("\u{0}é"),
        json!(true),
        json!([[]]),
        json!({"": {}}),
    ];
    for object in fixtures() {
        let mut places = Vec::new();
        pointers(&object, "", &mut places);
        for place in &places {
            for value in &odd {
                let mut broken = object.clone();
                *broken.pointer_mut(place).unwrap() = value.clone();
                let Err(error) = parse(broken) else { continue };
                let text = error.to_string();
                let named = ["metadata", "spec", "status"].iter().any(|top| text.contains(top));
                assert!(named, "{place} = {value}: {text}");
            }
        }
    }
}

#[test]
fn what_is_no_object_is_an_error() {
    for value in [json!(null), json!([]), json!("Kafka"), json!({})] {
        assert!(from_value::<Kafka>(value).is_err());
    }
}
