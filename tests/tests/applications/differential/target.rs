//! A topic, reached in one of the ways, and what clients say about each step.

use std::fmt::Debug;
use std::time::Duration;

use serde_json::Value;
use tests::{Client, Codec, ConsumeOptions, KafkaErrorName, ProduceOptions, SentRecord, eventually, topic};

use super::Step;
use crate::stage::Stage;

/// Long, since many processes share the machine; nothing waits for it where all is well.
const TIMEOUT: Duration = Duration::from_mins(1);

pub(super) struct Target<'a> {
    stage: &'a Stage,
    bootstrap: String,
    pub(super) topic: String,
    compacted: bool,
    /// Offsets of records that are there, transactions that were given up included.
    offsets: Vec<i64>,
    /// The offset that the group is to read next.
    next: i64,
    partitions: usize,
}

impl<'a> Target<'a> {
    pub(super) async fn create(stage: &'a Stage, bootstrap: &str, prefix: &str, cleanup: &str) -> Self {
        let target = Self {
            stage,
            bootstrap: bootstrap.to_owned(),
            topic: topic(prefix),
            compacted: cleanup == "compact",
            offsets: Vec::new(),
            next: 0,
            partitions: 1,
        };
        let policy = format!("cleanup.policy={cleanup}");
        // The cleaner must not come to one of the topics sooner than to another.
        let late = "min.compaction.lag.ms=1000000000000";
        let made =
            target.admin("create-topic", &["--partitions", "1", "--config", &policy, "--config", late]).await;
        assert_eq!(made["ok"], true, "{made}");
        stage.cluster.locate(&target.topic, 0).await;
        target
    }

    /// Does it and tells what came of it, the topic's name left out.
    pub(super) async fn take(&mut self, step: &Step) -> String {
        let told = match step {
            Step::Produce { client, codec, records } => {
                let records = self.fit(records);
                let options = self.produce(*codec);
                let answers = client.produce(&options, &records).await;
                self.remember(answers)
            }
            Step::Transaction { client, codec, records, commit } => {
                let mut records = self.fit(records);
                // What the broker refuses would give up the transaction, each client in its own way.
                records.retain(|record| !self.compacted || record.key.is_some());
                let options = self.produce(*codec).transaction(&self.topic, *commit);
                let answers = client.produce(&options, &records).await;
                self.remember(answers)
            }
            Step::Read { client, from, committed } => {
                let from = self.offset_at(*from);
                let mut options = self.consume().partition(0).offset(from);
                if *committed {
                    options = options.read_committed();
                }
                let consumed = client.consume(&options).await;
                told(
                    from,
                    (
                        consumed.records.iter().map(shown).collect::<Vec<_>>(),
                        consumed.errors,
                        consumed.complete,
                    ),
                )
            }
            Step::Group { client, part } => self.read_as_group(*client, *part).await,
            Step::OffsetForTime { client, timestamp } => {
                told(*timestamp, client.offset_for_time(&self.consume().partition(0), *timestamp).await)
            }
            Step::Delete { before } => self.delete(*before).await,
            Step::Alter { retention } => self.alter(*retention).await,
            Step::AddPartition => self.add_partition().await,
            Step::Administer { action, of_group: true } => {
                self.admin_with(action, &["--group", &self.topic]).await.to_string()
            }
            Step::Administer { action, of_group: false } => self.admin(action, &[]).await.to_string(),
        };
        told.replace(&self.topic, "TOPIC")
    }

    /// A compacted topic gets one record without a key in a produce of its own at most: each client treats the rest of a
    /// refused batch in its own way.
    fn fit(&self, records: &[SentRecord]) -> Vec<SentRecord> {
        let mut records = records.to_vec();
        if self.compacted && records.len() > 1 {
            records.retain(|record| record.key.is_some());
        }
        if records.is_empty() {
            vec![SentRecord::of("alone").key("alone").partition(0).timestamp(1_700_000_000_500)]
        } else {
            records
        }
    }

    fn produce(&self, codec: Codec) -> ProduceOptions {
        ProduceOptions::to(&self.bootstrap, &self.topic).codec(codec).timeout(TIMEOUT)
    }

    fn consume(&self) -> ConsumeOptions {
        ConsumeOptions::from(&self.bootstrap, &self.topic).timeout(TIMEOUT)
    }

    fn remember(&mut self, answers: Vec<Result<i64, KafkaErrorName>>) -> String {
        self.offsets.extend(answers.iter().flatten());
        told("answers", answers)
    }

    async fn read_as_group(&mut self, client: Client, part: usize) -> String {
        let unread: Vec<i64> = self.offsets.iter().copied().filter(|offset| *offset >= self.next).collect();
        let count = (unread.len() * part).div_ceil(100);
        let Some(last) = count.checked_sub(1).and_then(|last| unread.get(last)) else {
            return "all is read".to_owned();
        };
        let consumed = client.consume(&self.consume().group(&self.topic).count(count)).await;
        self.next = last + 1;
        told(
            count,
            (consumed.records.iter().map(shown).collect::<Vec<_>>(), consumed.errors, consumed.complete),
        )
    }

    async fn delete(&mut self, part: usize) -> String {
        let before = self.offset_at(part);
        let answer =
            self.admin("delete-records", &["--partition", "0", "--before", &before.to_string()]).await;
        if answer["lowWatermark"] == before {
            self.offsets.retain(|offset| *offset >= before);
        }
        answer.to_string()
    }

    async fn alter(&self, retention: u64) -> String {
        let answer = self.admin("alter-config", &["--config", &format!("retention.ms={retention}")]).await;
        let wanted = retention.to_string();
        let told = async || self.admin("describe-config", &[]).await["retention.ms"] == wanted.as_str();
        eventually("the property is told", TIMEOUT, told).await;
        answer.to_string()
    }

    async fn add_partition(&mut self) -> String {
        self.partitions += 1;
        let answer = self.admin("create-partitions", &["--partitions", &self.partitions.to_string()]).await;
        self.stage.cluster.locate(&self.topic, i32::try_from(self.partitions - 1).unwrap()).await;
        answer.to_string()
    }

    /// The offset of the record at so many hundredths.
    fn offset_at(&self, part: usize) -> i64 {
        self.offsets.get(self.offsets.len() * part / 100).copied().unwrap_or(0)
    }

    async fn admin(&self, action: &str, more: &[&str]) -> Value {
        self.admin_with(action, &[&["--topic", &self.topic], more].concat()).await
    }

    async fn admin_with(&self, action: &str, more: &[&str]) -> Value {
        let words = [&[action, "--bootstrap", &self.bootstrap], more].concat();
        let words = words.into_iter().map(str::to_owned).collect();
        let outcome = Client::Java.command("admin", words, ("records", Vec::new()), TIMEOUT).await;
        outcome.lines.last().cloned().unwrap_or_else(|| panic!("{action} says nothing: {outcome}"))
    }
}

fn told(of: impl Debug, what: impl Debug) -> String {
    format!("{of:?}: {what:?}")
}

/// All of a record but the topic's name.
fn shown(record: &tests::ReceivedRecord) -> String {
    let text = |bytes: &Option<Vec<u8>>| bytes.as_ref().map(|bytes| bytes.escape_ascii().to_string());
    let headers: Vec<_> = record.headers.iter().map(|(name, value)| (name, text(value))).collect();
    let (partition, offset, timestamp) = (record.partition, record.offset, record.timestamp);
    format!("{partition}@{offset} {timestamp} {:?} {:?} {headers:?}", text(&record.key), text(&record.value))
}
