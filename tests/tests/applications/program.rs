//! One run of a program.

use std::fmt::Write as _;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use tests::Rig;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::time::timeout;

use crate::stage::Stage;

const LIMIT: Duration = Duration::from_mins(2);

/// One of Kafka's own tools, of the brokers' version.
pub(crate) async fn tool(name: &str, arguments: &[&str]) -> String {
    with_input(name, arguments, "").await
}

/// The same, with what it says where it fails.
pub(crate) async fn attempt(name: &str, arguments: &[&str]) -> Result<String, String> {
    let (status, said, errors) = end(command(name, arguments).await, "").await;
    if status.success() { Ok(said) } else { Err(errors) }
}

/// The same, with this to read.
pub(crate) async fn with_input(name: &str, arguments: &[&str], input: &str) -> String {
    run(command(name, arguments).await, input).await
}

/// The same for one that goes on until it is stopped, which it is once a line has this text. Gives what it has said by then.
pub(crate) async fn watch(name: &str, arguments: &[&str], wanted: &str) -> String {
    let command = command(name, arguments).await;
    let what = words(&command);
    let mut command = tokio::process::Command::from(command);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut said = String::new();
    let read = async {
        while let Some(line) = lines.next_line().await.unwrap() {
            writeln!(said, "{line}").unwrap();
            if line.contains(wanted) {
                return true;
            }
        }
        false
    };
    let came = timeout(LIMIT, read).await;
    assert!(matches!(came, Ok(true)), "it does not say {wanted}:{what}\n{said}");
    said
}

async fn command(name: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(Rig::ready().await.part("KAFKA_TOOL"));
    command.env("KAFKA_VERSION", Stage::version().as_str()).arg(name).args(arguments);
    command
}

pub(crate) async fn kcat(arguments: &[&str], input: &str) -> String {
    let mut command = Command::new(Rig::ready().await.part("KCAT"));
    command.args(arguments);
    run(command, input).await
}

/// What it prints. It must end well within the limit.
async fn run(command: Command, input: &str) -> String {
    let what = words(&command);
    let (status, said, errors) = end(command, input).await;
    assert!(status.success(), "{status}:{what}\n{said}\n{errors}");
    said
}

fn words(command: &Command) -> String {
    command.get_args().fold(String::new(), |mut what, word| {
        write!(what, " {}", word.to_string_lossy()).unwrap();
        what
    })
}

/// How it ends within the limit, what it prints, and what it says of errors.
async fn end(command: Command, input: &str) -> (ExitStatus, String, String) {
    let what = words(&command);
    let mut command = tokio::process::Command::from(command);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().unwrap();
    let mut pipe = child.stdin.take().unwrap();
    let write = async move {
        // A program that reads nothing has closed it.
        drop(pipe.write_all(input.as_bytes()).await);
        drop(pipe);
    };
    let ended = timeout(LIMIT, async { tokio::join!(write, child.wait_with_output()).1 }).await;
    let output = ended.unwrap_or_else(|_| panic!("killed after {LIMIT:?}:{what}")).unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status, text(&output.stdout), text(&output.stderr))
}
