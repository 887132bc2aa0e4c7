//! `consume`: ends after --count records, or without it at the end of each partition.

use std::collections::HashSet;
use std::io::{copy, sink, stdin};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::{Offset, TopicPartitionList};
use serde_json::json;

use crate::options::Options;
use crate::record::from_kafka;
use crate::{Outcome, name, print};

pub fn run(options: &Options) -> Outcome {
    let deadline = Instant::now() + options.timeout();
    let group = options.get("group");
    let config = options.config(&[
        ("group.id", group.or(Some("none"))),
        ("enable.auto.commit", Some("false")),
        ("auto.offset.reset", Some("earliest")),
        ("enable.partition.eof", Some("true")),
        ("fetch.wait.max.ms", Some("100")),
        ("isolation.level", options.get("isolation").or(Some("read_uncommitted"))),
    ]);
    let consumer: BaseConsumer = config.create()?;
    let mut left = options.number("count");
    let mut open = HashSet::new();
    if group.is_some() {
        consumer.subscribe(&[options.topic()])?;
    } else {
        open = assign(&consumer, options)?;
    }
    let mut printed = HashSet::new();
    while left != Some(0) && (left.is_some() || !open.is_empty()) {
        if Instant::now() > deadline {
            return Ok(3);
        }
        match consumer.poll(Duration::from_millis(100)) {
            None => {}
            Some(Ok(message)) => {
                print(&from_kafka(&message));
                left = left.map(|left| left - 1);
            }
            Some(Err(KafkaError::PartitionEOF(partition))) => drop(open.remove(&partition)),
            Some(Err(error)) => {
                if printed.insert(name(&error)) {
                    eprintln!("client: {error}");
                    print(&json!({"error": name(&error)}));
                }
            }
        }
    }
    if group.is_some() {
        consumer.commit_consumer_state(CommitMode::Sync)?;
        if options.get("hold").is_some() {
            copy(&mut stdin(), &mut sink()).expect("the input can be read");
        }
    }
    Ok(0)
}

fn assign(consumer: &BaseConsumer, options: &Options) -> Result<HashSet<i32>, KafkaError> {
    let metadata = consumer.fetch_metadata(Some(options.topic()), options.timeout())?;
    let all = metadata.topics().iter().flat_map(|topic| topic.partitions()).map(|partition| partition.id());
    let partitions = options.number("partition").and_then(|partition| partition.try_into().ok());
    let partitions: HashSet<i32> =
        partitions.map_or_else(|| all.collect(), |partition| HashSet::from([partition]));
    let offset = options.number("offset").map_or(Offset::Beginning, Offset::Offset);
    let mut list = TopicPartitionList::new();
    for partition in &partitions {
        list.add_partition_offset(options.topic(), *partition, offset)?;
    }
    consumer.assign(&list)?;
    Ok(partitions)
}
