//! Real brokers: one or three nodes, each broker and controller.

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

use crate::certificates::{Certificates, Identity};
use crate::kerberos::Kerberos;
use crate::ports::Ports;
use crate::process::{Process, describe};
use crate::rig::{Rig, blocking};
use crate::scratch::Scratch;

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

/// How a cluster is to be.
#[derive(Debug, Clone)]
pub struct ClusterBuilder {
    nodes: usize,
    properties: Vec<String>,
    tls: Option<(Identity, PathBuf)>,
    users: Vec<(String, String)>,
    kerberos: Option<PathBuf>,
    version: Option<BrokerVersion>,
    plugins: bool,
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
        let (tls, users) = (None, Vec::new());
        let (kerberos, version, plugins) = (None, None, false);
        ClusterBuilder { nodes: 1, properties: Vec::new(), tls, users, kerberos, version, plugins }
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

impl ClusterBuilder {
    /// One or three.
    #[must_use]
    pub fn nodes(mut self, nodes: usize) -> Self {
        self.nodes = nodes;
        self
    }

    /// A further broker property, as a line of a properties file. `{node}` in it becomes the node's id.
    #[must_use]
    pub fn property(mut self, line: impl Into<String>) -> Self {
        self.properties.push(line.into());
        self
    }

    /// A listener for TLS, on which clients must have a certificate of the same authority.
    #[must_use]
    pub fn tls(mut self, certificates: &Certificates) -> Self {
        let server = certificates.server("broker", &[]);
        self.tls = Some((server, certificates.authority()));
        self
    }

    /// A user of the listener for SASL (PLAIN and SCRAM), which the first user brings about.
    #[must_use]
    pub fn user(mut self, name: &str, password: &str) -> Self {
        self.users.push((name.to_owned(), password.to_owned()));
        self
    }

    /// GSSAPI on the listener for SASL, as this principal.
    #[must_use]
    pub fn kerberos(mut self, kerberos: &Kerberos, principal: &str) -> Self {
        let keys = kerberos.keytab(principal);
        self.kerberos = Some(kerberos.config());
        self.property(format!(
            "listener.name.sasl.gssapi.sasl.jaas.config=com.sun.security.auth.module.Krb5LoginModule required useKeyTab=true \
             storeKey=true keyTab=\"{}\" principal=\"{principal}\";",
            keys.display()
        ))
        .property("sasl.kerberos.service.name=kafka")
    }

    /// With the plugins for brokers that are among the Java client's classes.
    #[must_use]
    pub fn plugins(mut self) -> Self {
        self.plugins = true;
        self
    }

    /// Of this version instead of that of most tests.
    #[must_use]
    pub fn version(mut self, version: BrokerVersion) -> Self {
        self.version = Some(version);
        self
    }

    /// Starts all nodes and waits until they serve.
    pub async fn start(self) -> Cluster {
        let rig = Rig::ready().await;
        let folder = Scratch::new("kafka");
        let count = u16::try_from(self.nodes).expect("few nodes");
        let listeners = Listeners {
            plain: Ports::take(count),
            tls: self.tls.as_ref().map(|_| Ports::take(count)),
            sasl: (!self.users.is_empty()).then(|| Ports::take(count)),
            controller: Ports::take(count),
        };
        let settings = self.settings(&folder, &listeners);
        let nodes = (0..self.nodes).map(|_| Mutex::new(None)).collect();
        let cluster = Cluster { nodes, settings, listeners, script: rig.part("KAFKA_SCRIPT").into(), folder };
        let mut format = cluster.command(&["format"]);
        let output = blocking(move || format.output().expect("the kafka script runs")).await;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        for node in 0..cluster.nodes() {
            cluster.launch(node).await;
        }
        cluster.wait().await;
        cluster
    }

    fn settings(&self, folder: &Scratch, listeners: &Listeners) -> Vec<(&'static str, OsString)> {
        let mut settings: Vec<(&'static str, OsString)> = Vec::new();
        let mut set = |name, value: OsString| settings.push((name, value));
        // Kafka unpacks native libraries there, and leaves them.
        let temporary = folder.path().display();
        let mut options = format!("-Xms256m -Xmx512m -Djava.io.tmpdir={temporary}");
        if let Some(kerberos) = &self.kerberos {
            options = format!("{options} -Djava.security.krb5.conf={}", kerberos.display());
        }
        set("KAFKA_HEAP", options.into());
        if let Some(version) = self.version {
            set("KAFKA_VERSION", version.as_str().into());
        }
        if self.plugins {
            set(
                "KAFKA_PLUGINS",
                Rig::shared().part("JAVA_CLIENT_CLASSES").replace("/classes", "/client.jar").into(),
            );
        }
        set("KAFKA_NODES", self.nodes.to_string().into());
        set("KAFKA_PORT", listeners.plain.port(0).to_string().into());
        set("KAFKA_CONTROLLER_PORT", listeners.controller.port(0).to_string().into());
        set("KAFKA_PROPERTIES", self.properties.join("\n").into());
        if let (Some((server, authority)), Some(ports)) = (&self.tls, &listeners.tls) {
            let keystore = folder.join("keystore.pem");
            std::fs::copy(&server.bundle, &keystore).expect("the folder is ours");
            let truststore = folder.join("truststore.pem");
            std::fs::copy(authority, &truststore).expect("the folder is ours");
            set("KAFKA_TLS_PORT", ports.port(0).to_string().into());
            set("KAFKA_KEYSTORE", keystore.into());
            set("KAFKA_TRUSTSTORE", truststore.into());
        }
        if let Some(ports) = &listeners.sasl {
            let users: Vec<String> =
                self.users.iter().map(|(name, password)| format!("{name}:{password}")).collect();
            set("KAFKA_SASL_PORT", ports.port(0).to_string().into());
            set("KAFKA_USERS", users.join(" ").into());
        }
        settings
    }
}
