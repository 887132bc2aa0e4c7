//! Writes, all under one field manager, in an order in which nothing refers to what is not there yet. Objects are applied
//! (server-side apply) but for the first writes that must find nothing there, and for entries of Secrets.

mod error;
mod guarded;
mod removal;

pub(crate) use self::error::Error;

use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::NamespaceResourceScope;
use kube::{Client, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::cluster::KafkaKey;
use crate::names::{FIELD_MANAGER, NUDGE_ANNOTATION};

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
        let api = Api::<K>::namespaced(self.client.clone(), &self.key.namespace);
        self.patch(&api, object, &K::kind(&())).await?;
        Ok(())
    }

    /// The same for a kind that is known by its name only. Gives back the object as it is now, with what others say of it.
    pub(crate) async fn apply_dynamic(
        &self,
        object: &DynamicObject,
        resource: &kube::api::ApiResource,
    ) -> Result<DynamicObject, Error> {
        let api = Api::namespaced_with(self.client.clone(), &self.key.namespace, resource);
        self.patch(&api, object, &resource.kind).await
    }

    async fn patch<K>(&self, api: &Api<K>, object: &K, kind: &str) -> Result<K, Error>
    where
        K: Resource + Serialize + DeserializeOwned + Clone + std::fmt::Debug,
    {
        let name = object.meta().name.clone().unwrap_or_default();
        let parameters = PatchParams::apply(FIELD_MANAGER).force();
        match api.patch(&name, &parameters, &Patch::Apply(object)).await {
            Ok(object) => Ok(object),
            Err(source) => Err(Error::Apply { kind: kind.to_owned(), name, source: Box::new(source) }),
        }
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
