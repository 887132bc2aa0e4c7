//! The configuration of a topic.

use super::error::ErrorCode;
use super::leaders::wait;
use super::{ClientError, Cluster};
use kafka_protocol::messages::DescribeConfigsRequest;
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::protocol::StrBytes;
use std::collections::HashMap;
use std::time::Duration;

const DESCRIBE: std::ops::RangeInclusive<i16> = 1..=4;
/// `ConfigResource.Type.TOPIC`.
const TOPIC: i8 = 2;
const TRIES: u32 = 8;

impl Cluster {
    /// What is set for a topic, by itself or by default.
    pub(crate) async fn topic_config(
        &mut self,
        topic: &str,
        names: &[&'static str],
    ) -> Result<HashMap<String, String>, ClientError> {
        let names = names.iter().copied().map(StrBytes::from_static_str).collect();
        let resource = DescribeConfigsResource::default()
            .with_resource_type(TOPIC)
            .with_resource_name(StrBytes::from_string(topic.to_owned()))
            .with_configuration_keys(Some(names));
        let request = DescribeConfigsRequest::default().with_resources(vec![resource]);
        let mut pause = Duration::from_millis(100);
        let mut left = TRIES;
        loop {
            let answer = match self.any().await {
                Ok(connection) => connection.call(&request, DESCRIBE).await,
                Err(error) => Err(error),
            };
            if answer.is_err() {
                self.any = None;
            }
            let configs = answer.and_then(|answer| {
                let mut configs = HashMap::new();
                for result in answer.results {
                    ErrorCode::check(result.error_code)
                        .map_err(|code| ClientError::Topic(topic.to_owned(), code))?;
                    for config in result.configs {
                        configs
                            .extend(config.value.map(|value| (config.name.to_string(), value.to_string())));
                    }
                }
                Ok(configs)
            });
            left = left.saturating_sub(1);
            match configs {
                Err(error) if error.is_transient() && left > 0 => wait(&mut pause).await,
                decided => return decided,
            }
        }
    }
}
