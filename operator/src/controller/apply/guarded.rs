//! Writes of what others may have written since it was read: nothing is written then.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{Api, Patch, PatchParams};
use serde_json::{Value, json};

use super::{Applier, Error, created, merged};
use crate::names::{FIELD_MANAGER, FORCE_RENEW_ANNOTATION, LEDGER_SERIAL_ANNOTATION};

impl Applier {
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
        match before {
            None => api.create(&created(), &after).await.map_err(failed)?,
            Some(before) => {
                after.metadata.resource_version.clone_from(&before.metadata.resource_version);
                let patch = json!({
                    "metadata": {"resourceVersion": after.metadata.resource_version},
                    "data": after.data,
                });
                api.patch(&name, &merged(), &Patch::Merge(patch)).await.map_err(failed)?
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
        match api.patch(&name, &merged(), &Patch::Merge(patch)).await {
            Ok(_) => Ok(()),
            Err(source) => Err(Error::Apply { kind: "Secret".to_owned(), name, source: Box::new(source) }),
        }
    }

    /// Notes on a Secret what the number of the ledger is.
    pub(crate) async fn note_ledger(&self, secret: &str, serial: u64) -> Result<(), Error> {
        let api = Api::<Secret>::namespaced(self.client.clone(), &self.key.namespace);
        let patch = json!({"metadata": {"annotations": {LEDGER_SERIAL_ANNOTATION: serial.to_string()}}});
        match api.patch(secret, &merged(), &Patch::Merge(patch)).await {
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
            None => api.create(&created(), &after).await.map_err(failed),
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
            api.create(&created(), &empty).await.map_err(failed)?.metadata.resource_version
        };
        after.metadata.resource_version = version;
        self.patch(&api, &after, "ConfigMap").await?;
        Ok(())
    }
}
