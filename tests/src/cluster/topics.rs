//! Topics of a cluster, by raw requests to its first node: no JVM has to start for them.

use std::io;

use bytes::Bytes;
use kafka_protocol::messages::DescribeConfigsRequest;
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;

use super::Cluster;
use crate::eventually::{eventually, eventually_ok};
use crate::raw_connection::{Location, RawConnection};

/// A topic among the resources that have a configuration.
const TOPIC: i8 = 2;

const READY: std::time::Duration = std::time::Duration::from_secs(20);

impl Cluster {
    /// With these properties the cleaner has work on a compacted topic as soon as a segment is closed: by a batch that is more
    /// than a second younger than its first.
    pub const CLEANED_AT_ONCE: [(&'static str, &'static str); 4] = [
        ("segment.ms", "1000"),
        ("segment.bytes", "1048576"),
        ("min.cleanable.dirty.ratio", "0.001"),
        ("delete.retention.ms", "1"),
    ];

    /// Makes a topic, replicated to all nodes, and waits until its partitions have leaders and folders. Returns its id.
    pub async fn create_topic(&self, name: &str, partitions: i32, configs: &[(&str, &str)]) -> Uuid {
        let replicas = i16::try_from(self.nodes()).expect("few nodes");
        let created = self.admin().await.create_topic(name, partitions, replicas, configs).await;
        let id = created.unwrap_or_else(|error| panic!("creating {name}: {error}"));
        for partition in 0..partitions {
            self.locate(name, partition).await;
            // A leader may be known before it has made the folder.
            let stored = async || !self.log_dirs(name, partition).is_empty();
            eventually(&format!("{name}-{partition} has a folder"), READY, stored).await;
        }
        id
    }

    /// Removes a topic.
    pub async fn delete_topic(&self, name: &str) {
        let deleted = self.admin().await.delete_topic(name).await;
        deleted.unwrap_or_else(|error| panic!("deleting {name}: {error}"));
    }

    /// Sets properties of a topic; `None` takes one back to its default.
    pub async fn alter_topic(&self, name: &str, configs: &[(&str, Option<&str>)]) {
        let altered = self.admin().await.alter_topic(name, configs).await;
        altered.unwrap_or_else(|error| panic!("altering {name}: {error}"));
    }

    /// A property of a topic as the broker sees it.
    pub async fn topic_config(&self, name: &str, key: &str) -> Option<String> {
        let resource = DescribeConfigsResource::default()
            .with_resource_type(TOPIC)
            .with_resource_name(text(name))
            .with_configuration_keys(Some(vec![text(key)]));
        let request = DescribeConfigsRequest::default().with_resources(vec![resource]);
        let answer = self.admin().await.call(&request, 4).await.expect("the broker answers");
        let configs = answer.results.into_iter().flat_map(|result| result.configs);
        configs
            .filter(|config| config.name.as_str() == key)
            .find_map(|config| Some(config.value?.to_string()))
    }

    /// Where a partition is; waits until it has a leader.
    pub async fn locate(&self, topic: &str, partition: i32) -> Location {
        let probe = async || self.connection().await?.locate(topic, partition).await;
        eventually_ok(&format!("{topic}-{partition} has a leader"), READY, probe).await
    }

    /// A raw connection to the leader of a partition.
    pub async fn leader(&self, topic: &str, partition: i32) -> (RawConnection, Location) {
        let at = self.locate(topic, partition).await;
        (RawConnection::connect(&at.leader).await.expect("the leader accepts connections"), at)
    }

    /// A raw connection to the first node.
    pub async fn admin(&self) -> RawConnection {
        eventually_ok("the first node accepts connections", READY, async || self.connection().await).await
    }

    async fn connection(&self) -> io::Result<RawConnection> {
        RawConnection::connect(&self.bootstrap()).await
    }
}

fn text(text: &str) -> StrBytes {
    StrBytes::try_from(Bytes::copy_from_slice(text.as_bytes())).expect("it was text before")
}
