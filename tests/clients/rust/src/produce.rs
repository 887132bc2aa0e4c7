//! `produce`: sends records and says where each one went, in the order of the input.

use std::io::stdin;
use std::sync::Mutex;
use std::time::Duration;

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message as _;
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer as _, ProducerContext, ThreadedProducer};
use rdkafka::{ClientContext, config::FromClientConfigAndContext as _};
use serde_json::{Value, json};

use crate::options::Options;
use crate::record::{decode, to_headers};
use crate::{Outcome, name, print};

/// An answer for each record, by its place.
struct Answers(Mutex<Vec<Value>>);

impl Answers {
    fn set(&self, place: usize, answer: Value) {
        self.0.lock().expect("nobody panics with it")[place] = answer;
    }
}

impl ClientContext for Answers {}

impl ProducerContext for Answers {
    type DeliveryOpaque = Box<usize>;

    fn delivery(&self, result: &DeliveryResult<'_>, place: Self::DeliveryOpaque) {
        self.set(
            *place,
            match result {
                Ok(sent) => json!({"partition": sent.partition(), "offset": sent.offset()}),
                Err((error, _)) => json!({"error": name(error)}),
            },
        );
    }
}

pub fn run(options: &Options) -> Outcome {
    let acks = options.get("acks").unwrap_or("all");
    let idempotent = options.get("idempotent").unwrap_or(if acks == "all" { "true" } else { "false" });
    let timeout = options.timeout();
    let transaction = options.get("transactional-id");
    let config = options.config(&[
        ("acks", Some(acks)),
        ("enable.idempotence", Some(idempotent)),
        ("compression.type", options.get("codec")),
        ("linger.ms", options.get("linger").or(Some("5"))),
        ("batch.size", options.get("batch-bytes")),
        ("max.in.flight", options.get("in-flight")),
        ("transactional.id", transaction),
        ("message.timeout.ms", options.get("timeout-ms").or(Some("20000"))),
    ]);
    let records: Vec<Value> = stdin()
        .lines()
        .map(|line| serde_json::from_str(&line.expect("the input is text")).expect("a record is JSON"))
        .collect();
    let answers = Answers(Mutex::new(vec![json!({"error": "CLIENT_TIMEOUT"}); records.len()]));
    let producer = ThreadedProducer::from_config_and_context(&config, answers)?;
    if transaction.is_some() {
        producer.init_transactions(timeout)?;
        producer.begin_transaction()?;
    }
    for (place, record) in records.iter().enumerate() {
        send(&producer, options.topic(), place, record);
    }
    producer.flush(timeout + Duration::from_secs(5))?;
    producer.context().0.lock().expect("nobody panics with it").iter().for_each(print);
    match (transaction, options.get("outcome")) {
        (None, _) => {}
        (_, Some("abort")) => producer.abort_transaction(timeout)?,
        _ => producer.commit_transaction(timeout)?,
    }
    Ok(0)
}

fn send(producer: &ThreadedProducer<Answers>, topic: &str, place: usize, record: &Value) {
    let (key, value) = (decode(&record["key"]), decode(&record["value"]));
    let mut message =
        BaseRecord::with_opaque_to(topic, Box::new(place)).headers(to_headers(&record["headers"]));
    message.key = key.as_ref();
    message.payload = value.as_ref();
    message.partition = record["partition"].as_i64().and_then(|partition| partition.try_into().ok());
    message.timestamp = record["timestamp"].as_i64();
    loop {
        match producer.send(message) {
            Ok(()) => return,
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                message = back;
                drop(producer.flush(Duration::from_millis(100)));
            }
            Err((error, _)) => return producer.context().set(place, json!({"error": name(&error)})),
        }
    }
}
