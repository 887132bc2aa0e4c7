//! Real brokers: one or three nodes, each broker and controller.

mod builder;
mod groups;
mod topics;
mod version;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::OnceCell;

use crate::ports::Ports;
use crate::process::{Process, describe};
use crate::rig::blocking;
use crate::scratch::Scratch;

pub use builder::ClusterBuilder;
pub use version::BrokerVersion;

/// A node that was asked to stop is killed after this.
const STOP: Duration = Duration::from_secs(30);

/// A running cluster. Dropped, it is gone with its data.
#[derive(Debug)]
pub struct Cluster {
    nodes: Vec<Mutex<Option<Process>>>,
    settings: Vec<(&'static str, OsString)>,
    listeners: Listeners,
    script: PathBuf,
    // After the processes, so that it is dropped after them.
    folder: Scratch,
}

#[derive(Debug)]
struct Listeners {
    plain: Ports,
    tls: Option<Ports>,
    sasl: Option<Ports>,
    controller: Ports,
}

impl Cluster {
    /// One broker for all tests of the binary that need nothing special.
    pub async fn shared() -> &'static Self {
        static SHARED: OnceCell<Cluster> = OnceCell::const_new();
        SHARED.get_or_init(async || Self::builder().start().await).await
    }

    /// A cluster of one's own, for tests that stop nodes or need other listeners or properties.
    pub fn builder() -> ClusterBuilder {
        ClusterBuilder::new()
    }

    /// `host:port` of the first node, in clear.
    pub fn bootstrap(&self) -> String {
        self.address(0)
    }

    /// `host:port` of a node, in clear.
    pub fn address(&self, node: usize) -> String {
        format!("127.0.0.1:{}", self.listeners.plain.port(node))
    }

    /// `host:port` of a node's listener for TLS (client certificates required).
    pub fn tls_address(&self, node: usize) -> String {
        let ports = self.listeners.tls.as_ref().expect("the cluster was started with TLS");
        format!("localhost:{}", ports.port(node))
    }

    /// `host:port` of a node's listener for SASL, over TLS where the cluster has TLS.
    pub fn sasl_address(&self, node: usize) -> String {
        let ports = self.listeners.sasl.as_ref().expect("the cluster was started with users");
        format!("localhost:{}", ports.port(node))
    }

    /// The number of nodes, whose ids are 0, 1, 2.
    pub fn nodes(&self) -> usize {
        self.nodes.len()
    }

    /// Stops a node in an orderly way.
    pub async fn stop_node(&self, node: usize) {
        let process = self.node(node).take();
        blocking(|| {
            let mut process = process.expect("the node runs");
            process.terminate();
            process.wait(STOP).unwrap_or_else(|| process.kill());
        })
        .await;
    }

    /// Kills a node without warning.
    pub async fn kill_node(&self, node: usize) {
        let process = self.node(node).take();
        blocking(|| process.expect("the node runs").kill()).await;
    }

    /// Starts a stopped node again, on its old data, and waits until the cluster is whole.
    pub async fn start_node(&self, node: usize) {
        self.launch(node).await;
        self.wait().await;
    }

    /// Lets a node hang (SIGSTOP): it keeps its connections and answers nothing.
    pub fn pause_node(&self, node: usize) {
        self.node(node).as_ref().expect("the node runs").pause();
    }

    /// Ends the hanging.
    pub fn unpause_node(&self, node: usize) {
        self.node(node).as_ref().expect("the node runs").unpause();
    }

    /// What the node wrote to its log.
    pub fn log(&self, node: usize) -> String {
        std::fs::read_to_string(self.folder.join(format!("{node}.log"))).unwrap_or_default()
    }

    /// The data folder of each node.
    pub fn data_dirs(&self) -> Vec<PathBuf> {
        (0..self.nodes()).map(|node| self.folder.join(format!("{node}/logs"))).collect()
    }

    /// The folders of a partition, one on each node that has a replica.
    pub fn log_dirs(&self, topic: &str, partition: i32) -> Vec<PathBuf> {
        let folders = self.data_dirs().into_iter().map(|folder| folder.join(format!("{topic}-{partition}")));
        folders.filter(|folder| folder.is_dir()).collect()
    }

    /// The folder of a partition on the first node that has a replica.
    pub fn log_dir(&self, topic: &str, partition: i32) -> PathBuf {
        let found = self.log_dirs(topic, partition).into_iter().next();
        found.unwrap_or_else(|| panic!("no node has {topic}-{partition}"))
    }

    /// The folders of all partitions of a topic on all nodes.
    pub fn topic_dirs(&self, topic: &str) -> Vec<PathBuf> {
        (0..)
            .map(|partition| self.log_dirs(topic, partition))
            .take_while(|folders| !folders.is_empty())
            .flatten()
            .collect()
    }

    fn node(&self, node: usize) -> MutexGuard<'_, Option<Process>> {
        self.nodes[node].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.script);
        command.args(arguments).env("KAFKA_DATA", self.folder.path()).envs(self.settings.iter().cloned());
        command
    }

    /// Starts a node's process and returns once the script has become Kafka.
    async fn launch(&self, node: usize) {
        let command = self.command(&["run", &node.to_string()]);
        let log = self.folder.join(format!("{node}.log"));
        let process = blocking(move || {
            let process =
                Process::start(&format!("broker {node}"), command, &log).expect("the kafka script runs");
            let program = format!("/proc/{}/cmdline", process.id());
            let deadline = Instant::now() + Duration::from_secs(20);
            // The script writes the properties of all nodes, so two of them must not run at once.
            while !std::fs::read_to_string(&program).is_ok_and(|line| line.contains("kafka.Kafka")) {
                assert!(Instant::now() < deadline, "node {node} did not start\n{}", process.log_tail(30));
                thread::sleep(Duration::from_millis(5));
            }
            process
        })
        .await;
        *self.node(node) = Some(process);
    }

    /// Waits until every node knows of every node.
    async fn wait(&self) {
        let mut wait = self.command(&["wait"]);
        let output = blocking(move || wait.output().expect("the kafka script runs")).await;
        for (node, process) in self.nodes.iter().enumerate() {
            let mut process = process.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(process) = process.as_mut() else { continue };
            let ended = process.ended();
            let how = ended.map(describe).unwrap_or_default();
            assert!(ended.is_none(), "node {node} ended with {how}\n{}", process.log_tail(30));
        }
        assert!(output.status.success(), "{}\n{}", String::from_utf8_lossy(&output.stderr), self.log(0));
    }
}
