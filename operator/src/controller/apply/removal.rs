//! Taking away what is no longer wanted, of what the operator made.

use kube::api::{Api, DeleteParams, DynamicObject, ListParams, Preconditions};
use kube::core::NamespaceResourceScope;
use kube::{Resource, ResourceExt};
use serde::de::DeserializeOwned;

use super::{Applier, Error};
use crate::names::{FIELD_MANAGER, KAFKA_LABEL, managed_selector};

impl Applier {
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
        self.delete_others_in(&api, &K::kind(&()), wanted).await
    }

    /// The same of a kind that is known by its name only, as far as the operator may look at it.
    pub(crate) async fn delete_others_dynamic(
        &self,
        resource: &kube::api::ApiResource,
        wanted: &[String],
    ) -> Result<(), Error> {
        let api: Api<DynamicObject> =
            Api::namespaced_with(self.client.clone(), &self.key.namespace, resource);
        match self.delete_others_in(&api, &resource.kind, wanted).await {
            Err(error) if matches!(error.code(), Some(403 | 404)) => Ok(()),
            deleted => deleted,
        }
    }

    async fn delete_others_in<K>(&self, api: &Api<K>, kind: &str, wanted: &[String]) -> Result<(), Error>
    where
        K: Resource + DeserializeOwned + Clone + std::fmt::Debug,
    {
        let selector = format!("{},{KAFKA_LABEL}={}", managed_selector(), self.key.name);
        let listed = api.list_metadata(&ListParams::default().labels(&selector)).await;
        let objects =
            listed.map_err(|source| Error::List { kind: kind.to_owned(), source: Box::new(source) })?;
        for object in objects {
            let name = object.name_any();
            // What has no owner is meant to last, whatever becomes of the fleet.
            if wanted.contains(&name) || object.owner_references().is_empty() {
                continue;
            }
            self.delete(api, kind, &object).await?;
        }
        Ok(())
    }
}
