//! Writes: server-side apply under one field manager, in an order in which nothing refers to what is not there yet.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Secret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{
    Api, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams, Preconditions,
};
use kube::core::NamespaceResourceScope;
use kube::{Client, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use thiserror::Error;

use crate::cluster::KafkaKey;
use crate::names::{
    FIELD_MANAGER, FORCE_RENEW_ANNOTATION, KAFKA_LABEL, LEDGER_SERIAL_ANNOTATION, NUDGE_ANNOTATION,
    managed_selector,
};

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

    /// Adds entries to a Secret that was read before; nothing is written if it changed meanwhile.
    pub(crate) async fn add_to_secret(
        &self,
        before: Option<&Secret>,
        mut after: Secret,
    ) -> Result<(), Error> {
        let api = Api::<Secret>::namespaced(self.client.clone(), &self.key.namespace);
        let name = after.metadata.name.clone().unwrap_or_default();
        let failed =
            |source| Error::Apply { kind: "Secret".to_owned(), name: name.clone(), source: Box::new(source) };
        let parameters = PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..Default::default() };
        match before {
            None => api.create(&parameters, &after).await.map_err(failed)?,
            Some(before) => {
                after.metadata.resource_version.clone_from(&before.metadata.resource_version);
                let patch = json!({
                    "metadata": {"resourceVersion": after.metadata.resource_version},
                    "data": after.data,
                });
                api.patch(&name, &PatchParams::default(), &Patch::Merge(patch)).await.map_err(failed)?
            }
        };
        Ok(())
    }

    /// Makes the data of a Secret what it should be, and takes off it what was asked of the operator; nothing is written if
    /// it changed since it was read.
    pub(crate) async fn replace_secret(&self, before: Option<&Secret>, after: Secret) -> Result<(), Error> {
        let Some(before) = before else { return self.add_to_secret(None, after).await };
        let kept = after.data.clone().unwrap_or_default();
        let gone =
            before.data.iter().flatten().map(|(name, _)| name).filter(|name| !kept.contains_key(*name));
        let mut data: BTreeMap<String, Option<ByteString>> = gone.map(|name| (name.clone(), None)).collect();
        data.extend(kept.into_iter().map(|(name, content)| (name, Some(content))));
        let mut annotations = json!(after.metadata.annotations.clone().unwrap_or_default());
        annotations[FORCE_RENEW_ANNOTATION] = Value::Null;
        let patch = json!({
            "metadata": {
                "resourceVersion": before.metadata.resource_version,
                "annotations": annotations,
                "ownerReferences": after.metadata.owner_references,
            },
            "data": data,
        });
        let api = Api::<Secret>::namespaced(self.client.clone(), &self.key.namespace);
        let name = after.metadata.name.unwrap_or_default();
        match api.patch(&name, &PatchParams::default(), &Patch::Merge(patch)).await {
            Ok(_) => Ok(()),
            Err(source) => Err(Error::Apply { kind: "Secret".to_owned(), name, source: Box::new(source) }),
        }
    }

    /// Notes on a Secret what the number of the ledger is.
    pub(crate) async fn note_ledger(&self, secret: &str, serial: u64) -> Result<(), Error> {
        let api = Api::<Secret>::namespaced(self.client.clone(), &self.key.namespace);
        let patch = json!({"metadata": {"annotations": {LEDGER_SERIAL_ANNOTATION: serial.to_string()}}});
        match api.patch(secret, &PatchParams::default(), &Patch::Merge(patch)).await {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
            Err(source) => {
                let name = secret.to_owned();
                Err(Error::Apply { kind: "Secret".to_owned(), name, source: Box::new(source) })
            }
        }
    }

    /// Writes the ledger and gives it back as it is now; nothing is written if it changed since it was read.
    pub(crate) async fn write_ledger(
        &self,
        before: Option<&ConfigMap>,
        mut after: ConfigMap,
    ) -> Result<ConfigMap, Error> {
        let api = Api::<ConfigMap>::namespaced(self.client.clone(), &self.key.namespace);
        let name = after.metadata.name.clone().unwrap_or_default();
        let failed = |source| Error::Apply {
            kind: "ConfigMap".to_owned(),
            name: name.clone(),
            source: Box::new(source),
        };
        match before {
            None => {
                let parameters =
                    PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..Default::default() };
                api.create(&parameters, &after).await.map_err(failed)
            }
            Some(before) => {
                after.metadata.resource_version.clone_from(&before.metadata.resource_version);
                let parameters = PatchParams::apply(FIELD_MANAGER).force();
                api.patch(&name, &parameters, &Patch::Apply(&after)).await.map_err(failed)
            }
        }
    }

    /// Writes what proxies are told; nothing is written if it changed since it was read, since whoever changed it may know
    /// of topics to encrypt that we do not.
    pub(crate) async fn write_config(
        &self,
        before: Option<&ConfigMap>,
        mut after: ConfigMap,
    ) -> Result<(), Error> {
        let api = Api::<ConfigMap>::namespaced(self.client.clone(), &self.key.namespace);
        let version = if let Some(before) = before {
            before.metadata.resource_version.clone()
        } else {
            // To apply cannot mean to create only. What is created owns no field, so that applying can remove them all.
            let name = after.metadata.name.clone();
            let metadata = ObjectMeta { name: name.clone(), ..ObjectMeta::default() };
            let empty = ConfigMap { metadata, ..ConfigMap::default() };
            let failed = |source| Error::Apply {
                kind: "ConfigMap".to_owned(),
                name: name.unwrap_or_default(),
                source: Box::new(source),
            };
            api.create(&PostParams::default(), &empty).await.map_err(failed)?.metadata.resource_version
        };
        after.metadata.resource_version = version;
        self.patch(&api, &after, "ConfigMap").await
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
        match api.patch(pod, &PatchParams::default(), &Patch::Merge(patch)).await {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
            Err(source) => Err(Error::Nudge { name: pod.to_owned(), source: Box::new(source) }),
        }
    }
}
