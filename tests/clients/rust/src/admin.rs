//! `admin ACTION`.

use futures_executor::block_on;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication, TopicResult};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::KafkaError;
use serde_json::{Value, json};

use crate::options::Options;
use crate::{Outcome, print};

pub fn run(action: &str, options: &Options) -> Outcome {
    let admin: AdminClient<DefaultClientContext> = options.config(&[]).create()?;
    let limits = AdminOptions::new().request_timeout(Some(options.timeout()));
    let topic = options.topic();
    match action {
        "create-topic" => {
            let partitions =
                options.number("partitions").and_then(|count| count.try_into().ok()).unwrap_or(1);
            let new = NewTopic::new(topic, partitions, TopicReplication::Fixed(-1));
            done(block_on(admin.create_topics([&new], &limits))?)
        }
        "delete-topic" => done(block_on(admin.delete_topics(&[topic], &limits))?),
        "describe-topic" => {
            let metadata = admin.inner().fetch_metadata(Some(topic), options.timeout())?;
            let partitions = metadata.topics().iter().flat_map(|topic| topic.partitions());
            let mut partitions: Vec<_> = partitions.map(|found| (found.id(), found.leader())).collect();
            partitions.sort_unstable();
            let described = partitions.iter().map(|(id, leader)| json!({"partition": id, "leader": leader}));
            print(&json!({"name": topic, "partitions": described.collect::<Vec<Value>>()}));
            Ok(0)
        }
        _ => Ok(64),
    }
}

fn done(answers: Vec<TopicResult>) -> Outcome {
    for answer in answers {
        answer.map_err(|(_, code)| KafkaError::AdminOp(code))?;
    }
    print(&json!({"ok": true}));
    Ok(0)
}
