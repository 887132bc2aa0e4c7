//! What was read.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Secret, Service};
use kube::api::DynamicObject;
use operator_api::{EncryptionProxy, TopicEncryptionPolicy};

use crate::pods::Proxy;

/// An object of ours that may not be what its schema says.
#[derive(Debug, Clone)]
pub(crate) struct Malformed {
    pub(crate) kind: &'static str,
    pub(crate) object: DynamicObject,
    pub(crate) error: String,
}

impl Malformed {
    pub(crate) fn is_policy(&self) -> bool {
        self.kind == "TopicEncryptionPolicy"
    }
}

/// Everything that is said of a cluster.
#[derive(Debug, Default)]
pub(crate) struct Observed {
    pub(crate) policies: Vec<TopicEncryptionPolicy>,
    pub(crate) proxies: Vec<EncryptionProxy>,
    pub(crate) malformed: Vec<Malformed>,
    /// `None` where Strimzi is not installed.
    pub(crate) strimzi: Option<Strimzi>,
    /// Labels of the namespaces of policies, where a selector asks for them.
    pub(crate) namespaces: BTreeMap<String, BTreeMap<String, String>>,
    pub(crate) ours: Ours,
    pub(crate) fleet: Vec<Proxy>,
    /// The highest number of the ledger that this process saw.
    pub(crate) ledger_serial: u64,
}

/// Resources of ours that are for a cluster.
#[derive(Debug, Default)]
pub(crate) struct Concerned {
    pub(crate) policies: Vec<TopicEncryptionPolicy>,
    pub(crate) proxies: Vec<EncryptionProxy>,
    pub(crate) malformed: Vec<Malformed>,
}

impl Observed {
    /// Policies that are not what their schema says.
    pub(crate) fn malformed_policies(&self) -> impl Iterator<Item = &DynamicObject> {
        self.malformed.iter().filter(|malformed| malformed.is_policy()).map(|malformed| &malformed.object)
    }

    /// Whom clients trust, as they are told now.
    pub(crate) fn bundle(&self) -> Option<&str> {
        self.ours.bundle.as_ref()?.data.as_ref()?.get("ca.crt").map(String::as_str)
    }
}

/// What Strimzi's resources say.
#[derive(Debug, Default)]
pub(crate) struct Strimzi {
    pub(crate) kafka: Option<DynamicObject>,
    pub(crate) pools: Vec<DynamicObject>,
    pub(crate) topics: Vec<DynamicObject>,
    pub(crate) users: Vec<DynamicObject>,
}

/// What the operator made before.
#[derive(Debug, Default)]
pub(crate) struct Ours {
    pub(crate) ledger: Option<ConfigMap>,
    pub(crate) config: Option<ConfigMap>,
    pub(crate) keys: Option<Secret>,
    pub(crate) authority: Option<Secret>,
    pub(crate) bundle: Option<ConfigMap>,
    pub(crate) certificate: Option<Secret>,
    pub(crate) services: Vec<Service>,
    pub(crate) deployment: Option<Deployment>,
}
