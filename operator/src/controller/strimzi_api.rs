//! Which version of Strimzi's resources the cluster serves, found out at the start and waited for if it serves none.

use std::sync::Arc;
use std::time::Duration;

use kube::Client;
use kube::api::{ApiResource, GroupVersionKind};
use tokio::sync::watch;

use crate::strimzi;

const GROUP: &str = "kafka.strimzi.io";
/// How often a cluster without Strimzi is asked again.
const AGAIN: Duration = Duration::from_secs(15);

/// The kinds that are read.
#[derive(Debug, Clone)]
pub(crate) struct Resources {
    pub(crate) kafka: ApiResource,
    pub(crate) node_pool: ApiResource,
    pub(crate) topic: ApiResource,
    pub(crate) user: ApiResource,
}

/// Strimzi's part of the API, once it is there.
#[derive(Debug, Clone)]
pub(crate) struct StrimziApi(watch::Receiver<Option<Arc<Resources>>>);

impl StrimziApi {
    /// Begins to look for it.
    pub(crate) fn look(client: Client) -> Self {
        let (found, receiver) = watch::channel(None);
        tokio::spawn(async move {
            while !found.is_closed() {
                match served(&client).await {
                    Ok(Some(version)) => {
                        tracing::info!(version, "Strimzi is installed");
                        let _ = found.send(Some(Arc::new(Resources::of(&version))));
                        return;
                    }
                    Ok(None) => {
                        tracing::warn!("Strimzi's resource definitions are not installed; waiting for them");
                    }
                    Err(error) => {
                        tracing::warn!(%error, "failed to ask which version of Strimzi is installed");
                    }
                }
                tokio::time::sleep(AGAIN).await;
            }
        });
        Self(receiver)
    }

    /// The kinds, if they are there by now.
    pub(crate) fn now(&self) -> Option<Arc<Resources>> {
        self.0.borrow().clone()
    }

    /// The kinds, as soon as they are there.
    pub(crate) async fn installed(mut self) -> Arc<Resources> {
        match self.0.wait_for(Option::is_some).await.map(|found| found.clone()) {
            Ok(Some(resources)) => resources,
            // The search never ends without a find while anybody waits.
            _ => std::future::pending().await,
        }
    }
}

impl Resources {
    fn of(version: &str) -> Self {
        let resource = |kind: &str, plural: &str| {
            ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(GROUP, version, kind), plural)
        };
        Self {
            kafka: resource("Kafka", "kafkas"),
            node_pool: resource("KafkaNodePool", "kafkanodepools"),
            topic: resource("KafkaTopic", "kafkatopics"),
            user: resource("KafkaUser", "kafkausers"),
        }
    }
}

async fn served(client: &Client) -> Result<Option<String>, kube::Error> {
    let groups = client.list_api_groups().await?;
    let group = groups.groups.into_iter().find(|group| group.name == GROUP);
    let versions: Vec<String> =
        group.into_iter().flat_map(|group| group.versions).map(|each| each.version).collect();
    let names: Vec<&str> = versions.iter().map(String::as_str).collect();
    Ok(strimzi::choose_version(&names).map(str::to_owned))
}
