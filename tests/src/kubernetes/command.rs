//! Commands that run in the cluster's network.

use std::fmt::{self, Display, Formatter};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::time::timeout;

/// A command that has not ended by then never does.
const LIMIT: Duration = Duration::from_mins(3);

/// A command that failed, and what it said.
#[derive(Debug, Clone)]
pub struct Failed {
    /// The command.
    pub command: String,
    /// Its exit code; none where it was killed.
    pub code: Option<i32>,
    /// Its standard error, and its standard output behind it.
    pub said: String,
}

impl Display for Failed {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ended with {:?}: {}", self.command, self.code, self.said.trim_end())
    }
}

/// Runs it, with this text as its input, and returns its output.
pub(super) async fn run(command: Command, input: Option<&str>) -> Result<String, Failed> {
    run_within(LIMIT, command, input).await
}

/// The same for a command that may take as long.
pub(super) async fn run_within(
    limit: Duration,
    mut command: Command,
    input: Option<&str>,
) -> Result<String, Failed> {
    let shown = format!("{:?}", command.as_std());
    command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{shown}: {error}"));
    let mut pipe = child.stdin.take();
    let write = async {
        if let (Some(pipe), Some(text)) = (pipe.as_mut(), input) {
            // What it did not read it did not want.
            drop(pipe.write_all(text.as_bytes()).await);
        }
        drop(pipe);
    };
    let ended = timeout(limit, async { tokio::join!(write, child.wait_with_output()).1 }).await;
    let output = ended.unwrap_or_else(|_| panic!("{shown} was killed after {limit:?}"));
    let output = output.expect("the child is ours to wait for");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        return Ok(text(&output.stdout));
    }
    let said = text(&output.stderr) + &text(&output.stdout);
    Err(Failed { command: shown, code: output.status.code(), said })
}
