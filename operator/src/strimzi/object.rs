//! What all of Strimzi's objects have in common.

use kube::core::{DynamicObject, ObjectMeta};
use serde_json::Value;

use super::field::{Field, ParseError};

/// The label by which an object belongs to a Kafka cluster.
const CLUSTER_LABEL: &str = "strimzi.io/cluster";

/// Parses an object that came as plain data, such as one from a file.
pub fn from_value<T>(value: Value) -> Result<T, ParseError>
where
    T: for<'a> TryFrom<&'a DynamicObject, Error = ParseError>,
{
    let object: DynamicObject =
        serde_json::from_value(value).map_err(|source| ParseError::Metadata { source })?;
    T::try_from(&object)
}

/// A view of an object: its metadata and the two fields under which everything else lies.
#[derive(Debug)]
pub(super) struct Object<'a> {
    pub(super) metadata: &'a ObjectMeta,
    pub(super) spec: Field<'a>,
    pub(super) status: Field<'a>,
}

impl<'a> From<&'a DynamicObject> for Object<'a> {
    fn from(object: &'a DynamicObject) -> Self {
        Self {
            metadata: &object.metadata,
            spec: Field::top(&object.data, "spec"),
            status: Field::top(&object.data, "status"),
        }
    }
}

impl Object<'_> {
    pub(super) fn name(&self) -> Result<String, ParseError> {
        named(self.metadata.name.as_deref(), "metadata.name")
    }

    pub(super) fn namespace(&self) -> Result<String, ParseError> {
        named(self.metadata.namespace.as_deref(), "metadata.namespace")
    }

    /// The Kafka cluster that the object says it belongs to.
    pub(super) fn cluster(&self) -> Option<String> {
        self.metadata.labels.as_ref()?.get(CLUSTER_LABEL).cloned()
    }

    pub(super) fn annotation(&self, name: &str) -> Option<&str> {
        self.metadata.annotations.as_ref()?.get(name).map(String::as_str)
    }

    /// Whether somebody asked Strimzi to leave the object alone.
    pub(super) fn pause_requested(&self) -> bool {
        self.annotation("strimzi.io/pause-reconciliation") == Some("true")
    }
}

fn named(value: Option<&str>, field: &str) -> Result<String, ParseError> {
    match value {
        Some(value) if !value.is_empty() => Ok(value.to_owned()),
        _ => Err(ParseError::Missing { field: field.to_owned() }),
    }
}

#[cfg(test)]
mod tests;
