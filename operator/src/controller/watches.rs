//! Whatever changes, the cluster that it concerns is looked at again.

use std::collections::HashMap;

use futures::TryStreamExt as _;
use futures::stream::{self, BoxStream, StreamExt};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::api::{Api, ApiResource, DynamicObject, PartialObjectMeta};
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt, watcher as watch};
use kube::{Client, ResourceExt};
use operator_api::{EncryptionProxy, TopicEncryptionPolicy};
use serde_json::Value;

use super::dereference::PAGE;
use super::strimzi_api::{Resources, StrimziApi, is_gone};
use crate::cluster::KafkaKey;
use crate::names::{KAFKA_LABEL, managed_selector};
use crate::settings::{Settings, Watched};

#[cfg(test)]
mod tests;

type Metadata = PartialObjectMeta<DynamicObject>;

/// How Strimzi says which Kafka cluster an object belongs to.
const STRIMZI_CLUSTER_LABEL: &str = "strimzi.io/cluster";

/// All clusters that something says anything of, again whenever it changes.
pub(crate) fn triggers(
    client: &Client,
    settings: &Settings,
    strimzi: &StrimziApi,
) -> BoxStream<'static, KafkaKey> {
    let scope = settings.watched();
    let ours = match &settings.selector {
        Some(selector) => watcher::Config::default().labels(selector),
        None => watcher::Config::default(),
    };
    // Everybody may write policies, and large ones.
    let ours = ours.page_size(PAGE);
    let mut streams = Vec::new();
    for api in apis(client, &ApiResource::erase::<TopicEncryptionPolicy>(&()), &scope) {
        streams.push(referring(api, ours.clone()));
    }
    for api in apis(client, &ApiResource::erase::<EncryptionProxy>(&()), &scope) {
        streams.push(referring(api, ours.clone()));
    }
    for resource in owned() {
        for api in metadata_apis(client, &resource, &scope) {
            streams.push(labelled(api, watcher::Config::default().labels(&managed_selector()), KAFKA_LABEL));
        }
    }
    streams.push(strimzis(client.clone(), scope, strimzi.clone()));
    stream::select_all(streams).boxed()
}

/// The kinds of Strimzi that are there, anew whenever that changes.
fn strimzis(client: Client, scope: Watched, strimzi: StrimziApi) -> BoxStream<'static, KafkaKey> {
    let changes = strimzi.changes();
    stream::unfold((changes, strimzi), move |(mut changes, strimzi)| {
        let (client, scope) = (client.clone(), scope.clone());
        async move {
            let resources = changes.wait_for(Option::is_some).await.ok()?.clone()?;
            let mut next = changes.clone();
            let watched = strimzi_kinds(&client, &scope, &resources, &strimzi);
            let watched = watched.take_until(async move { next.changed().await });
            Some((watched, (changes, strimzi)))
        }
    })
    .flatten()
    .boxed()
}

fn strimzi_kinds(
    client: &Client,
    scope: &Watched,
    resources: &Resources,
    strimzi: &StrimziApi,
) -> stream::SelectAll<BoxStream<'static, KafkaKey>> {
    let kafkas = metadata_apis(client, &resources.kafka, scope).into_iter().map(|api| {
        let objects = doubting(api, strimzi.clone());
        objects.filter_map(|object| async move {
            Some(KafkaKey { namespace: object.namespace()?, name: object.metadata.name.clone()? })
        })
    });
    let mut streams: Vec<_> = kafkas.map(StreamExt::boxed).collect();
    for resource in [&resources.node_pool, &resources.topic, &resources.user].into_iter().flatten() {
        for api in metadata_apis(client, resource, scope) {
            streams.push(by_label(doubting(api, strimzi.clone()), STRIMZI_CLUSTER_LABEL));
        }
    }
    stream::select_all(streams)
}

/// Objects of a kind that may go, of which the watch is told.
fn doubting(api: Api<Metadata>, strimzi: StrimziApi) -> BoxStream<'static, Metadata> {
    metadata(api, watcher::Config::default(), move |error| {
        use watcher::Error::{InitialListFailed, WatchFailed, WatchStartFailed};
        if let InitialListFailed(error) | WatchStartFailed(error) | WatchFailed(error) = error
            && is_gone(error)
        {
            strimzi.doubt();
        }
    })
}

