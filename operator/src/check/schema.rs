//! Each object by itself: what the API server would say of it.

use std::fmt::Write as _;

use kube::CustomResourceExt;
use kube::core::cel::validate_cel;
use operator_api::{EncryptionProxy, TopicEncryptionPolicy};
use serde_json::Value;

use super::files::Document;
use super::report::{Findings, Severity};

/// The objects of this project that could be read.
#[derive(Debug, Default)]
pub(super) struct Objects<'a> {
    pub(super) policies: Vec<(&'a Document, TopicEncryptionPolicy)>,
    pub(super) proxies: Vec<(&'a Document, EncryptionProxy)>,
}

/// Reads what can be read, and reports what is wrong with each.
pub(super) fn typed<'a>(documents: &'a [Document], findings: &mut Findings) -> Objects<'a> {
    let policy = Schema::of(&TopicEncryptionPolicy::crd());
    let proxy = Schema::of(&EncryptionProxy::crd());
    let mut objects = Objects::default();
    for document in documents.iter().filter(|document| document.is_ours()) {
        match document.kind.as_str() {
            "TopicEncryptionPolicy" => {
                if let Some(object) = one::<TopicEncryptionPolicy>(document, &policy, findings) {
                    objects.policies.push((document, object));
                }
            }
            "EncryptionProxy" => {
                if let Some(object) = one::<EncryptionProxy>(document, &proxy, findings) {
                    objects.proxies.push((document, object));
                }
            }
            other => {
                let message = format!("{other} is no kind of {}", operator_api::GROUP);
                findings.add(Severity::Error, document, "kind", message);
            }
        }
    }
    objects
}

fn one<K>(document: &Document, schema: &Schema, findings: &mut Findings) -> Option<K>
where
    K: serde::de::DeserializeOwned + serde::Serialize + CustomResourceExt,
{
    let mut is_fine = true;
    if document.value.get("apiVersion").and_then(Value::as_str) != Some(schema.api_version.as_str()) {
        findings.add(Severity::Error, document, "apiVersion", format!("must be {}", schema.api_version));
        is_fine = false;
    }
    if document.name.is_empty() {
        findings.add(Severity::Error, document, "metadata.name", "is required");
        is_fine = false;
    }
    for (field, message) in schema.mistakes(&document.value) {
        findings.add(Severity::Error, document, &field, message);
        is_fine = false;
    }
    if !is_fine {
        return None;
    }
    let object: K = match serde_json::from_value(document.value.clone()) {
        Ok(object) => object,
        Err(error) => {
            findings.add(Severity::Error, document, "", error.to_string());
            return None;
        }
    };
    if let Err(errors) = validate_cel(&object) {
        findings.add(Severity::Error, document, "spec", errors.to_string());
        return None;
    }
    Some(object)
}

/// A schema as strict as `kubectl` is with fields that it does not know.
struct Schema {
    api_version: String,
    validator: jsonschema::Validator,
}

impl Schema {
    fn of(
        definition: &k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
    ) -> Self {
        let version = definition.spec.versions.first();
        let schema = version.and_then(|version| version.schema.as_ref()?.open_api_v3_schema.as_ref());
        let mut schema = serde_json::to_value(schema).unwrap_or_default();
        for field in ["apiVersion", "kind", "metadata"] {
            schema["properties"][field] = Value::Object(serde_json::Map::new());
        }
        strict(&mut schema);
        let version = version.map_or("", |version| version.name.as_str());
        Self {
            api_version: format!("{}/{version}", definition.spec.group),
            validator: jsonschema::validator_for(&schema).expect("the definitions' schemas are schemas"),
        }
    }

    fn mistakes(&self, value: &Value) -> Vec<(String, String)> {
        let mistakes = self.validator.iter_errors(value);
        mistakes.map(|error| (field(&error.instance_path().to_string()), error.to_string())).collect()
    }
}

/// Refuses unknown fields everywhere, and takes `null` where Kubernetes does.
fn strict(schema: &mut Value) {
    let Value::Object(map) = schema else {
        if let Value::Array(list) = schema {
            list.iter_mut().for_each(strict);
        }
        return;
    };
    if map.contains_key("properties") && !map.contains_key("additionalProperties") {
        map.insert("additionalProperties".to_owned(), Value::Bool(false));
    }
    if map.get("nullable") == Some(&Value::Bool(true))
        && let Some(Value::String(kind)) = map.get("type").cloned()
    {
        map.insert("type".to_owned(), serde_json::json!([kind, "null"]));
    }
    map.values_mut().for_each(strict);
}

/// `/spec/rules/0/key` as `spec.rules[0].key`.
fn field(pointer: &str) -> String {
    let mut field = String::new();
    for part in pointer.split('/').skip(1) {
        if part.bytes().all(|byte| byte.is_ascii_digit()) {
            let _ = write!(field, "[{part}]");
        } else {
            if !field.is_empty() {
                field.push('.');
            }
            field.push_str(part);
        }
    }
    field
}
