//! Writes, all under one field manager, in an order in which nothing refers to what is not there yet. Objects are applied
//! (server-side apply) but for the first writes that must find nothing there, and for entries of Secrets.

mod guarded;

use k8s_openapi::api::core::v1::Pod;
use kube::api::{
    Api, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams, Preconditions,
};
use kube::core::NamespaceResourceScope;
use kube::{Client, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use thiserror::Error;

use crate::cluster::KafkaKey;
use crate::names::{FIELD_MANAGER, KAFKA_LABEL, NUDGE_ANNOTATION, managed_selector};

/// Why something was not written.
#[derive(Debug, Error)]
pub(crate) enum Error {
    /// An object was refused, or the API server did not answer.
    #[error("failed to apply {kind} {name}")]
    Apply {
        kind: String,
        name: String,
        #[source]
        source: Box<kube::Error>,
    },
    /// What is no longer wanted stayed.
    #[error("failed to delete {kind} {name}")]
    Delete {
        kind: String,
        name: String,
        #[source]
        source: Box<kube::Error>,
    },
    /// Objects of the fleet could not be listed.
    #[error("failed to list {kind}")]
    List {
        kind: String,
        #[source]
        source: Box<kube::Error>,
    },
    /// The kubelet was not shown new contents of volumes.
    #[error("failed to annotate pod {name}")]
    Nudge {
        name: String,
        #[source]
        source: Box<kube::Error>,
    },
}

/// For what must not be there yet, which applying cannot say.
fn created() -> PostParams {
    PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() }
}

/// For what takes entries out or leaves others alone, which applying cannot do either.
fn merged() -> PatchParams {
    PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() }
}

/// Writes to one namespace.
#[derive(Clone)]
pub(crate) struct Applier {
    client: Client,
    key: KafkaKey,
}

impl Applier {
    pub(crate) fn new(client: Client, key: KafkaKey) -> Self {
        Self { client, key }
    }

    /// Makes an object what it should be, as far as its fields are ours.
    pub(crate) async fn apply<K>(&self, object: &K) -> Result<(), Error>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
            + Serialize
            + DeserializeOwned
            + Clone
            + std::fmt::Debug,
    {
        self.patch(&Api::<K>::namespaced(self.client.clone(), &self.key.namespace), object, &K::kind(&()))
            .await
    }

    /// The same for a kind that is known by its name only.
    pub(crate) async fn apply_dynamic(
        &self,
        object: &DynamicObject,
        resource: &kube::api::ApiResource,
    ) -> Result<(), Error> {
        let api = Api::namespaced_with(self.client.clone(), &self.key.namespace, resource);
        self.patch(&api, object, &resource.kind).await
    }

    async fn patch<K>(&self, api: &Api<K>, object: &K, kind: &str) -> Result<(), Error>
    where
        K: Resource + Serialize + DeserializeOwned + Clone + std::fmt::Debug,
    {
        let name = object.meta().name.clone().unwrap_or_default();
        let parameters = PatchParams::apply(FIELD_MANAGER).force();
        match api.patch(&name, &parameters, &Patch::Apply(object)).await {
            Ok(_) => Ok(()),
            Err(source) => Err(Error::Apply { kind: kind.to_owned(), name, source: Box::new(source) }),
        }
    }

    /// Deletes an object of a kind that is known by its name only, if it is there and the operator made it. Neither the kind
    /// nor the right to look at it need be there.
    pub(crate) async fn delete_dynamic(
        &self,
        resource: &kube::api::ApiResource,
        name: &str,
    ) -> Result<(), Error> {
        let api: Api<DynamicObject> =
            Api::namespaced_with(self.client.clone(), &self.key.namespace, resource);
        let found = match api.get_metadata_opt(name).await {
            // Of a kind that is not there the API server says so in words of its own, not in a status with a reason.
            Err(kube::Error::Api(status)) if [403, 404].contains(&status.code) => None,
            found => found.map_err(|source| Error::Delete {
                kind: resource.kind.clone(),
                name: name.to_owned(),
                source: Box::new(source),
            })?,
        };
        match found.filter(|object| self.made(object)) {
            Some(object) => self.delete(&api, &resource.kind, &object).await,
            None => Ok(()),
        }
    }

    /// Whether the operator made it, for this cluster.
    fn made(&self, object: &impl ResourceExt) -> bool {
        object.labels().get("app.kubernetes.io/managed-by").is_some_and(|manager| manager == FIELD_MANAGER)
            && object.labels().get(KAFKA_LABEL) == Some(&self.key.name)
    }

    /// Deletes an object as it was seen, not one that was made anew meanwhile.
    async fn delete<K>(&self, api: &Api<K>, kind: &str, object: &impl ResourceExt) -> Result<(), Error>
    where
        K: DeserializeOwned + Clone + std::fmt::Debug,
    {
        let name = object.name_any();
        let only_this = DeleteParams {
            preconditions: Some(Preconditions { uid: object.uid(), resource_version: None }),
            ..DeleteParams::default()
        };
        match api.delete(&name, &only_this).await {
            Err(kube::Error::Api(status)) if status.is_not_found() => {}
            Err(source) => {
                return Err(Error::Delete { kind: kind.to_owned(), name, source: Box::new(source) });
            }
            Ok(_) => tracing::info!(kind, name, "deleted what is no longer wanted"),
        }
        Ok(())
    }

    /// Deletes what the operator made for this cluster of a kind, except what is wanted.
    pub(crate) async fn delete_others<K>(&self, wanted: &[String]) -> Result<(), Error>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
            + DeserializeOwned
            + Clone
            + std::fmt::Debug,
    {
        let api = Api::<K>::namespaced(self.client.clone(), &self.key.namespace);
        let kind = K::kind(&()).into_owned();
        let selector = format!("{},{KAFKA_LABEL}={}", managed_selector(), self.key.name);
        let listed = api.list_metadata(&ListParams::default().labels(&selector)).await;
        let objects =
            listed.map_err(|source| Error::List { kind: kind.clone(), source: Box::new(source) })?;
        for object in objects {
            let name = object.name_any();
            // What has no owner is meant to last, whatever becomes of the fleet.
            if wanted.contains(&name) || object.owner_references().is_empty() {
                continue;
            }
            self.delete(&api, &kind, &object).await?;
        }
        Ok(())
    }

    /// Makes the kubelet look at a pod's volumes at once: it does so whenever the pod changes.
    pub(crate) async fn nudge(&self, pod: &str, hash: &str) -> Result<(), Error> {
        let api = Api::<Pod>::namespaced(self.client.clone(), &self.key.namespace);
        let patch = json!({"metadata": {"annotations": {NUDGE_ANNOTATION: hash}}});
        match api.patch(pod, &merged(), &Patch::Merge(patch)).await {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
            Err(source) => Err(Error::Nudge { name: pod.to_owned(), source: Box::new(source) }),
        }
    }
}
