//! The Rust client of the tests, on rdkafka and the librdkafka that it carries; ../../README.md describes its commands.

mod admin;
mod consume;
mod options;
mod produce;
mod record;

use std::process::exit;

use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode;
use serde_json::{Value, json};

use options::Options;

type Outcome = Result<i32, KafkaError>;

fn main() {
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    let command = if words.is_empty() { String::new() } else { words.remove(0) };
    let action = if command == "admin" && !words.is_empty() { words.remove(0) } else { String::new() };
    let Some(options) = Options::parse(&words) else { usage() };
    let outcome = match command.as_str() {
        "produce" => produce::run(&options),
        "consume" => consume::run(&options),
        "admin" => admin::run(&action, &options),
        _ => usage(),
    };
    exit(outcome.unwrap_or_else(|error| {
        eprintln!("client: {error}");
        print(&json!({"error": name(&error)}));
        1
    }));
}

fn usage() -> ! {
    eprintln!("usage: client produce|consume|admin ACTION --bootstrap H:P --topic T …");
    exit(64);
}

fn print(line: &Value) {
    println!("{line}");
}

/// Kafka's name for an error, or the library's own after an underscore.
fn name(error: &KafkaError) -> String {
    let Some(code) = error.rdkafka_error_code() else { return "_KafkaError".to_owned() };
    let own = format!("{code:?}");
    let known = match code {
        RDKafkaErrorCode::InvalidMessage | RDKafkaErrorCode::BadMessage => "CORRUPT_MESSAGE",
        RDKafkaErrorCode::MessageSizeTooLarge => "MESSAGE_TOO_LARGE",
        RDKafkaErrorCode::UnknownTopic | RDKafkaErrorCode::UnknownPartition => "UNKNOWN_TOPIC_OR_PARTITION",
        RDKafkaErrorCode::UnknownTopicOrPartition => "UNKNOWN_TOPIC_OR_PARTITION",
        RDKafkaErrorCode::MessageTimedOut | RDKafkaErrorCode::OperationTimedOut => "CLIENT_TIMEOUT",
        RDKafkaErrorCode::InvalidRecord => "INVALID_RECORD",
        RDKafkaErrorCode::PolicyViolation => "POLICY_VIOLATION",
        RDKafkaErrorCode::TopicAuthorizationFailed => "TOPIC_AUTHORIZATION_FAILED",
        RDKafkaErrorCode::NotEnoughReplicas => "NOT_ENOUGH_REPLICAS",
        _ => return format!("_{own}"),
    };
    known.to_owned()
}
