//! One run of a client's program.

use std::fmt::{self, Display, Formatter, Write as _};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::time::timeout;

use super::Client;
use crate::network;
use crate::reaper;
use crate::rig::Rig;
use crate::scratch::Scratch;

/// How a command ended and what it printed.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// 0, 3 when its time was over, 64 when it did not understand, anything else when it failed.
    pub code: i32,
    /// Its output, one object a line.
    pub lines: Vec<Value>,
    /// What it said to people.
    pub errors: String,
}

impl Display for Outcome {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let last = self.lines.last().map(Value::to_string).unwrap_or_default();
        write!(formatter, "code {}, {} lines, the last {last}\n{}", self.code, self.lines.len(), self.errors)
    }
}

/// Runs the program and kills it after `limit`.
pub(super) async fn run(client: Client, words: Vec<String>, objects: Vec<Value>, limit: Duration) -> Outcome {
    let mut program = client.program(Rig::ready().await);
    program.args(&words);
    let hosts = network::has_names(&words).then(|| Scratch::new("hosts"));
    if let Some(folder) = &hosts {
        program = network::with_hosts(&program, folder);
    }
    let mut command = Command::from(program);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.process_group(0).kill_on_drop(true).spawn().expect("the client's program starts");
    let group = child.id().expect("nobody waited for it yet");
    reaper::adopt_group(group);
    let mut input = child.stdin.take().expect("its input is a pipe");
    let mut text = String::new();
    for object in objects {
        writeln!(text, "{object}").expect("memory takes everything");
    }
    let write = async move {
        // A client that has given up need not have read everything.
        drop(input.write_all(text.as_bytes()).await);
        drop(input);
    };
    let ended = timeout(limit, async { tokio::join!(write, child.wait_with_output()).1 }).await;
    reaper::release_group(group);
    let Ok(output) = ended else { panic!("{client} was killed after {limit:?}: {words:?}") };
    let output = output.expect("the child is ours to wait for");
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    let Some(code) = output.status.code() else {
        panic!("{client} died: {}: {words:?}\n{errors}", output.status)
    };
    let text = String::from_utf8(output.stdout).expect("JSON is UTF-8");
    let parse =
        |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{client}: {error} in {line}"));
    Outcome { code, lines: text.lines().map(parse).collect(), errors }
}
