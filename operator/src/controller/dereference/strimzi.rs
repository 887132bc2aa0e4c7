//! What Strimzi's resources say, in the version that is served.

use kube::api::{Api, ApiResource, DynamicObject, ListParams};

use super::{Error, Reader, Strimzi, list, read};
use crate::cluster::KafkaKey;
use crate::controller::strimzi_api::is_gone;

impl Reader {
    /// What Strimzi's resources say. Where a kind is gone in the version that was served before, there may be another.
    pub(super) async fn strimzi(&self, key: &KafkaKey) -> Result<Option<Strimzi>, Error> {
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
}
