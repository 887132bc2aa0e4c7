//! A topic of a stage: what clients of the proxies wrote, and what brokers have of it.

use super::stage::Stage;
use crate::client::{Client, ConsumeOptions, ProduceOptions};
use crate::kafka_error::KafkaErrorName;
use crate::payload::{Payload, canary};
use crate::record::{SentRecord, assert_same};
use crate::segments::StoredBatch;

/// Records of one write.
const WRITE: usize = 12;
/// The header that ciphertext has, see `proxy/crypto/FORMAT.md`.
const ENVELOPE: &str = "encryption.strimzi.io";

/// A topic with one partition, on the stage's first broker.
#[derive(Debug)]
pub struct Topic<'a> {
    stage: &'a Stage,
    name: String,
    /// Who writes and reads, where brokers ask for a password.
    user: Option<&'a str>,
    written: Vec<SentRecord>,
}

impl Stage {
    /// Makes a topic through the proxies.
    pub async fn topic(&self, name: &str) -> Topic<'_> {
        self.create_topic(name, 1, &[]).await;
        Topic { stage: self, name: name.to_owned(), user: None, written: Vec::new() }
    }

    /// The same as a user of the brokers that authenticates by SCRAM.
    pub async fn topic_of<'a>(&'a self, user: &'a str, name: &str) -> Topic<'a> {
        self.create_topic_as(&self.scram(Client::Java, user).await, name, 1, &[]).await;
        Topic { stage: self, name: name.to_owned(), user: Some(user), written: Vec::new() }
    }
}

impl Topic<'_> {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Writes some records, and returns the needle that the first of them has.
    pub async fn write(&mut self) -> String {
        let (needle, records) = self.records();
        let options = self.to().await;
        Client::Java.produce_all(&options, &records).await;
        self.written.extend(records);
        needle
    }

    /// Tries to write, which must be refused, and returns the error of every record.
    pub async fn refusal(&self) -> KafkaErrorName {
        let (_, records) = self.records();
        let options = self.to().await;
        let answers = Client::Java.produce(&options, &records).await;
        let mut errors: Vec<_> = answers
            .into_iter()
            .map(|answer| answer.expect_err(&format!("{} takes no records", self.name)))
            .collect();
        errors.dedup();
        assert_eq!(errors.len(), 1, "one error: {errors:?}");
        errors.remove(0)
    }

    /// Whether a reader gets what was written, neither more nor less.
    pub async fn assert_intact(&self) {
        let options = self.from().await;
        let read = Client::Java.consume_all(&options).await;
        assert_same(&self.name, &self.written, &read);
    }

    /// Reads everything; tells how many records came, or the first error.
    pub async fn try_read(&self) -> Result<usize, KafkaErrorName> {
        let options = self.from().await;
        let read = Client::Java.consume(&options).await;
        read.errors.into_iter().next().map_or(Ok(read.records.len()), Err)
    }

    /// Whether the brokers have these bytes of the topic in clear.
    pub async fn is_clear(&self, needle: &str) -> bool {
        let found = self.stage.segments(&self.name, &[0]).await.search(&[needle]).await;
        assert!(found.records > 0 && found.invalid == 0, "{found:?}");
        found.found(0)
    }

    /// For each batch that the brokers have, in order, whether it is encrypted.
    pub async fn encrypted(&self) -> Vec<bool> {
        let is_envelope = |batch: StoredBatch| {
            let mut headers = batch.records.iter().flat_map(|record| &record.headers);
            headers.any(|(name, _)| name == ENVELOPE)
        };
        self.stage.segments(&self.name, &[0]).await.dump().await.into_iter().map(is_envelope).collect()
    }

    async fn to(&self) -> ProduceOptions {
        match self.user {
            None => self.stage.to(Client::Java, &self.name).await,
            Some(user) => self.stage.to_as(Client::Java, user, &self.name).await,
        }
    }

    async fn from(&self) -> ConsumeOptions {
        match self.user {
            None => self.stage.from(Client::Java, &self.name).await,
            Some(user) => self.stage.from_as(Client::Java, user, &self.name).await,
        }
    }

    fn records(&self) -> (String, Vec<SentRecord>) {
        let seed = u64::try_from(self.written.len()).expect("a length fits") + 1;
        let mut records = Payload::new(seed).orders(WRITE);
        let needle = canary("topic");
        records[0].value = Some(needle.clone().into_bytes());
        (needle, records)
    }
}
