//! What both kinds have.

use kube::Resource;
use kube::core::NamespaceResourceScope;
use kube::core::object::HasStatus;
use serde::Serialize;
use serde::de::DeserializeOwned;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use operator_api::{
    EncryptionProxy, EncryptionProxyStatus, TopicEncryptionPolicy, TopicEncryptionPolicyStatus,
};

/// A status with conditions.
pub(super) trait HasConditions {
    /// None where nothing was told yet.
    fn conditions(&self) -> &[Condition];

    /// The same with other conditions, of this generation.
    fn with(self, generation: Option<i64>, conditions: Vec<Condition>) -> Self;
}

impl HasConditions for TopicEncryptionPolicyStatus {
    fn conditions(&self) -> &[Condition] {
        &self.conditions
    }

    fn with(self, generation: Option<i64>, conditions: Vec<Condition>) -> Self {
        Self { observed_generation: generation, conditions, ..self }
    }
}

impl HasConditions for EncryptionProxyStatus {
    fn conditions(&self) -> &[Condition] {
        &self.conditions
    }

    fn with(self, generation: Option<i64>, conditions: Vec<Condition>) -> Self {
        Self { observed_generation: generation, conditions, ..self }
    }
}

/// A kind of ours.
pub(super) trait Ours:
    HasStatus<Status: HasConditions + Clone + Default + PartialEq + Serialize>
    + Resource<Scope = NamespaceResourceScope, DynamicType = ()>
    + DeserializeOwned
    + Clone
    + std::fmt::Debug
{
}

impl Ours for EncryptionProxy {}

impl Ours for TopicEncryptionPolicy {}
