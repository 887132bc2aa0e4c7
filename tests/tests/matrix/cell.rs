//! One client on one broker, in one format.

use std::sync::Arc;

use tests::{Client, Payload, Segments, SentRecord, canary, topic};

use crate::stage::Stage;
use crate::steps;

pub(crate) const FORMATS: [&str; 2] = ["batch", "record"];

/// A cell at work: what its steps have in common.
pub(crate) struct Cell {
    pub(crate) stage: Arc<Stage>,
    pub(crate) client: Client,
    pub(crate) format: &'static str,
    /// In the value of every record, so that one search of the disk is about all of them.
    needle: String,
}

impl Cell {
    pub(crate) fn new(stage: Arc<Stage>, client: Client, format: &'static str) -> Self {
        Self { stage, client, format, needle: canary("matrix") }
    }

    /// Everything that a client can do. The steps have topics of their own, so that none waits for another.
    pub(crate) async fn run(self) {
        let topics = ["sweep", "transactions", "group"].map(|step| self.topic(step));
        tokio::join!(
            steps::sweep(&self, &topics[0]),
            steps::transactions(&self, &topics[1]),
            steps::group(&self, &topics[2]),
            steps::administration(&self),
        );
        self.nothing_is_legible(&topics).await;
    }

    pub(crate) fn topic(&self, step: &str) -> String {
        topic(&format!("{}.{}-{step}", self.format, self.client))
    }

    pub(crate) fn bootstrap(&self) -> String {
        self.stage.proxy.bootstrap()
    }

    /// Records of every shape that the client knows, for this partition.
    pub(crate) fn records(&self, seed: u64, count: usize, partition: i32) -> Vec<SentRecord> {
        let mut records = Payload::new(seed).orders(count);
        for record in &mut records {
            record.partition = Some(partition);
            if let Some(value) = record.value.as_mut().filter(|value| !value.is_empty()) {
                value.extend(self.needle.as_bytes());
            }
            if !self.client.has_null_headers() {
                record.headers.retain(|(_, value)| value.is_some());
            }
        }
        records.retain(|record| {
            self.client.has_empty_records() || record.key.is_some() || record.value.is_some()
        });
        records
    }

    pub(crate) fn what(&self, step: &str) -> String {
        format!("{} on {}, {} format, {step}", self.client, self.stage.version, self.format)
    }

    async fn nothing_is_legible(&self, topics: &[String]) {
        let folders = topics.iter().flat_map(|topic| self.stage.cluster.topic_dirs(topic));
        let search = Segments::of(folders).search(&[&self.needle]).await;
        let what = self.what("at rest");
        assert!(search.records > 0 && search.invalid == 0, "{what}: the search read nothing: {search:?}");
        assert!(!search.found(0), "{what}: {:?}", search.places[0]);
    }
}
