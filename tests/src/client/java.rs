//! The Java client in JVMs that stay: starting one takes longer than most commands.

use std::io::{self, BufRead, BufReader, Write};
use std::process::{ChildStdin, ChildStdout};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::{Client, Outcome};
use crate::network;
use crate::process::Process;
use crate::rig::{Rig, blocking};
use crate::scratch::Scratch;

/// These JVMs outlive Services that tests make, take away and make again.
const NAMES: &str = "-Dsun.net.inetaddr.ttl=1 -Dsun.net.inetaddr.negative.ttl=0";
/// JVMs at work at once.
const JVMS: usize = 3;
static TURNS: Semaphore = Semaphore::const_new(JVMS);
static IDLE: Mutex<Vec<Jvm>> = Mutex::new(Vec::new());

/// A JVM that reads a command from each line.
struct Jvm {
    /// The library's, where it is not that of the brokers.
    version: Option<&'static str>,
    process: Process,
    input: ChildStdin,
    lines: Receiver<io::Result<String>>,
    _folder: Scratch,
}

/// Runs a command in an idle JVM, or in a new one. One that takes longer than `limit` is killed.
pub(crate) async fn run(
    version: Option<&'static str>,
    words: Vec<String>,
    objects: (&str, Vec<Value>),
    limit: Duration,
) -> Outcome {
    let _turn = TURNS.acquire().await.expect("the semaphore is never closed");
    let mut command: Vec<Value> = words.into_iter().map(Value::from).collect();
    command.push(json!({ objects.0: objects.1 }));
    let command = Value::from(command);
    blocking(move || {
        let mut jvm = Jvm::idle(version).unwrap_or_else(|| Jvm::start(version));
        // Where this panics the JVM is dropped, and thereby killed.
        let outcome = jvm.run(&command, limit);
        IDLE.lock().unwrap_or_else(PoisonError::into_inner).push(jvm);
        outcome
    })
    .await
}

impl Jvm {
    fn idle(version: Option<&'static str>) -> Option<Self> {
        let mut idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner);
        let place = idle.iter().position(|jvm| jvm.version == version)?;
        Some(idle.swap_remove(place))
    }

    fn start(version: Option<&'static str>) -> Self {
        let client = version.map_or(Client::Java, Client::JavaVersion);
        let mut command = client.program(Rig::shared());
        command.arg("serve");
        let folder = Scratch::new("java-client");
        // Kafka unpacks native libraries there, and leaves them.
        let mut options = format!("-Xmx256m {NAMES} -Djava.io.tmpdir={}", folder.path().display());
        if !network::is_entered() {
            let hosts = network::write_hosts(&folder);
            options = format!("{options} -Djdk.net.hosts.file={}", hosts.display());
        }
        command.env("CLIENT_HEAP", options);
        let log = folder.join("client.log");
        let (process, input, output) =
            Process::start_piped("java client", command, &log).expect("the JVM starts");
        Self { version, process, input, lines: read_lines(output), _folder: folder }
    }

    fn run(&mut self, command: &Value, limit: Duration) -> Outcome {
        let before = self.process.log().len();
        let deadline = Instant::now() + limit;
        let mut lines = Vec::new();
        writeln!(self.input, "{command}")
            .unwrap_or_else(|error| panic!("{error}\n{}", self.process.log_tail(30)));
        loop {
            let line = match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => line.expect("a pipe of our own can be read"),
                Err(RecvTimeoutError::Timeout) => {
                    panic!("java was killed after {limit:?}: {}", short(command))
                }
                Err(RecvTimeoutError::Disconnected) => panic!("java ended\n{}", self.process.log_tail(30)),
            };
            let line: Value =
                serde_json::from_str(&line).unwrap_or_else(|error| panic!("java: {error} in {line}"));
            if let Some(code) = line.get("done").and_then(Value::as_i64) {
                let errors = self.process.log().get(before..).unwrap_or_default().to_owned();
                return Outcome { code: i32::try_from(code).expect("codes are small"), lines, errors };
            }
            lines.push(line);
        }
    }
}

/// Reads on a thread of its own, so that waiting for a line can have a limit.
fn read_lines(output: ChildStdout) -> Receiver<io::Result<String>> {
    let (sender, receiver) = sync_channel(1024);
    thread::spawn(move || BufReader::new(output).lines().try_for_each(|line| sender.send(line)));
    receiver
}

/// The command without the objects.
fn short(command: &Value) -> String {
    let words = command.as_array().into_iter().flatten().filter_map(Value::as_str);
    words.collect::<Vec<_>>().join(" ")
}
