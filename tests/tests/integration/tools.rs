//! The commands of data owners and auditors, on what real brokers stored and real proxies encrypted.

mod audit;
mod copy;
mod dam;
pub(super) mod decrypt;
mod document;
mod inspect;
mod legacy;
mod progress;
mod pseudonym;

use std::path::PathBuf;
use std::process::Output;

use serde_json::Value;
use tests::{Cluster, PolicyFile, Proxy, Rig, Rule, eventually, programs};
use tokio::process::Command;
use tokio::time::timeout;

const PATIENCE: std::time::Duration = std::time::Duration::from_mins(1);

/// What a command of the proxy's program printed.
struct Ran {
    code: i32,
    out: String,
    errors: String,
}

impl Ran {
    fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("the program writes text");
        let code = output.status.code().unwrap_or(-1);
        Self { code, out: text(output.stdout), errors: text(output.stderr) }
    }

    /// The report, which must have come without an error.
    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_str(&self.out)
            .unwrap_or_else(|error| panic!("{error}: {}\n{}", self.out, self.errors))
    }

    /// The exit code is this one.
    #[track_caller]
    fn ends(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}\n{}", self.out, self.errors);
        self
    }

    /// None of these byte strings is anywhere in what was printed.
    #[track_caller]
    fn hides(&self, needles: &[&str]) {
        for needle in needles {
            assert!(!self.out.contains(needle) && !self.errors.contains(needle), "it shows {needle}");
        }
    }
}

fn tool(arguments: &[&str]) -> Command {
    let mut command = Command::new(programs::proxy());
    command.args(arguments).kill_on_drop(true);
    command
}

/// Runs a command to its end.
async fn run(arguments: &[&str]) -> Ran {
    // Only so that the program is there.
    Rig::ready().await;
    let ended = timeout(PATIENCE, tool(arguments).output()).await;
    Ran::of(ended.expect("the program ends by itself").unwrap())
}

/// A partition in a report.
fn partition<'a>(report: &'a Value, topic: &str, partition: i32) -> &'a Value {
    let partitions = report["partitions"].as_array().expect("the report has partitions");
    partitions
        .iter()
        .find(|found| found["topic"] == topic && found["partition"] == partition)
        .unwrap_or_else(|| panic!("{topic}-{partition} is not in {report}"))
}

/// `host:port` of the shared cluster.
async fn servers() -> String {
    Cluster::shared().await.bootstrap()
}

/// `proxy.yaml` of a proxy, which the tools take too.
fn config(proxy: &Proxy) -> String {
    text(proxy.folder().join("proxy.yaml"))
}

fn text(path: PathBuf) -> String {
    path.into_os_string().into_string().expect("our own paths are text")
}

/// A proxy of one's own, whose rules encrypt topics of a prefix each with the key of the same name.
async fn owner(rules: impl IntoIterator<Item = Rule>) -> Proxy {
    Proxy::before(Cluster::shared().await).policy(PolicyFile::new(rules)).start().await
}

/// Has new records sealed with a new version of the key.
async fn rotate(proxy: &Proxy, key: &str, version: u32, topic: &str) {
    proxy.write_key(key, version);
    let expected = version.to_string();
    let newer = async || {
        // A data key is replaced after its next use.
        let asked = proxy.post("/keys/rotate").await.unwrap().status;
        assert!(asked == 202 || asked == 429, "{asked}");
        let sent = [tests::SentRecord::of("between").partition(0)];
        tests::Client::Librdkafka
            .produce_all(&tests::ProduceOptions::to(proxy.bootstrap(), topic), &sent)
            .await;
        let keys = proxy.keys().await;
        keys.iter().any(|found| found["key"] == key && found["version"] == expected.as_str())
    };
    eventually("the new version is in use", PATIENCE, newer).await;
}
