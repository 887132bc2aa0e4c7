//! Which of Strimzi's kinds the cluster serves, and in which version: found out at the start, waited for while any is missing,
//! and asked again when one turns out to be gone, as after an upgrade of Strimzi or the removal of a definition.

#[cfg(test)]
mod tests;

use std::sync::{Arc, Weak};
use std::time::Duration;

use kube::Client;
use kube::api::{ApiResource, GroupVersionKind};
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

use crate::strimzi;

const GROUP: &str = "kafka.strimzi.io";
/// How often a cluster that lacks a kind is asked again.
const AGAIN: Duration = Duration::from_secs(15);
/// How often one that has all is asked, for better versions.
const SELDOM: Duration = Duration::from_mins(10);

/// The kinds that are read, as far as the cluster serves them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Resources {
    pub(crate) kafka: ApiResource,
    pub(crate) node_pool: Option<ApiResource>,
    pub(crate) topic: Option<ApiResource>,
    pub(crate) user: Option<ApiResource>,
}

/// Strimzi's part of the API, as far as it is there. Clones are the same one.
#[derive(Debug, Clone)]
pub(crate) struct StrimziApi(Arc<Inner>);

struct Inner {
    client: Client,
    found: watch::Sender<Option<Arc<Resources>>>,
    doubt: Notify,
}

impl StrimziApi {
    /// Begins to look for it.
    pub(crate) fn look(client: Client) -> Self {
        let inner = Arc::new(Inner { client, found: watch::Sender::new(None), doubt: Notify::new() });
        tokio::spawn(keep_looking(Arc::downgrade(&inner)));
        Self(inner)
    }

    /// The kinds, if `Kafka` is there by now.
    pub(crate) fn now(&self) -> Option<Arc<Resources>> {
        self.0.found.borrow().clone()
    }

    /// The kinds, now and whenever they change.
    pub(crate) fn changes(&self) -> watch::Receiver<Option<Arc<Resources>>> {
        self.0.found.subscribe()
    }

    /// Looks again, now.
    pub(crate) async fn look_again(&self) {
        self.0.look().await;
    }

    /// Has it looked for again soon, since something was not there.
    pub(crate) fn doubt(&self) {
        self.0.doubt.notify_one();
    }
}

async fn keep_looking(inner: Weak<Inner>) {
    while let Some(inner) = inner.upgrade() {
        inner.look().await;
        let lacks = inner.found.borrow().as_ref().is_none_or(|found| found.lacks().is_some());
        // Whatever happens, it ends soon after nobody uses it any more.
        let _ = timeout(if lacks { AGAIN } else { SELDOM }, inner.doubt.notified()).await;
    }
}

impl Inner {
    async fn look(&self) {
        let found = match served(&self.client).await {
            Ok(found) => found.map(Arc::new),
            // What was known holds on.
            Err(error) => {
                tracing::warn!(%error, "failed to ask which version of Strimzi is installed");
                return;
            }
        };
        let changed = self.found.send_if_modified(|known| {
            let changes = *known != found;
            known.clone_from(&found);
            changes
        });
        match &found {
            None => tracing::warn!("Strimzi's resource definitions are not installed; waiting for them"),
            Some(found) if changed => {
                tracing::info!(version = found.kafka.version, lacks = found.lacks(), "Strimzi is installed");
            }
            Some(_) => {}
        }
    }
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inner").field("found", &self.found).finish_non_exhaustive()
    }
}

impl Resources {
    /// The first kind that is not served.
    fn lacks(&self) -> Option<&'static str> {
        let kinds =
            [("KafkaNodePool", &self.node_pool), ("KafkaTopic", &self.topic), ("KafkaUser", &self.user)];
        kinds.into_iter().find(|(_, resource)| resource.is_none()).map(|(kind, _)| kind)
    }
}

/// Each kind in the best version in which it is served; nothing without `Kafka`.
async fn served(client: &Client) -> Result<Option<Resources>, kube::Error> {
    let groups = client.list_api_groups().await?;
    let Some(group) = groups.groups.into_iter().find(|group| group.name == GROUP) else { return Ok(None) };
    let versions: Vec<_> = group.versions.iter().map(|each| each.version.as_str()).collect();
    let mut by_version = Vec::new();
    for version in strimzi::known_versions(&versions) {
        let listed = client.list_api_group_resources(&format!("{GROUP}/{version}")).await?;
        let plurals: Vec<_> = listed.resources.into_iter().map(|resource| resource.name).collect();
        by_version.push((version, plurals));
    }
    let resource = |kind: &str, plural: &str| {
        let serves = |(_, plurals): &&(&str, Vec<String>)| plurals.iter().any(|each| each == plural);
        let (version, _) = by_version.iter().find(serves)?;
        Some(ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(GROUP, version, kind), plural))
    };
    let Some(kafka) = resource("Kafka", "kafkas") else { return Ok(None) };
    Ok(Some(Resources {
        kafka,
        node_pool: resource("KafkaNodePool", "kafkanodepools"),
        topic: resource("KafkaTopic", "kafkatopics"),
        user: resource("KafkaUser", "kafkausers"),
    }))
}

/// Whether it is the kind that is not there; an object that is not is another matter.
pub(crate) fn is_gone(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 404)
}
