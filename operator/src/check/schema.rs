//! What the API server does to an object of ours: unknown fields, defaults, schema, rules.

use jsonschema::error::ValidationErrorKind;
use kube::core::cel::{Validator as Rules, apply_defaults};
use kube::{CustomResourceExt, ResourceExt as _};
use serde_json::{Map, Value};

use super::finding::Code;
use super::names::{field, member};

/// Why a definition is of no use.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// It has no schema.
    #[error("the definition {name} has no schema")]
    Missing {
        /// Its name.
        name: String,
    },
    /// It does not serialize.
    #[error("failed to serialize the schema")]
    Serialize(#[source] serde_json::Error),
    /// The validator does not take it.
    #[error("failed to compile the schema: {0}")]
    Compile(String),
}

/// The schema of one kind.
#[derive(Debug)]
pub(super) struct Schema {
    schema: Value,
    validator: jsonschema::Validator,
}

/// Something against a schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Violation {
    pub(super) code: Code,
    pub(super) field: String,
    pub(super) message: String,
}

impl Schema {
    pub(super) fn of<K: CustomResourceExt>() -> Result<Self, SchemaError> {
        let definition = K::crd();
        let schema = definition.spec.versions.first().and_then(|version| version.schema.as_ref());
        let schema = schema
            .and_then(|schema| schema.open_api_v3_schema.as_ref())
            .ok_or_else(|| SchemaError::Missing { name: definition.name_any() })?;
        let schema = serde_json::to_value(schema).map_err(SchemaError::Serialize)?;
        let validator =
            jsonschema::validator_for(&schema).map_err(|error| SchemaError::Compile(error.to_string()))?;
        Ok(Self { schema, validator })
    }

    /// What is wrong with an object, and the object as it would be stored.
    pub(super) fn check(&self, object: &Value) -> (Vec<Violation>, Value) {
        let mut violations = Vec::new();
        let mut object = object.clone();
        prune(&self.schema, &mut object, "", &mut violations);
        let object = apply_defaults(&self.schema, &object);
        let before = violations.len();
        violations.extend(self.validator.iter_errors(&object).map(|error| violation(&error)));
        doubles(&self.schema, &object, "", &mut violations);
        // The API server does not evaluate rules on what is not even of the right form.
        if violations.len() == before
            && let Err(errors) = Rules::new().validate(&self.schema, &object, None)
        {
            violations.extend(errors.into_vec().into_iter().map(|error| Violation {
                code: Code::Rule,
                field: error.field_path.trim_start_matches('.').to_owned(),
                message: error.message,
            }));
        }
        (violations, object)
    }
}

/// Removes fields that do not exist, which are mistakes, and nulls where leaving the field out means the same.
fn prune(schema: &Value, value: &mut Value, path: &str, violations: &mut Vec<Violation>) {
    match value {
        Value::Object(fields) => prune_fields(schema, fields, path, violations),
        Value::Array(items) => {
            let Some(schema) = schema.get("items") else { return };
            for (index, item) in items.iter_mut().enumerate() {
                prune(schema, item, &format!("{path}[{index}]"), violations);
            }
        }
        _ => {}
    }
}

fn prune_fields(
    schema: &Value,
    fields: &mut Map<String, Value>,
    path: &str,
    violations: &mut Vec<Violation>,
) {
    let known = schema.get("properties").and_then(Value::as_object);
    let others = schema.get("additionalProperties").filter(|schema| schema.is_object());
    let keeps_unknown = schema.get("x-kubernetes-preserve-unknown-fields") == Some(&Value::Bool(true));
    fields.retain(|name, value| {
        let of_every_object = path.is_empty() && matches!(name.as_str(), "apiVersion" | "kind" | "metadata");
        let Some(schema) = known.and_then(|known| known.get(name)).or(others) else {
            let keeps = of_every_object || keeps_unknown || known.is_none();
            if !keeps {
                let known: Vec<_> = known.into_iter().flat_map(Map::keys).map(String::as_str).collect();
                violations.push(Violation {
                    code: Code::UnknownField,
                    field: member(path, name),
                    message: format!("is not a known field; known are {}", known.join(", ")),
                });
            }
            return keeps;
        };
        let may_be_null =
            schema.get("nullable") == Some(&Value::Bool(true)) || schema.get("default").is_some();
        if value.is_null() && may_be_null {
            return false;
        }
        prune(schema, value, &member(path, name), violations);
        true
    });
}

/// Notes entries of lists that have the same key, where the schema says that keys are unique.
fn doubles(schema: &Value, value: &Value, path: &str, violations: &mut Vec<Violation>) {
    match value {
        Value::Object(fields) => {
            let known = schema.get("properties").and_then(Value::as_object);
            for (name, value) in fields {
                if let Some(schema) = known.and_then(|known| known.get(name)) {
                    doubles(schema, value, &member(path, name), violations);
                }
            }
        }
        Value::Array(items) => {
            let keys = schema.get("x-kubernetes-list-map-keys").and_then(Value::as_array);
            let mut seen = Vec::new();
            for (index, item) in items.iter().enumerate() {
                let path = format!("{path}[{index}]");
                if let Some(schema) = schema.get("items") {
                    doubles(schema, item, &path, violations);
                }
                let Some(keys) = keys else { continue };
                let key: Vec<_> = keys.iter().map(|key| key.as_str().and_then(|key| item.get(key))).collect();
                if seen.contains(&key) {
                    let message = "has the same name as an earlier entry".to_owned();
                    violations.push(Violation { code: Code::Schema, field: path, message });
                }
                seen.push(key);
            }
        }
        _ => {}
    }
}

fn violation(error: &jsonschema::ValidationError<'_>) -> Violation {
    let path = field(error.instance_path().as_str());
    let (field, message) = match error.kind() {
        ValidationErrorKind::Required { property } => {
            (member(&path, property.as_str().unwrap_or_default()), "is required".to_owned())
        }
        _ if error.instance().is_object() || error.instance().is_array() => {
            (path, error.masked_with("the value").to_string())
        }
        _ => (path, error.to_string()),
    };
    Violation { code: Code::Schema, field, message }
}
