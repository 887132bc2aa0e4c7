//! Real Kafka clients, all with the same command line: `tests/clients/README.md`.

mod command;
mod feed;
mod java;
pub(crate) mod json;
mod kind;
mod member;
mod options;
mod security;

use std::time::Duration;

use serde_json::Value;

use crate::kafka_error::KafkaErrorName;
use crate::record::{ReceivedRecord, SentRecord};

pub use command::Outcome;
pub use feed::Feed;
pub use kind::Client;
pub use member::Member;
pub use options::{Codec, ConsumeOptions, ProduceOptions};

/// An offset in a partition.
pub type Offset = i64;

/// What a consumer got.
#[derive(Debug, Clone, Default)]
pub struct Consumed {
    /// The records, as they came.
    pub records: Vec<ReceivedRecord>,
    /// The errors meanwhile, each once.
    pub errors: Vec<KafkaErrorName>,
    /// Whether it got as far as it was asked to within its time.
    pub complete: bool,
}

impl Client {
    /// Sends records and says where each one went, in their order.
    /// Where a client gave up as a whole (no metadata, a transaction that failed), each record has its error.
    pub async fn produce(
        self,
        options: &ProduceOptions,
        records: &[SentRecord],
    ) -> Vec<Result<Offset, KafkaErrorName>> {
        let objects = records.iter().map(json::from_record).collect();
        let outcome = self.command("produce", options.words(), ("records", objects), options.limit()).await;
        let offset = |line: &Value| json::error(line).map_or_else(|| Ok(json::number(line, "offset")), Err);
        let mut answers: Vec<_> = outcome.lines.iter().map(offset).collect();
        let surplus = answers.split_off(answers.len().min(records.len())).into_iter().find_map(Result::err);
        let whole = surplus.or_else(|| answers.iter().rev().find_map(|answer| answer.clone().err()));
        match whole {
            Some(error) if answers.len() < records.len() || outcome.code != 0 => {
                vec![Err(error); records.len()]
            }
            _ => {
                assert_eq!(
                    answers.len(),
                    records.len(),
                    "{self} answered for another number of records: {outcome}"
                );
                answers
            }
        }
    }

    /// Sends records, all of which must be stored; returns their offsets.
    pub async fn produce_all(self, options: &ProduceOptions, records: &[SentRecord]) -> Vec<Offset> {
        let answers = self.produce(options, records).await;
        let stored = answers.into_iter().enumerate().map(|(index, answer)| {
            answer.unwrap_or_else(|error| {
                panic!("{self} to {}: record {index} was refused: {error}", options.topic())
            })
        });
        stored.collect()
    }

    /// Reads records until there are as many as asked for, or to the end that the partitions had at the start.
    pub async fn consume(self, options: &ConsumeOptions) -> Consumed {
        self.read("consume", options).await
    }

    /// Reads records, which must all come without an error.
    pub async fn consume_all(self, options: &ConsumeOptions) -> Vec<ReceivedRecord> {
        let consumed = self.consume(options).await;
        let count = consumed.records.len();
        assert!(
            consumed.errors.is_empty(),
            "{self} from {}: {:?} after {count} records",
            options.topic(),
            consumed.errors
        );
        assert!(
            consumed.complete,
            "{self} from {}: no more than {count} records came in time",
            options.topic()
        );
        consumed.records
    }

    /// Reads as a member of a share group and acknowledges each record (the options name the group). Java only.
    pub async fn share_consume(options: &ConsumeOptions) -> Consumed {
        Self::Java.read("share-consume", options).await
    }

    /// The first offset of the partition whose timestamp is not before this one.
    pub async fn offset_for_time(self, options: &ConsumeOptions, timestamp: i64) -> Option<Offset> {
        let mut words = options.words();
        words.extend(["--timestamp".to_owned(), timestamp.to_string()]);
        let outcome = self.command("offsets-for-time", words, ("records", Vec::new()), options.limit()).await;
        let line = outcome.lines.first().unwrap_or_else(|| panic!("{self} said nothing: {outcome}"));
        line["offset"].as_i64()
    }

    /// Runs any command of the client. The objects go to it under this name, which its serve mode wants.
    pub async fn command(
        self,
        command: &str,
        words: Vec<String>,
        objects: (&str, Vec<Value>),
        limit: Duration,
    ) -> Outcome {
        let words = std::iter::once(command.to_owned()).chain(words).collect();
        let outcome = match self {
            java if java.is_java() => java::run(java.java_version(), words, objects, limit).await,
            _ => command::run(self, words, objects.1, limit).await,
        };
        assert!(outcome.code != 64, "{self} does not understand the command: {outcome}");
        outcome
    }

    async fn read(self, command: &str, options: &ConsumeOptions) -> Consumed {
        let outcome = self.command(command, options.words(), ("records", Vec::new()), options.limit()).await;
        let mut consumed = Consumed { complete: outcome.code == 0, ..Consumed::default() };
        for line in &outcome.lines {
            match json::error(line) {
                Some(error) if consumed.errors.contains(&error) => {}
                Some(error) => consumed.errors.push(error),
                None => consumed.records.push(json::to_record(line, options.topic())),
            }
        }
        let expected = consumed.complete || outcome.code == 3 || !consumed.errors.is_empty();
        assert!(expected, "{self} failed: {outcome}");
        consumed
    }
}
