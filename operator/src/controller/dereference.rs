//! First step: everything that is said of a cluster is read, and nothing is judged.
//!
//! Reads are live rather than from caches, so that a decision about what stays encrypted never rests on an old copy. Of
//! Secrets only those are read that the operator writes itself; of those that pods mount the version alone, and the `ca.crt`
//! of a given certificate.

mod listing;
mod observed;
mod referring;

pub(crate) use self::listing::PAGE;
pub(crate) use self::observed::{Concerned, Malformed, Observed, Ours, Strimzi};

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{Namespace, Pod, Secret};
use kube::api::{Api, ApiResource, DynamicObject, ListParams};
use kube::core::NamespaceResourceScope;
use kube::{Client, Resource, ResourceExt};
use operator_api::{EncryptionProxy, TopicEncryptionPolicy};
use serde::de::DeserializeOwned;
use thiserror::Error;

use self::listing::may_count;
use super::strimzi_api::{StrimziApi, is_gone};
use crate::certificates::certificates_only;
use crate::cluster::KafkaKey;
use crate::names::Names;
use crate::pods;
use crate::settings::Settings;

/// Why something was not read.
#[derive(Debug, Error)]
pub(crate) enum Error {
    /// Objects of a kind could not be listed.
    #[error("failed to list {kind}")]
    List {
        kind: String,
        #[source]
        source: Box<kube::Error>,
    },
    /// An object could not be read.
    #[error("failed to read {kind} {name}")]
    Read {
        kind: String,
        name: String,
        #[source]
        source: Box<kube::Error>,
    },
}

impl Error {
    fn source(&self) -> &kube::Error {
        match self {
            Self::List { source, .. } | Self::Read { source, .. } => source,
        }
    }
}

/// Reads.
#[derive(Clone)]
pub(crate) struct Reader {
    pub(crate) client: Client,
    pub(crate) http: reqwest::Client,
    pub(crate) strimzi: StrimziApi,
}

impl Reader {
    /// Reads everything.
    pub(crate) async fn dereference(&self, key: &KafkaKey, settings: &Settings) -> Result<Observed, Error> {
        let may_count =
            |namespace: Option<&str>, proxies: &[EncryptionProxy]| may_count(namespace, key, proxies);
        let Concerned { policies, proxies, malformed } =
            self.referring(key, settings, may_count, Err).await?;
        let nothing = policies.is_empty() && proxies.is_empty() && malformed.is_empty();
        if nothing && self.is_anothers(key, settings).await? {
            return Ok(Observed::default());
        }
        let strimzi = self.strimzi(key).await?;
        let namespaces = self.namespaces(&policies, &proxies).await?;
        let (ours, pods) = match Names::new(key) {
            Ok(names) => (self.ours(key, &names).await?, self.pods(key, &names).await?),
            Err(_) => (Ours::default(), Vec::new()),
        };
        let fleet = pods::ask(&self.http, &pods, key).await;
        let ledger_serial = 0;
        Ok(Observed { policies, proxies, malformed, strimzi, namespaces, ours, fleet, ledger_serial })
    }

    /// What Strimzi's resources say. Where a kind is gone in the version that was served before, there may be another.
    async fn strimzi(&self, key: &KafkaKey) -> Result<Option<Strimzi>, Error> {
        match self.strimzi_as_known(key).await {
            Err(error) if is_gone(error.source()) => {
                self.strimzi.look_again().await;
                self.strimzi_as_known(key).await
            }
            read => read,
        }
    }

    async fn strimzi_as_known(&self, key: &KafkaKey) -> Result<Option<Strimzi>, Error> {
        let Some(resources) = self.strimzi.now() else { return Ok(None) };
        let kafka = Api::namespaced_with(self.client.clone(), &key.namespace, &resources.kafka);
        let kafka = kafka.get_opt(&key.name).await.map_err(read("Kafka", &key.name))?;
        if kafka.is_none() {
            return Ok(Some(Strimzi::default()));
        }
        Ok(Some(Strimzi {
            kafka,
            pools: self.of_cluster(key, resources.node_pool.as_ref()).await?,
            topics: self.of_cluster(key, resources.topic.as_ref()).await?,
            users: self.of_cluster(key, resources.user.as_ref()).await?,
        }))
    }

    /// Objects of a kind of Strimzi; none where there is no such kind.
    async fn of_cluster(
        &self,
        key: &KafkaKey,
        resource: Option<&ApiResource>,
    ) -> Result<Vec<DynamicObject>, Error> {
        let Some(resource) = resource else { return Ok(Vec::new()) };
        let api = Api::namespaced_with(self.client.clone(), &key.namespace, resource);
        let of_cluster = ListParams::default().labels(&format!("strimzi.io/cluster={}", key.name));
        list(&api, &resource.kind, &of_cluster).await
    }

    async fn namespaces(
        &self,
        policies: &[TopicEncryptionPolicy],
        proxies: &[EncryptionProxy],
    ) -> Result<BTreeMap<String, BTreeMap<String, String>>, Error> {
        let asked = proxies.iter().any(|proxy| proxy.spec.allowed_policies.selector.is_some());
        let mut labels = BTreeMap::new();
        if !asked {
            return Ok(labels);
        }
        let names: BTreeSet<_> = policies.iter().filter_map(ResourceExt::namespace).collect();
        for name in names {
            let api = Api::<Namespace>::all(self.client.clone());
            let namespace = api.get_opt(&name).await.map_err(read("Namespace", &name))?;
            labels.insert(name, namespace.and_then(|each| each.metadata.labels).unwrap_or_default());
        }
        Ok(labels)
    }

    async fn ours(&self, key: &KafkaKey, names: &Names) -> Result<Ours, Error> {
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

    async fn pods(&self, key: &KafkaKey, names: &Names) -> Result<Vec<Pod>, Error> {
        self.list_own(key, names, "Pod").await
    }
}

/// The authority in the Secret of a certificate, where whoever issued it tells.
pub(crate) fn authority_in(secret: &Secret) -> Option<String> {
    let text = std::str::from_utf8(&secret.data.as_ref()?.get("ca.crt")?.0).ok()?;
    // Whoever wrote it may have put a key beside it, and what is told to clients is no secret.
    certificates_only(text)
}

async fn list<K>(api: &Api<K>, kind: &str, parameters: &ListParams) -> Result<Vec<K>, Error>
where
    K: Clone + DeserializeOwned + std::fmt::Debug,
{
    match api.list(parameters).await {
        Ok(listed) => Ok(listed.items),
        Err(source) => Err(Error::List { kind: kind.to_owned(), source: Box::new(source) }),
    }
}

fn read(kind: &str, name: &str) -> impl FnOnce(kube::Error) -> Error + use<> {
    let (kind, name) = (kind.to_owned(), name.to_owned());
    |source| Error::Read { kind, name, source: Box::new(source) }
}
