//! How resources name each other.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// A `Kafka` resource of Strimzi.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct KafkaRef {
    /// The name of the `Kafka` resource.
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub name: String,
    /// Its namespace; that of this resource by default. Another one must be allowed by the `EncryptionProxy` of that
    /// Kafka cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub namespace: Option<String>,
}

/// A key-encryption key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeyRef {
    /// The name of the key, as its provider knows it.
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^[a-zA-Z0-9._:/-]+$"))]
    pub name: String,
    /// The name of a key provider of the `EncryptionProxy`.
    #[serde(default = "default_provider")]
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-zA-Z0-9._-]+$"))]
    pub provider: String,
}

/// An object of the same namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct LocalRef {
    /// Its name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

fn default_provider() -> String {
    "default".to_owned()
}
