//! What the operator made, and what its pods mount.

use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::Resource;
use kube::api::{Api, ListParams};
use kube::core::NamespaceResourceScope;
use serde::de::DeserializeOwned;

use super::{Error, Ours, Reader, list, read};
use crate::certificates::certificates_only;
use crate::cluster::KafkaKey;
use crate::names::Names;

impl Reader {
    pub(super) async fn ours(&self, key: &KafkaKey, names: &Names) -> Result<Ours, Error> {
        Ok(Ours {
            ledger: self.get(key, &names.ledger()).await?,
            config: self.get(key, &names.config()).await?,
            keys: self.get(key, &names.keys()).await?,
            authority: self.get(key, &names.authority()).await?,
            bundle: self.get(key, &names.authority_bundle()).await?,
            certificate: self.get(key, &names.certificate()).await?,
            services: self.list_own(key, names, "Service").await?,
            deployment: self.get(key, &names.fleet()).await?,
        })
    }

    /// The version of a Secret that pods mount; its content is not sent.
    pub(crate) async fn secret_version(&self, key: &KafkaKey, name: &str) -> Result<Option<String>, Error> {
        let api = Api::<Secret>::namespaced(self.client.clone(), &key.namespace);
        let secret = api.get_metadata_opt(name).await.map_err(read("Secret", name))?;
        Ok(secret.and_then(|secret| secret.metadata.resource_version))
    }

    /// The authority in a given Secret of a certificate, if it is there; nothing else of it is kept.
    pub(crate) async fn authority_in(&self, key: &KafkaKey, name: &str) -> Result<Option<String>, Error> {
        let secret: Option<Secret> = self.get(key, name).await?;
        Ok(secret.as_ref().and_then(authority_in))
    }

    async fn get<K>(&self, key: &KafkaKey, name: &str) -> Result<Option<K>, Error>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
            + DeserializeOwned
            + Clone
            + std::fmt::Debug,
    {
        let api = Api::<K>::namespaced(self.client.clone(), &key.namespace);
        api.get_opt(name).await.map_err(read(&K::kind(&()), name))
    }

    async fn list_own<K>(&self, key: &KafkaKey, names: &Names, kind: &str) -> Result<Vec<K>, Error>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
            + DeserializeOwned
            + Clone
            + std::fmt::Debug,
    {
        let api = Api::<K>::namespaced(self.client.clone(), &key.namespace);
        list(&api, kind, &ListParams::default().labels(&names.selector_text())).await
    }

    pub(super) async fn pods(&self, key: &KafkaKey, names: &Names) -> Result<Vec<Pod>, Error> {
        self.list_own(key, names, "Pod").await
    }
}

/// The authority in the Secret of a certificate, where whoever issued it tells.
pub(crate) fn authority_in(secret: &Secret) -> Option<String> {
    let text = std::str::from_utf8(&secret.data.as_ref()?.get("ca.crt")?.0).ok()?;
    // Whoever wrote it may have put a key beside it, and what is told to clients is no secret.
    certificates_only(text)
}
