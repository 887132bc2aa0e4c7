//! A producer that goes on while something changes.

use std::fmt::Write as _;
use std::process::Stdio;

use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, ChildStdin, Command};

use super::{Offset, json};
use crate::failure;
use crate::network;
use crate::record::SentRecord;
use crate::rig::Rig;
use crate::scratch::Scratch;

/// librdkafka with records fed to it bit by bit, so that the test says when the load comes. All are for partition 0.
#[derive(Debug)]
pub struct Feed {
    child: Child,
    input: ChildStdin,
    sent: usize,
    keyed: bool,
    _folder: Scratch,
}

impl Feed {
    /// A producer with nothing to do yet.
    pub async fn start(bootstrap: &str, topic: &str, properties: &[(String, String)]) -> Self {
        let mut command = Command::from(network::command(Rig::ready().await.part("LIBRDKAFKA_CLIENT")));
        command.args(["produce", "--bootstrap", bootstrap, "--topic", topic]);
        command.args(["--linger", "2", "--timeout-ms", "60000"]);
        command.args(["--property", "reconnect.backoff.max.ms=500"]);
        for (name, value) in properties {
            command.args(["--property", &format!("{name}={value}")]);
        }
        // What it says of connections that ended is of interest only where the test fails.
        let folder = Scratch::new("feed");
        let log = folder.join("producer.log");
        failure::show_when_a_test_fails(&log);
        let errors = std::fs::File::create(log).expect("the folder is our own");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(errors).kill_on_drop(true);
        let mut child = command.spawn().expect("the client starts");
        let input = child.stdin.take().expect("its input is a pipe");
        Self { child, input, sent: 0, keyed: false, _folder: folder }
    }

    /// From now on its records have keys, each another: compacted topics take no others.
    #[must_use]
    pub fn keyed(mut self) -> Self {
        self.keyed = true;
        self
    }

    /// How many records were handed over.
    pub fn sent(&self) -> usize {
        self.sent
    }

    /// Hands over so many records more.
    pub async fn send(&mut self, count: usize) {
        let mut text = String::new();
        for index in self.sent..self.sent + count {
            let record = if self.keyed { Self::keyed_record(index) } else { Self::record(index) };
            let record = json::from_record(&record.partition(0));
            writeln!(text, "{record}").expect("memory takes everything");
        }
        self.input.write_all(text.as_bytes()).await.expect("the client reads");
        self.input.flush().await.expect("the client reads");
        self.sent += count;
    }

    /// Waits for all answers. Each record must be stored exactly once and in its place.
    pub async fn finish(self) {
        let sent = Offset::try_from(self.sent).expect("few records");
        assert_eq!(self.offsets().await, (0..sent).collect::<Vec<_>>(), "where the records are");
    }

    /// Waits for all answers. Each record must be stored; returns where.
    pub async fn offsets(self) -> Vec<Offset> {
        drop(self.input);
        let output = self.child.wait_with_output().await.expect("the child is ours to wait for");
        let text = String::from_utf8(output.stdout).expect("JSON is UTF-8");
        let answers = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("a line is JSON"));
        let offsets: Vec<Offset> = answers.map(|answer| json::number(&answer, "offset")).collect();
        assert_eq!(offsets.len(), self.sent, "the number of acknowledged records");
        offsets
    }

    /// The value of a record.
    pub fn value(index: usize) -> String {
        format!("record {index:06} of a load that goes on while something changes")
    }

    /// So many records as they must come back.
    pub fn records(count: usize) -> Vec<SentRecord> {
        (0..count).map(Self::record).collect()
    }

    /// The same with their keys.
    pub fn keyed_records(count: usize) -> Vec<SentRecord> {
        (0..count).map(Self::keyed_record).collect()
    }

    fn record(index: usize) -> SentRecord {
        SentRecord::of(Self::value(index))
    }

    fn keyed_record(index: usize) -> SentRecord {
        Self::record(index).key(format!("key {index:06}"))
    }
}
