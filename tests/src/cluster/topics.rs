//! Topics of a cluster, by raw requests to its first node: no JVM has to start for them.

use std::io;

use bytes::Bytes;
use kafka_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use kafka_protocol::messages::delete_topics_request::DeleteTopicState;
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig};
use kafka_protocol::messages::{
    CreateTopicsRequest, DeleteTopicsRequest, DescribeConfigsRequest, IncrementalAlterConfigsRequest,
    TopicName,
};
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;

use super::Cluster;
use crate::eventually::{eventually, eventually_ok};
use crate::kafka_error::KafkaErrorName;
use crate::raw_connection::{Location, RawConnection};

/// A topic among the resources that have a configuration.
const TOPIC: i8 = 2;
/// To set a property, and to take it back to its default.
const SET: i8 = 0;
const DELETE: i8 = 1;

const READY: std::time::Duration = std::time::Duration::from_secs(20);

impl Cluster {
    /// Makes a topic, replicated to all nodes, and waits until its partitions have leaders and folders. Returns its id.
    pub async fn create_topic(&self, name: &str, partitions: i32, configs: &[(&str, &str)]) -> Uuid {
        let configs = configs.iter().map(|(key, value)| {
            CreatableTopicConfig::default().with_name(text(key)).with_value(Some(text(value)))
        });
        let topic = CreatableTopic::default()
            .with_name(TopicName(text(name)))
            .with_num_partitions(partitions)
            .with_replication_factor(i16::try_from(self.nodes()).expect("few nodes"))
            .with_configs(configs.collect());
        let request = CreateTopicsRequest::default().with_topics(vec![topic]).with_timeout_ms(20_000);
        let answer = self.admin().await.call(&request, 7).await.expect("the broker answers");
        let topic = answer.topics.first().expect("the answer is about the topic");
        let message = topic.error_message.as_ref().map(StrBytes::as_str).unwrap_or_default();
        assert_eq!(KafkaErrorName::from_code(topic.error_code), None, "creating {name}: {message}");
        for partition in 0..partitions {
            self.locate(name, partition).await;
            // A leader may be known before it has made the folder.
            let stored = async || !self.log_dirs(name, partition).is_empty();
            eventually(&format!("{name}-{partition} has a folder"), READY, stored).await;
        }
        topic.topic_id
    }

    /// Removes a topic.
    pub async fn delete_topic(&self, name: &str) {
        let topic = DeleteTopicState::default().with_name(Some(TopicName(text(name))));
        let request = DeleteTopicsRequest::default().with_topics(vec![topic]).with_timeout_ms(20_000);
        let answer = self.admin().await.call(&request, 6).await.expect("the broker answers");
        let error = answer.responses.first().and_then(|topic| KafkaErrorName::from_code(topic.error_code));
        assert_eq!(error, None, "deleting {name}");
    }

    /// Sets properties of a topic; `None` takes one back to its default.
    pub async fn alter_topic(&self, name: &str, configs: &[(&str, Option<&str>)]) {
        let configs = configs.iter().map(|(key, value)| {
            AlterableConfig::default()
                .with_name(text(key))
                .with_config_operation(if value.is_some() { SET } else { DELETE })
                .with_value(value.map(text))
        });
        let resource = AlterConfigsResource::default()
            .with_resource_type(TOPIC)
            .with_resource_name(text(name))
            .with_configs(configs.collect());
        let request = IncrementalAlterConfigsRequest::default().with_resources(vec![resource]);
        let answer = self.admin().await.call(&request, 1).await.expect("the broker answers");
        let error = answer.responses.first().and_then(|topic| KafkaErrorName::from_code(topic.error_code));
        assert_eq!(error, None, "altering {name}");
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