fn owned() -> Vec<ApiResource> {
    vec![
        ApiResource::erase::<Deployment>(&()),
        ApiResource::erase::<ConfigMap>(&()),
        ApiResource::erase::<Service>(&()),
        ApiResource::erase::<ServiceAccount>(&()),
        ApiResource::erase::<Pod>(&()),
        ApiResource::erase::<PodDisruptionBudget>(&()),
        ApiResource::erase::<NetworkPolicy>(&()),
    ]
}

/// A kind in every watched namespace.
pub(crate) fn apis(client: &Client, resource: &ApiResource, scope: &Watched) -> Vec<Api<DynamicObject>> {
    match scope {
        Watched::All => vec![Api::all_with(client.clone(), resource)],
        Watched::Namespaces(names) => {
            names.iter().map(|name| Api::namespaced_with(client.clone(), name, resource)).collect()
        }
    }
}

/// The same, of whose objects only the metadata is sent.
fn metadata_apis(client: &Client, resource: &ApiResource, scope: &Watched) -> Vec<Api<Metadata>> {
    match scope {
        Watched::All => vec![Api::all_with(client.clone(), resource)],
        Watched::Namespaces(names) => {
            names.iter().map(|name| Api::namespaced_with(client.clone(), name, resource)).collect()
        }
    }
}

/// Objects whose `spec.kafkaRef` names a cluster; the one that they named before is told too.
fn referring(api: Api<DynamicObject>, config: watcher::Config) -> BoxStream<'static, KafkaKey> {
    let mut last: HashMap<(String, String), KafkaKey> = HashMap::new();
    watch(api, config)
        .default_backoff()
        .filter_map(|event| async move { logged(event) })
        .flat_map(move |event| {
            let mut keys = Vec::new();
            if let Event::Apply(object) | Event::InitApply(object) | Event::Delete(object) = &event {
                let id = (object.namespace().unwrap_or_default(), object.name_any());
                let key = kafka_ref(object);
                let before = match (&event, &key) {
                    (Event::Delete(_), _) | (_, None) => last.remove(&id),
                    (_, Some(key)) => last.insert(id, key.clone()),
                };
                keys.extend(before.filter(|before| Some(before) != key.as_ref()));
                keys.extend(key);
            }
            stream::iter(keys)
        })
        .boxed()
}

/// Which cluster an object of ours names.
pub(crate) fn kafka_ref(object: &DynamicObject) -> Option<KafkaKey> {
    let reference = object.data.get("spec")?.get("kafkaRef")?;
    let name = reference.get("name").and_then(Value::as_str)?.to_owned();
    let other = reference.get("namespace").and_then(Value::as_str).map(str::to_owned);
    Some(KafkaKey { namespace: other.or_else(|| object.namespace())?, name })
}

fn labelled(
    api: Api<Metadata>,
    config: watcher::Config,
    label: &'static str,
) -> BoxStream<'static, KafkaKey> {
    by_label(metadata(api, config, |_| {}), label)
}

fn by_label(objects: BoxStream<'static, Metadata>, label: &'static str) -> BoxStream<'static, KafkaKey> {
    objects
        .filter_map(move |object| async move {
            let name = object.labels().get(label)?.clone();
            Some(KafkaKey { namespace: object.namespace()?, name })
        })
        .boxed()
}

fn metadata(
    api: Api<Metadata>,
    config: watcher::Config,
    failed: impl Fn(&watcher::Error) + Send + 'static,
) -> BoxStream<'static, Metadata> {
    watch(api, config)
        .default_backoff()
        .inspect_err(failed)
        .filter_map(|event| async move {
            match logged(event)? {
                Event::Apply(object) | Event::InitApply(object) | Event::Delete(object) => Some(object),
                Event::Init | Event::InitDone => None,
            }
        })
        .boxed()
}

fn logged<K>(event: watcher::Result<Event<K>>) -> Option<Event<K>> {
    match event {
        Ok(event) => Some(event),
        Err(error) => {
            tracing::warn!(%error, kind = std::any::type_name::<K>(), "a watch is broken and begins again");
            None
        }
    }
}
