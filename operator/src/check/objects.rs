//! The objects that matter, out of all documents.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use operator_api::{EncryptionProxy, GROUP, TopicEncryptionPolicy};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::documents::Document;
use super::finding::{Code, Finding, Findings, ObjectRef, Severity};
use super::names::is_object_name;
use super::{CheckError, Schema};

const VERSION: &str = "v1alpha1";
/// Strimzi's label that says which cluster an object is of.
pub(super) const CLUSTER_LABEL: &str = "strimzi.io/cluster";

/// All objects that matter. Of those that stand in two places only the first counts.
#[derive(Debug, Default)]
pub(super) struct Objects {
    pub(super) policies: Vec<Object<TopicEncryptionPolicy>>,
    pub(super) proxies: Vec<Object<EncryptionProxy>>,
    pub(super) kafkas: Vec<Object<Value>>,
    pub(super) pools: Vec<Object<Value>>,
    pub(super) users: Vec<Object<Value>>,
    pub(super) topics: Vec<Object<Topic>>,
    /// Labels of namespaces.
    pub(super) namespaces: BTreeMap<String, BTreeMap<String, String>>,
}

/// An object with its place.
#[derive(Debug)]
pub(super) struct Object<T> {
    place: Place,
    pub(super) content: T,
}

/// Where an object stands.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) file: std::path::PathBuf,
    pub(super) document: usize,
    pub(super) line: usize,
    pub(super) object: ObjectRef,
}

/// What matters of a `KafkaTopic`.
#[derive(Debug)]
pub(super) struct Topic {
    pub(super) kafka: KafkaName,
    pub(super) name: String,
    pub(super) cleanup_policy: Option<String>,
    pub(super) max_message_bytes: Option<u64>,
}

/// A Kafka cluster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct KafkaName {
    /// The namespace of its `Kafka` resource.
    pub namespace: String,
    /// The name of its `Kafka` resource.
    pub name: String,
}

impl Objects {
    /// Sorts documents by what they are, and notes what the API server would refuse.
    pub(super) fn read(
        documents: Vec<Document>,
        namespace: &str,
        findings: &mut Findings,
    ) -> Result<Self, CheckError> {
        let schema = |kind| move |source| CheckError::Schema { kind, source };
        let policy = Schema::of::<TopicEncryptionPolicy>().map_err(schema("TopicEncryptionPolicy"))?;
        let proxy = Schema::of::<EncryptionProxy>().map_err(schema("EncryptionProxy"))?;
        let mut objects = Self::default();
        let mut places: HashMap<ObjectRef, String> = HashMap::new();
        for Document { file, index, line, value } in documents.into_iter().flat_map(items) {
            let Some((group, version, kind)) = kind(&value) else { continue };
            let (name, own_namespace) = (metadata(&value, "name"), metadata(&value, "namespace"));
            let object = ObjectRef {
                kind: kind.to_owned(),
                namespace: own_namespace.unwrap_or(namespace).to_owned(),
                name: name.unwrap_or_default().to_owned(),
            };
            let place = Place { file, document: index, line, object };
            match (group, kind) {
                (GROUP, "TopicEncryptionPolicy" | "EncryptionProxy") if version != VERSION => {
                    let message = format!("{GROUP} has the version {VERSION}, not {version}");
                    findings.add(place.finding(Severity::Error, Code::UnknownKind, "apiVersion", message));
                    continue;
                }
                (GROUP, "TopicEncryptionPolicy" | "EncryptionProxy")
                | ("kafka.strimzi.io", "Kafka" | "KafkaNodePool" | "KafkaUser" | "KafkaTopic") => {}
                (GROUP, _) => {
                    let message = format!(
                        "{GROUP} has the kinds TopicEncryptionPolicy and EncryptionProxy, not {kind}"
                    );
                    findings.add(place.finding(Severity::Error, Code::UnknownKind, "kind", message));
                    continue;
                }
                ("", "Namespace") => {
                    objects.namespaces.insert(place.object.name.clone(), labels(&value));
                    continue;
                }
                _ => continue,
            }
            if let Some(message) = bad_name(name) {
                findings.add(place.finding(Severity::Error, Code::Name, "metadata.name", message));
                continue;
            }
            if let Some(first) = places.get(&place.object) {
                let message = format!("is there already, in {first}: remove one of the two");
                findings.add(place.finding(Severity::Error, Code::Duplicate, "", message));
                continue;
            }
            places.insert(place.object.clone(), format!("{}:{}", place.file.display(), place.line));
            match kind {
                "TopicEncryptionPolicy" => objects.policies.extend(ours(place, &policy, &value, findings)),
                "EncryptionProxy" => objects.proxies.extend(ours(place, &proxy, &value, findings)),
                "Kafka" => objects.kafkas.push(Object { place, content: value }),
                "KafkaNodePool" => objects.pools.push(Object { place, content: value }),
                "KafkaUser" => objects.users.push(Object { place, content: value }),
                _ => objects.topics.extend(Topic::read(place, &value)),
            }
        }
        Ok(objects)
    }

