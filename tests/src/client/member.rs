//! A member of a consumer group that stays in it until it is let go.

use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use super::{Client, ConsumeOptions, json};
use crate::failure;
use crate::reaper;
use crate::record::ReceivedRecord;
use crate::rig::Rig;
use crate::scratch::Scratch;

/// A running client. It commits when it has as many records as its options ask for, and then stays.
#[derive(Debug)]
pub struct Member {
    client: Client,
    child: Child,
    input: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
    options: ConsumeOptions,
    _folder: Scratch,
}

impl Member {
    /// Starts it. The options name a group and a count.
    pub async fn start(client: Client, options: &ConsumeOptions) -> Self {
        let mut command = Command::from(client.program(Rig::ready().await));
        command.arg("consume").args(options.words()).args(["--hold", "true"]);
        let folder = Scratch::new("member");
        let log = folder.join("member.log");
        failure::show_when_a_test_fails(&log);
        let errors = std::fs::File::create(log).expect("the folder is our own");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(errors);
        let mut child = command.process_group(0).kill_on_drop(true).spawn().expect("the client starts");
        reaper::adopt_group(child.id().expect("nobody waited for it yet"));
        let input = child.stdin.take().expect("its input is a pipe");
        let lines = BufReader::new(child.stdout.take().expect("its output is a pipe")).lines();
        Self { client, child, input, lines, options: options.clone(), _folder: folder }
    }

    /// The next so many records. An error of the client is one of the test.
    pub async fn records(&mut self, count: usize) -> Vec<ReceivedRecord> {
        let mut records = Vec::with_capacity(count);
        while records.len() < count {
            let line = timeout(self.options.limit(), self.lines.next_line()).await;
            let line =
                line.unwrap_or_else(|_| panic!("{}: {} of {count} records", self.client, records.len()));
            let line = line.expect("a pipe of our own can be read");
            let line =
                line.unwrap_or_else(|| panic!("{} ended after {} records", self.client, records.len()));
            let line: Value = serde_json::from_str(&line).expect("a line is JSON");
            assert_eq!(json::error(&line), None, "{}", self.client);
            records.push(json::to_record(&line, self.options.topic()));
        }
        records
    }

    /// Lets it leave the group, and waits for that.
    pub async fn leave(self) {
        let Self { client, mut child, input, options, .. } = self;
        let group = child.id().expect("nobody waited for it yet");
        drop(input);
        let status = timeout(options.limit(), child.wait()).await;
        reaper::release_group(group);
        let status = status.unwrap_or_else(|_| panic!("{client} does not leave")).expect("the child is ours");
        assert!(status.success(), "{client} left with {status}");
    }
}
