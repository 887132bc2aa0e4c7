//! Kafka Streams, exactly once: a word count that is killed in the middle, restores its table from a changelog that the broker
//! has compacted, and goes on with no count too many or too few, with both protocols of its group.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use kafka_protocol::messages::ListGroupsRequest;
use tests::{
    Client, Cluster, ConsumeOptions, ProduceOptions, RawConnection, Scratch, Segments, SentRecord, canary,
    eventually, topic,
};

use crate::application::Application;
use crate::stage::Stage;
use crate::tools::prints;

const PATIENCE: Duration = Duration::from_mins(2);
const PARTITIONS: i32 = 2;
const WORDS: usize = 17;
/// Between lines that have segments of the changelog closed.
const PAUSE: Duration = Duration::from_millis(400);

/// A word count with its topics.
struct Counting<'a> {
    stage: &'a Stage,
    /// `classic`, or `streams` (KIP-1071), in which brokers assign tasks and make the topics between them.
    protocol: &'static str,
    application: String,
    input: String,
    output: String,
    /// The key of each line, stored and told with each count.
    note: String,
    /// In each word.
    needle: String,
    /// How often each word was sent.
    sent: BTreeMap<String, usize>,
    lines: usize,
    folder: Scratch,
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_count_exactly_once_though_killed_and_robbed_of_their_state() {
    count_exactly_once("classic").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_with_a_group_of_their_own_protocol_count_exactly_once() {
    count_exactly_once("streams").await;
}

async fn count_exactly_once(protocol: &'static str) {
    let stage = &Stage::shared().await;
    let mut counting = Counting::new(stage, protocol).await;
    counting.write(100).await;
    let mut first = counting.start().await;
    let begun = counting.told_more_than(0, &mut first).await;
    counting.is_a_group_of_the_protocol().await;
    counting.write(200).await;
    counting.told_more_than(begun, &mut first).await;
    counting.becomes_compacted(&mut first).await;
    first.kill();
    counting.lose_state();
    counting.write(50).await;
    let mut second = counting.start().await;
    counting.ends_exactly(&mut second).await;
    counting.is_illegible().await;
}

impl<'a> Counting<'a> {
    async fn new(stage: &'a Stage, protocol: &'static str) -> Self {
        let (input, output) = (topic("lines"), topic("counts"));
        stage.cluster.create_topic(&input, PARTITIONS, &[]).await;
        stage.cluster.create_topic(&output, PARTITIONS, &[]).await;
        Self {
            stage,
            protocol,
            application: topic("word-count"),
            input,
            output,
            note: canary("note"),
            needle: canary("word"),
            sent: BTreeMap::new(),
            lines: 0,
            folder: Scratch::new("streams"),
        }
    }

    async fn start(&self) -> Application {
        let (bootstrap, state) = (self.stage.proxy.bootstrap(), self.folder.join("state"));
        let state = state.to_str().unwrap();
        let words = [&bootstrap, &self.application, &self.input, &self.output, state, self.protocol];
        Application::start("word-count", "word-count", &words, &self.folder).await
    }

    /// As the broker has it, asked through the proxy.
    async fn is_a_group_of_the_protocol(&self) {
        let mut connection = RawConnection::connect(&self.stage.proxy.bootstrap()).await.unwrap();
        let answer = connection.call(&ListGroupsRequest::default(), 5).await.unwrap();
        let group = answer.groups.iter().find(|group| group.group_id.as_str() == self.application);
        let kind = group.map(|group| group.group_type.as_str().to_lowercase());
        assert_eq!(kind.as_deref(), Some(self.protocol), "{answer:?}");
        if self.protocol == "streams" {
            let name = self.application.as_str();
            prints(self.stage, "kafka-streams-groups", "--list", name).await;
            let describe = format!("--describe --group {name}");
            prints(self.stage, "kafka-streams-groups", describe, self.input.as_str()).await;
        }
    }

    /// Lines of five words, to both partitions.
    async fn write(&mut self, lines: usize) {
        let mut records = Vec::new();
        for line in self.lines..self.lines + lines {
            let words = (1..=5).map(|step| format!("{}-{}", self.needle, line * step % WORDS));
            let words: Vec<String> = words.collect();
            for word in &words {
                *self.sent.entry(word.clone()).or_default() += 1;
            }
            let partition = i32::try_from(line % 2).unwrap();
            records.push(SentRecord::of(words.join(" ")).key(&*self.note).partition(partition));
        }
        self.lines += lines;
        let options = ProduceOptions::to(self.stage.proxy.bootstrap(), &self.input);
        Client::Java.produce_all(&options, &records).await;
    }

    /// Waits until the counts' topic has more than so many records; returns how many.
    async fn told_more_than(&self, before: i64, application: &mut Application) -> i64 {
        let mut told = 0;
        let more = async || {
            application.is_running();
            told = 0;
            for partition in 0..PARTITIONS {
                let (mut leader, at) = self.stage.cluster.leader(&self.output, partition).await;
                told += leader.list_offset(&at, -1).await.unwrap();
            }
            told > before
        };
        eventually("words are counted", PATIENCE, more).await;
        told
    }

    /// Goes on writing lines until the broker's cleaner has taken counts out of each partition of the changelog.
    async fn becomes_compacted(&mut self, application: &mut Application) {
        let changelog = self.changelog();
        let properties = Cluster::CLEANED_AT_ONCE.map(|(name, value)| (name, Some(value)));
        self.stage.cluster.alter_topic(&changelog, &properties).await;
        let mut written: Option<Instant> = None;
        let compacted = async || {
            application.is_running();
            if written.is_none_or(|at| at.elapsed() > PAUSE) {
                self.write(10).await;
                written = Some(Instant::now());
            }
            for partition in 0..PARTITIONS {
                let stored =
                    Segments::of(self.stage.cluster.log_dirs(&changelog, partition)).in_force().await;
                if !stored.iter().any(|batch| batch.fields["control"] == false && batch.is_cleaned()) {
                    return false;
                }
            }
            true
        };
        eventually("the changelog is compacted", PATIENCE, compacted).await;
    }

    fn changelog(&self) -> String {
        format!("{}-counts-changelog", self.application)
    }

    /// The tasks' folders. What stays says which process this is, so that its open transactions end at once.
    fn lose_state(&self) {
        let folder = self.folder.join("state").join(&self.application);
        let tasks =
            std::fs::read_dir(folder).unwrap().map(Result::unwrap).filter(|entry| entry.path().is_dir());
        let removed = tasks.map(|entry| std::fs::remove_dir_all(entry.path()).unwrap()).count();
        assert!(removed > 0, "the application kept no state");
    }

    /// Each count of each word is told once, in order.
    async fn ends_exactly(&self, application: &mut Application) {
        let all: usize = self.sent.values().sum();
        let options = ConsumeOptions::from(self.stage.proxy.bootstrap(), &self.output).read_committed();
        let arrived = Client::Java.consume(&options.clone().count(all).timeout(PATIENCE)).await;
        let what = || {
            format!("{} of {all}, {:?}\n{}", arrived.records.len(), arrived.errors, application.log_tail())
        };
        assert!(arrived.complete && arrived.errors.is_empty(), "{}", what());
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for record in Client::Java.consume_all(&options).await {
            let (word, told) = (text(record.key.as_deref()), text(record.value.as_deref()));
            let count = counts.entry(word.clone()).or_default();
            *count += 1;
            assert_eq!(told, format!("{count} {}", self.note), "{word}");
        }
        assert_eq!(counts, self.sent);
        application.is_running();
    }

    /// Words are keys of the table, so those of its changelog, which is compacted, stay as they are.
    async fn is_illegible(&self) {
        let changelog = self.changelog();
        let between = format!("{}-words-repartition", self.application);
        let policy = self.stage.cluster.topic_config(&changelog, "cleanup.policy").await;
        assert_eq!(policy.as_deref(), Some("compact"));
        self.stage.is_sealed(&changelog).await;
        self.stage.is_illegible(&changelog, &self.note).await;
        let keys = Segments::of(self.stage.cluster.topic_dirs(&changelog)).search(&[&self.needle]).await;
        assert!(keys.found(0), "the search does not find the words: {keys:?}");
        for topic in [&self.input, &between, &self.output] {
            self.stage.is_illegible(topic, &self.note).await;
            self.stage.is_illegible(topic, &self.needle).await;
        }
    }
}

fn text(bytes: Option<&[u8]>) -> String {
    String::from_utf8(bytes.unwrap().to_vec()).unwrap()
}