    /// The `Kafka` of this name, if it is among the objects.
    pub(super) fn kafka(&self, kafka: &KafkaName) -> Option<&Object<Value>> {
        self.kafkas.iter().find(|object| object.namespace() == kafka.namespace && object.name() == kafka.name)
    }

    /// The pools of a Kafka cluster.
    pub(super) fn pools_of(&self, kafka: &KafkaName) -> Vec<&Object<Value>> {
        let is_of = |pool: &&Object<Value>| {
            pool.namespace() == kafka.namespace
                && labels(&pool.content).get(CLUSTER_LABEL) == Some(&kafka.name)
        };
        self.pools.iter().filter(is_of).collect()
    }
}

impl<T> Object<T> {
    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    pub(super) fn namespace(&self) -> &str {
        &self.place.object.namespace
    }

    pub(super) fn name(&self) -> &str {
        &self.place.object.name
    }
}

impl Place {
    pub(super) fn finding(
        &self,
        severity: Severity,
        code: Code,
        field: impl Into<String>,
        message: impl Into<String>,
    ) -> Finding {
        Finding {
            file: self.file.clone(),
            document: self.document,
            line: self.line,
            severity,
            code,
            object: Some(self.object.clone()),
            field: field.into(),
            message: message.into(),
        }
    }
}

impl Topic {
    /// A topic that says which cluster it is of; Strimzi ignores others.
    fn read(place: Place, value: &Value) -> Option<Object<Self>> {
        let cluster = labels(value).remove(CLUSTER_LABEL)?;
        let text = |pointer: &str| text(value, pointer);
        let topic = Self {
            kafka: KafkaName { namespace: place.object.namespace.clone(), name: cluster },
            name: text("/spec/topicName").unwrap_or_else(|| place.object.name.clone()),
            cleanup_policy: text("/spec/config/cleanup.policy"),
            max_message_bytes: size(value, "/spec/config/max.message.bytes"),
        };
        Some(Object { place, content: topic })
    }
}

impl fmt::Display for KafkaName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// A number of bytes in a configuration, which may be text.
pub(super) fn size(value: &Value, pointer: &str) -> Option<u64> {
    text(value, pointer)?.parse().ok()
}

fn text(value: &Value, pointer: &str) -> Option<String> {
    match value.pointer(pointer)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// An object of ours, if the API server would take it.
fn ours<T: DeserializeOwned>(
    place: Place,
    schema: &Schema,
    value: &Value,
    findings: &mut Findings,
) -> Option<Object<T>> {
    let (violations, value) = schema.check(value);
    let is_fine = violations.is_empty();
    for violation in violations {
        findings.add(place.finding(Severity::Error, violation.code, violation.field, violation.message));
    }
    match serde_json::from_value(value) {
        Ok(content) if is_fine => Some(Object { place, content }),
        Err(error) if is_fine => {
            findings.add(place.finding(Severity::Error, Code::Schema, "", error.to_string()));
            None
        }
        _ => None,
    }
}

/// A document, or the items of a `List`.
fn items(document: Document) -> Vec<Document> {
    let is_list = document.value.get("kind").and_then(Value::as_str) == Some("List");
    let Some(items) = document.value.get("items").and_then(Value::as_array).filter(|_| is_list) else {
        return vec![document];
    };
    items.iter().map(|value| Document { value: value.clone(), ..document.clone() }).collect()
}

fn kind(value: &Value) -> Option<(&str, &str, &str)> {
    let kind = value.get("kind")?.as_str()?;
    let api_version = value.get("apiVersion")?.as_str()?;
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    Some((group, version, kind))
}

fn metadata<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get("metadata")?.get(name)?.as_str()
}

fn labels(value: &Value) -> BTreeMap<String, String> {
    let labels = value.pointer("/metadata/labels").and_then(Value::as_object);
    let text = |(name, value): (&String, &Value)| Some((name.clone(), value.as_str()?.to_owned()));
    labels.into_iter().flatten().filter_map(text).collect()
}

fn bad_name(name: Option<&str>) -> Option<String> {
    match name {
        None => Some("is required".to_owned()),
        Some(name) if is_object_name(name) => None,
        Some(name) => Some(format!(
            "must have lower-case letters, digits, '-' and '.', and begin and end with a letter or digit, not {name:?}"
        )),
    }
}
