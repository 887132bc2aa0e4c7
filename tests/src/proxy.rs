//! The proxy as users run it: its program, its files, its admin port.

mod admin;
mod batches;
mod builder;
mod files;
mod policy;
mod version;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::OnceCell;

use crate::cluster::Cluster;
use crate::eventually::{eventually, eventually_ok};
use crate::ports::Ports;
use crate::process::{Process, describe};
use crate::rig::blocking;
use crate::scratch::Scratch;

pub use admin::{Answer, Metrics};
pub use builder::ProxyBuilder;
pub use policy::{Pattern, PolicyFile, Rule};
pub use version::Version;

/// From start to ready, and from a file's change to its effect. The machine may be busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running proxy. Dropped, it is gone with its files.
#[derive(Debug)]
pub struct Proxy {
    program: Mutex<PathBuf>,
    process: Mutex<Option<Process>>,
    ports: Ports,
    host: &'static str,
    folder: Scratch,
    variables: Vec<(&'static str, String)>,
}

impl Proxy {
    /// One proxy before the [shared cluster](Cluster::shared), for all tests of the binary that need nothing special.
    /// Topics that begin with `batch.`, `record.` and `auto.` are encrypted in that format, those that begin with `headers.` with
    /// some [headers](Rule::seal_headers) too, those that begin with `pseudonyms.` with [pseudonyms](Rule::pseudonyms); clear records
    /// there are an error. Other topics are clear.
    pub async fn shared() -> &'static Self {
        static SHARED: OnceCell<Proxy> = OnceCell::const_new();
        let start = async || {
            let rule = |format: &str| {
                let topics = Pattern::prefix(&format!("{format}.").to_lowercase());
                Rule::encrypt([topics], "shared").format(format).on_plaintext("Reject")
            };
            let headers = Rule::encrypt([Pattern::prefix("headers.")], "shared").on_plaintext("Reject");
            let policy = PolicyFile::new(["Batch", "Record", "Auto"].map(rule)).rule(headers.seal_headers());
            let proxy = Self::before(Cluster::shared().await).policy(policy.clone()).start().await;
            let pseudonyms = Rule::encrypt([Pattern::prefix("pseudonyms.")], "shared").on_plaintext("Reject");
            // A rule's pseudonym key is wrapped by its key, which is there only now.
            let key = proxy.pseudonym_key("shared").await;
            proxy.apply_policy(&policy.rule(pseudonyms.pseudonyms(&key))).await;
            proxy
        };
        SHARED.get_or_init(start).await
    }

    /// A proxy of one's own before a cluster, in clear on both sides. Policy and keys are the caller's to give.
    pub fn before(cluster: &Cluster) -> ProxyBuilder {
        let brokers = u16::try_from(cluster.nodes()).expect("few nodes");
        let servers = (0..cluster.nodes()).map(|node| cluster.address(node)).collect();
        Self::builder(servers, brokers)
    }

    /// A proxy before any bootstrap servers, with ports for so many brokers.
    pub fn builder(bootstrap_servers: Vec<String>, brokers: u16) -> ProxyBuilder {
        ProxyBuilder::new(bootstrap_servers, brokers)
    }

    /// `host:port` for clients.
    pub fn bootstrap(&self) -> String {
        format!("{}:{}", self.host, self.ports.port(1))
    }

    /// `host:port` of a broker through the proxy.
    pub fn broker_address(&self, broker: usize) -> String {
        format!("{}:{}", self.host, self.ports.port(2 + broker))
    }

    /// `host:port` of the admin port.
    pub fn admin_address(&self) -> String {
        format!("127.0.0.1:{}", self.ports.port(0))
    }

    /// The folder with proxy.yaml, policy.yaml, its state file, and keys.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.with_process(Process::id)
    }

    /// Resident memory in bytes.
    pub fn rss(&self) -> u64 {
        self.with_process(Process::resident_bytes)
    }

    /// The most memory that was ever resident, in bytes.
    pub fn peak_rss(&self) -> u64 {
        self.with_process(Process::peak_resident_bytes)
    }

    /// Open file descriptors, connections among them.
    pub fn open_files(&self) -> usize {
        self.with_process(Process::open_files)
    }

    /// What it logged since the first start.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    /// Whether the process still runs.
    pub fn runs(&self) -> bool {
        self.process().as_mut().is_some_and(|process| process.ended().is_none())
    }

    /// Starts it again after an end, and waits until it is ready.
    pub async fn start(&self) {
        self.launch();
        self.wait_ready().await;
    }

    /// Ends it in an orderly way and starts it again.
    pub async fn restart(&self) {
        let status = self.terminate().await;
        assert!(status.success(), "the proxy ended with {}\n{}", describe(status), self.log());
        self.start().await;
    }

    /// Ends it in an orderly way and starts another version on the same files: an upgrade, or a rollback.
    pub async fn replace_by(&self, version: Version) {
        let status = self.terminate().await;
        assert!(status.success(), "the proxy ended with {}\n{}", describe(status), self.log());
        *self.program.lock().unwrap_or_else(PoisonError::into_inner) = version.program().await;
        self.start().await;
    }

    /// Asks it to end (SIGTERM) and does not wait.
    pub fn signal_terminate(&self) {
        self.with_process(Process::terminate);
    }

    /// Asks it to end (SIGTERM) and waits for that.
    pub async fn terminate(&self) -> ExitStatus {
        self.signal_terminate();
        self.wait_ended(Duration::from_mins(1)).await
    }

    /// Waits for an end that something else brings about.
    pub async fn wait_ended(&self, limit: Duration) -> ExitStatus {
        let ended = async || {
            let mut process = self.process();
            process.as_mut().expect("it was started").ended().ok_or("it still runs")
        };
        eventually_ok("the proxy ends", limit, ended).await
    }

    /// Kills it without warning (SIGKILL).
    pub async fn kill(&self) {
        let process = self.process().take();
        blocking(|| process.expect("it was started").kill()).await;
    }

    /// Waits until it says that it is ready.
    pub async fn wait_ready(&self) {
        let ready = async || {
            if !self.runs() {
                return Ok(false);
            }
            match self.get("/readyz").await {
                Ok(answer) if answer.status == 200 => Ok(true),
                Ok(answer) => Err(answer.body),
                Err(error) => Err(error.to_string()),
            }
        };
        assert!(
            eventually_ok("the proxy is ready", PATIENCE, ready).await,
            "the proxy ended\n{}",
            self.log()
        );
    }

    /// Waits until it says that it is not.
    pub async fn wait_unready(&self) {
        let unready = async || self.get("/readyz").await.is_ok_and(|answer| answer.status == 503);
        eventually("the proxy is not ready", PATIENCE, unready).await;
    }

    fn launch(&self) {
        let program = self.program.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut command = Command::new(program);
        command.args(["run", "--config"]).arg(self.folder.join("proxy.yaml")).current_dir(self.folder.path());
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        let started = Process::start("proxy", command, &self.log_file()).expect("the proxy's program starts");
        *self.process() = Some(started);
    }

    fn log_file(&self) -> PathBuf {
        self.folder.join("proxy.log")
    }

    fn process(&self) -> MutexGuard<'_, Option<Process>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with_process<T>(&self, look: impl FnOnce(&Process) -> T) -> T {
        look(self.process().as_ref().expect("it was started"))
    }
}
