//! "Run the proxy by itself" of the README, as somebody would type it.

use std::process::Output;

use tests::ports::Ports;
use tests::process::Process;
use tests::{Cluster, Rig, Scratch, eventually, programs, topic};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::time::timeout;

use super::PATIENCE;

const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md");
const PROGRAM: &str = "target/release/topic-encryption-proxy";
/// Where the broker, the proxy, and the brokers behind it are.
const ADDRESSES: [&str; 3] = ["127.0.0.1:19092", "127.0.0.1:29092", "29100"];
const TOPIC: &str = "payments.orders";

/// A folder in which the README is followed, with what differs on this machine.
struct Follower {
    folder: Scratch,
    ports: Ports,
    topic: String,
    section: String,
}

impl Follower {
    async fn new() -> Self {
        Rig::ready().await;
        let text = std::fs::read_to_string(README).unwrap();
        let section = text.split("\n## Run the proxy by itself\n").nth(1).unwrap();
        let section = section.split("\n## ").next().unwrap().to_owned();
        // The proxy, 16 brokers behind it, and the admin port.
        Self { folder: Scratch::new("readme"), ports: Ports::take(18), topic: topic(TOPIC), section }
    }

    /// The blocks of a kind, for this machine.
    async fn blocks(&self, kind: &str) -> Vec<String> {
        let cluster = Cluster::shared().await.bootstrap();
        let proxy = format!("127.0.0.1:{}", self.ports.port(0));
        let brokers = self.ports.port(1).to_string();
        let open = format!("```{kind}\n");
        let blocks = self.section.split(&open).skip(1);
        let blocks = blocks.map(|rest| rest.split("```").next().unwrap().to_owned());
        let here = |block: String| {
            let addresses = ADDRESSES.into_iter().zip([&cluster, &proxy, &brokers]);
            let block = addresses.fold(block, |block, (theirs, ours)| block.replace(theirs, ours));
            block.replace(TOPIC, &self.topic).replace(PROGRAM, &programs::proxy().display().to_string())
        };
        blocks.map(here).collect()
    }

    fn shell(&self, command: &str) -> std::process::Command {
        let mut shell = std::process::Command::new("bash");
        shell.args(["-euo", "pipefail", "-c", command]).current_dir(self.folder.path());
        shell
    }

    async fn type_in(&self, command: &str) -> String {
        let mut shell = Command::from(self.shell(command));
        let ended = timeout(PATIENCE, shell.kill_on_drop(true).output()).await;
        let Output { status, stdout, stderr } =
            ended.unwrap_or_else(|_| panic!("{command} does not end")).unwrap();
        let errors = String::from_utf8_lossy(&stderr);
        assert!(status.success(), "{command}: {status}\n{errors}");
        String::from_utf8_lossy(&stdout).into_owned()
    }
}

/// TE-28, TE-B10: the files are taken as they are, and the commands do what is said of them.
#[tokio::test(flavor = "multi_thread")]
async fn the_readme_leads_to_a_proxy_by_itself() {
    let follower = Follower::new().await;
    let files = follower.blocks("yaml").await;
    let [proxy, policy] = &files[..] else { panic!("{files:?}") };
    // The port of the README may be somebody else's here.
    let admin = format!("{proxy}\nadmin: {{bind: \"127.0.0.1:{}\"}}\n", follower.ports.port(17));
    for (name, text) in [("proxy.yaml", &admin), ("policy.yaml", policy)] {
        assert!(text.starts_with(&format!("# {name}")), "{text}");
        std::fs::write(follower.folder.join(name), text).unwrap();
    }
    let commands = follower.blocks("sh").await;
    let [first, records] = &commands[..] else { panic!("{commands:?}") };
    let [build, key, check, run] = first.lines().collect::<Vec<_>>()[..] else { panic!("{first}") };
    assert_eq!(build, "make build");
    follower.type_in(key).await;
    let checked = follower.type_in(check).await;
    assert!(checked.contains("key payments of provider default: Ready"), "{checked}");
    let log = follower.folder.join("log");
    let running = Process::start("the README's proxy", follower.shell(&format!("exec {run}")), &log).unwrap();
    let bootstrap = format!("127.0.0.1:{}", follower.ports.port(0));
    eventually("the proxy listens", PATIENCE, async || TcpStream::connect(&bootstrap).await.is_ok()).await;

    let [write, through, past] = records.lines().collect::<Vec<_>>()[..] else { panic!("{records}") };
    follower.type_in(write).await;
    assert_eq!(follower.type_in(through).await, "only for us\n");
    let stored = follower.type_in(past).await;
    assert!(!stored.is_empty() && !stored.contains("only for us"), "{stored}");
    running.terminate();
}
