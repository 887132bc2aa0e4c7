//! The unit of work: one Kafka cluster with everything that is said of it.

use std::borrow::Cow;
use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;

/// A Kafka cluster by the name of its `Kafka` resource, which may not exist.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KafkaKey {
    /// The namespace.
    pub namespace: String,
    /// The name.
    pub name: String,
}

impl fmt::Display for KafkaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// What the work queue holds: a stand-in for a `Kafka` resource that something refers to, whether or not there is one.
#[derive(Debug, Clone)]
pub(crate) struct Mentioned {
    metadata: ObjectMeta,
}

impl From<KafkaKey> for Mentioned {
    fn from(key: KafkaKey) -> Self {
        let metadata =
            ObjectMeta { name: Some(key.name), namespace: Some(key.namespace), ..ObjectMeta::default() };
        Self { metadata }
    }
}

impl Mentioned {
    /// Which cluster.
    pub(crate) fn key(&self) -> KafkaKey {
        KafkaKey {
            namespace: self.metadata.namespace.clone().unwrap_or_default(),
            name: self.metadata.name.clone().unwrap_or_default(),
        }
    }
}

impl Resource for Mentioned {
    type DynamicType = ();
    type Scope = kube::core::NamespaceResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        "Kafka".into()
    }

    fn group((): &()) -> Cow<'_, str> {
        "kafka.strimzi.io".into()
    }

    fn version((): &()) -> Cow<'_, str> {
        "v1".into()
    }

    fn plural((): &()) -> Cow<'_, str> {
        "kafkas".into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}
