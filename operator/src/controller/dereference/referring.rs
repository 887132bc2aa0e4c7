//! Resources of ours whose `spec.kafkaRef` names a cluster.

use kube::api::{Api, ApiResource, DynamicObject, ListParams};
use operator_api::{EncryptionProxy, TopicEncryptionPolicy};
use serde::de::DeserializeOwned;

use super::listing::{each_page, without_rules};
use super::{Concerned, Error, Malformed, Reader};
use crate::cluster::KafkaKey;
use crate::controller::watches::{apis, kafka_ref};
use crate::settings::Settings;

impl Reader {
    /// Whom a failure concerns, as far as they can be listed.
    pub(crate) async fn concerned(&self, key: &KafkaKey, settings: &Settings) -> Concerned {
        self.referring(key, settings, |_, _| true, |_| Ok(())).await.unwrap_or_default()
    }

    /// What is said of a cluster. Of policies whose namespaces may not count, by what proxies say, the rules are left out.
    /// `failed` decides whether to go on without what cannot be listed.
    pub(super) async fn referring(
        &self,
        key: &KafkaKey,
        settings: &Settings,
        may_count: impl Fn(Option<&str>, &[EncryptionProxy]) -> bool,
        failed: impl Fn(Error) -> Result<(), Error>,
    ) -> Result<Concerned, Error> {
        let Concerned { mut policies, mut proxies, mut malformed } = Concerned::default();
        let kind = "EncryptionProxy";
        match self.of_kind(&self.proxies(key), key, settings, kind, |_| true, &mut malformed).await {
            Ok(found) => proxies = found,
            Err(error) => failed(error)?,
        }
        let may_count = |namespace: Option<&str>| may_count(namespace, &proxies);
        for api in self.policies(settings) {
            let kind = "TopicEncryptionPolicy";
            match self.of_kind(&api, key, settings, kind, may_count, &mut malformed).await {
                Ok(found) => policies.extend(found),
                Err(error) => failed(error)?,
            }
        }
        Ok(Concerned { policies, proxies, malformed })
    }

    /// Whether something that the selector does not choose refers to the cluster: then its fleet is another operator's.
    pub(super) async fn is_anothers(&self, key: &KafkaKey, settings: &Settings) -> Result<bool, Error> {
        if settings.selector.is_none() {
            return Ok(false);
        }
        for api in self.policies(settings).into_iter().chain([self.proxies(key)]) {
            let mut refers = false;
            let all = ListParams::default();
            each_page(&api, "what refers to the cluster", &all, |page| {
                refers = page.iter().any(|object| kafka_ref(object).as_ref() == Some(key));
                !refers
            })
            .await?;
            if refers {
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
        may_count: impl Fn(Option<&str>) -> bool,
        malformed: &mut Vec<Malformed>,
    ) -> Result<Vec<K>, Error> {
        let mut parameters = ListParams::default();
        if let Some(selector) = &settings.selector {
            parameters = parameters.labels(selector);
        }
        let mut found = Vec::new();
        each_page(api, kind, &parameters, |page| {
            for mut object in page.into_iter().filter(|object| kafka_ref(object).as_ref() == Some(key)) {
                if !may_count(object.metadata.namespace.as_deref()) {
                    without_rules(&mut object);
                }
                match typed(&object) {
                    Ok(object) => found.push(object),
                    Err(error) => malformed.push(Malformed { kind, object, error }),
                }
            }
            true
        })
        .await?;
        Ok(found)
    }
}

/// A typed object of one that is known by its name only.
fn typed<K: DeserializeOwned>(object: &DynamicObject) -> Result<K, String> {
    let value = serde_json::to_value(object).map_err(|error| error.to_string())?;
    serde_json::from_value(value).map_err(|error| error.to_string())
}
