//! First step: everything that is said of a cluster is read, and nothing is judged.
//!
//! Reads are live rather than from caches, so that a decision about what stays encrypted never rests on an old copy. Of
//! Secrets only those are read that the operator writes itself; of those that pods mount the version alone, and the `ca.crt`
//! of a given certificate.

mod listing;
mod observed;
mod own;
mod referring;
mod strimzi;

pub(crate) use self::listing::PAGE;
pub(crate) use self::observed::{Concerned, Malformed, Observed, Ours, Strimzi};
pub(crate) use self::own::authority_in;

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, ListParams};
use kube::{Client, ResourceExt};
use operator_api::{EncryptionProxy, TopicEncryptionPolicy};
use serde::de::DeserializeOwned;
use thiserror::Error;

use self::listing::may_count;
use super::strimzi_api::StrimziApi;
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
