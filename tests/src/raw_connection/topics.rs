//! Topics made, altered and removed by raw requests.

use std::io;

use bytes::Bytes;
use kafka_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use kafka_protocol::messages::delete_topics_request::DeleteTopicState;
use kafka_protocol::messages::incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig};
use kafka_protocol::messages::{
    CreateTopicsRequest, DeleteTopicsRequest, IncrementalAlterConfigsRequest, TopicName,
};
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;

use super::RawConnection;
use crate::kafka_error::KafkaErrorName;

/// A topic among the resources that have a configuration.
const TOPIC: i8 = 2;
/// To set a property, and to take it back to its default.
const SET: i8 = 0;
const DELETE: i8 = 1;

const TIMEOUT_MS: i32 = 20_000;

impl RawConnection {
    /// Makes a topic. Returns its id; its partitions may not have leaders yet.
    pub async fn create_topic(
        &mut self,
        name: &str,
        partitions: i32,
        replicas: i16,
        configs: &[(&str, &str)],
    ) -> io::Result<Uuid> {
        let configs = configs.iter().map(|(key, value)| {
            CreatableTopicConfig::default().with_name(text(key)).with_value(Some(text(value)))
        });
        let topic = CreatableTopic::default()
            .with_name(TopicName(text(name)))
            .with_num_partitions(partitions)
            .with_replication_factor(replicas)
            .with_configs(configs.collect());
        let request = CreateTopicsRequest::default().with_topics(vec![topic]).with_timeout_ms(TIMEOUT_MS);
        let answer = self.call(&request, 7).await?;
        let topic = answer.topics.first();
        done(topic.map(|topic| (topic.error_code, topic.error_message.as_ref())))?;
        Ok(topic.map(|topic| topic.topic_id).unwrap_or_default())
    }

    /// Removes a topic.
    pub async fn delete_topic(&mut self, name: &str) -> io::Result<()> {
        let topic = DeleteTopicState::default().with_name(Some(TopicName(text(name))));
        let request = DeleteTopicsRequest::default().with_topics(vec![topic]).with_timeout_ms(TIMEOUT_MS);
        let answer = self.call(&request, 6).await?;
        done(answer.responses.first().map(|topic| (topic.error_code, topic.error_message.as_ref())))
    }

    /// Sets properties of a topic; `None` takes one back to its default.
    pub async fn alter_topic(&mut self, name: &str, configs: &[(&str, Option<&str>)]) -> io::Result<()> {
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
        let answer = self.call(&request, 1).await?;
        done(answer.responses.first().map(|topic| (topic.error_code, topic.error_message.as_ref())))
    }
}

/// What an answer says of its only topic.
fn done(topic: Option<(i16, Option<&StrBytes>)>) -> io::Result<()> {
    let (code, message) = topic.ok_or_else(|| io::Error::other("no topic in the answer"))?;
    match KafkaErrorName::from_code(code) {
        None => Ok(()),
        Some(error) => {
            let message = message.map(StrBytes::as_str).unwrap_or_default();
            Err(io::Error::other(format!("{error} {message}")))
        }
    }
}

fn text(text: &str) -> StrBytes {
    StrBytes::try_from(Bytes::copy_from_slice(text.as_bytes())).expect("it was text before")
}
