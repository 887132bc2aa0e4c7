//! Resources of ours whose `spec.kafkaRef` names a cluster.

use kube::api::{Api, ApiResource, DynamicObject, ListParams};
use operator_api::{EncryptionProxy, TopicEncryptionPolicy};
use serde::de::DeserializeOwned;

use super::{Concerned, Error, Malformed, Reader, list};
use crate::cluster::KafkaKey;
use crate::controller::watches::{apis, kafka_ref};
use crate::settings::Settings;

impl Reader {
    /// Whom a failure concerns, as far as they can be listed.
    pub(crate) async fn concerned(&self, key: &KafkaKey, settings: &Settings) -> Concerned {
        self.referring(key, settings, |_| Ok(())).await.unwrap_or_default()
    }

    /// What is said of a cluster; `failed` decides whether to go on without what cannot be listed.
    pub(super) async fn referring(
        &self,
        key: &KafkaKey,
        settings: &Settings,
        failed: impl Fn(Error) -> Result<(), Error>,
    ) -> Result<Concerned, Error> {
        let Concerned { mut policies, mut proxies, mut malformed } = Concerned::default();
        for api in self.policies(settings) {
            match self.of_kind(&api, key, settings, "TopicEncryptionPolicy", &mut malformed).await {
                Ok(found) => policies.extend(found),
                Err(error) => failed(error)?,
            }
        }
        match self.of_kind(&self.proxies(key), key, settings, "EncryptionProxy", &mut malformed).await {
            Ok(found) => proxies = found,
            Err(error) => failed(error)?,
        }
        Ok(Concerned { policies, proxies, malformed })
    }

    /// Whether something that the selector does not choose refers to the cluster: then its fleet is another operator's.
    pub(super) async fn is_anothers(&self, key: &KafkaKey, settings: &Settings) -> Result<bool, Error> {
        if settings.selector.is_none() {
            return Ok(false);
        }
        for api in self.policies(settings).into_iter().chain([self.proxies(key)]) {
            let listed = list(&api, "what refers to the cluster", &ListParams::default()).await?;
            if listed.iter().any(|object| kafka_ref(object).as_ref() == Some(key)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Policies of every namespace that is watched.
    fn policies(&self, settings: &Settings) -> Vec<Api<DynamicObject>> {
        apis(&self.client, &ApiResource::erase::<TopicEncryptionPolicy>(&()), &settings.watched())
    }

    fn proxies(&self, key: &KafkaKey) -> Api<DynamicObject> {
        let resource = ApiResource::erase::<EncryptionProxy>(&());
        Api::namespaced_with(self.client.clone(), &key.namespace, &resource)
    }

    /// Objects whose `spec.kafkaRef` names the cluster.
    async fn of_kind<K: DeserializeOwned>(
        &self,
        api: &Api<DynamicObject>,
        key: &KafkaKey,
        settings: &Settings,
        kind: &'static str,
        malformed: &mut Vec<Malformed>,
    ) -> Result<Vec<K>, Error> {
        let mut parameters = ListParams::default();
        if let Some(selector) = &settings.selector {
            parameters = parameters.labels(selector);
        }
        let listed = list(api, kind, &parameters).await?;
        let mut found = Vec::new();
        for object in listed.into_iter().filter(|object| kafka_ref(object).as_ref() == Some(key)) {
            match typed(&object) {
                Ok(object) => found.push(object),
                Err(error) => malformed.push(Malformed { kind, object, error }),
            }
        }
        Ok(found)
    }
}

/// A typed object of one that is known by its name only.
fn typed<K: DeserializeOwned>(object: &DynamicObject) -> Result<K, String> {
    let value = serde_json::to_value(object).map_err(|error| error.to_string())?;
    serde_json::from_value(value).map_err(|error| error.to_string())
}
