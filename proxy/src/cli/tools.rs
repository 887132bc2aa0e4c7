//! The commands of data owners and auditors: what they have in common.

pub(super) mod audit;
pub(super) mod copy;
pub(super) mod decrypt;
pub(super) mod inspect;
pub(super) mod pseudonym;

mod brokers;
mod sources;

use super::{keys, mistakes};
use crate::telemetry;
use anyhow::Context as _;
use clap::{Args, ValueEnum};
use proxy_config::{EffectivePolicy, Ledger, Policy, ToolsConfig};
use proxy_crypto::Keys;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

/// Something failed: for `audit`, whose answer may be no, that is told apart.
const FAILED: u8 = 2;

/// The file that says where brokers and keys are.
#[derive(Debug, Args)]
struct ConfigArgs {
    /// A proxy.yaml. Its upstream, keyProviders and cluster are used, as far as they are needed; it may hold nothing else.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// For whom the report is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Output {
    /// People.
    Table,
    /// Programs.
    Json,
}

/// A file as it was read, or the exit code when its mistakes were told.
fn load(path: &std::path::Path) -> Result<ToolsConfig, ExitCode> {
    ToolsConfig::load(path).map_err(|errors| mistakes(&errors))
}

impl ConfigArgs {
    fn load(&self) -> Result<Option<ToolsConfig>, ExitCode> {
        self.config.as_deref().map(load).transpose()
    }
}

/// The policy as it takes effect now; its files stay as they are.
fn policy(config: &ToolsConfig) -> anyhow::Result<Result<EffectivePolicy, ExitCode>> {
    let files = config
        .policy
        .as_ref()
        .context("the file of --config has no policy, which says what becomes of topics")?;
    let providers = config.key_providers.keys().cloned().collect();
    let policy = match Policy::load(files.file.as_path(), &providers) {
        Ok(policy) => policy,
        Err(errors) => return Ok(Err(mistakes(&errors))),
    };
    let ledger = match &files.state_file {
        Some(file) => Ledger::load(file.as_path())?.updated(&policy),
        None => Ledger::default(),
    };
    Ok(Ok(EffectivePolicy::new(policy, ledger)))
}

/// Opens the key providers of a file. No key is asked for yet.
fn open_keys(config: &ToolsConfig) -> anyhow::Result<Arc<Keys>> {
    keys::open_for_tools(config).context("failed to open the key providers")
}

/// Runs a tool to its end.
fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let filter = std::env::var("RUST_LOG").ok().filter(|filter| !filter.is_empty());
    telemetry::init_tool(filter.as_deref())?;
    super::process::keep_memory_private();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("failed to start the runtime")?;
    runtime.block_on(work)
}

/// Writes a report, or says why not.
fn print(text: &str) -> anyhow::Result<()> {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // Whoever reads it has seen enough.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context("failed to write the report"),
    }
}

/// JSON for people too: it is read in terminals.
fn pretty(value: &serde_json::Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default() + "\n"
}
