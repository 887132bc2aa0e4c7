//! `run`: puts the parts together and takes them apart again.

use super::{keys, mistakes, process, wiring};
use crate::admin::{self, Admin};
use crate::metrics::Metrics;
use crate::poll::Poller;
use crate::server::{Parts, Server};
use crate::telemetry::{self, Logs};
use anyhow::Context as _;
use proxy_config::{LogFormat, ProxyConfig};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub(super) fn run(path: &Path) -> anyhow::Result<ExitCode> {
    let config = match ProxyConfig::load(path) {
        Ok(config) => Arc::new(config),
        Err(errors) => return Ok(mistakes(&errors)),
    };
    if let Some(missing) = keys::missing(&config.key_providers) {
        return Ok(mistakes(&missing));
    }
    let filter = std::env::var("RUST_LOG").ok().filter(|filter| !filter.is_empty());
    let json = config.log.format == LogFormat::Json;
    let logs = telemetry::init(json, config.log.level.as_str(), filter.as_deref())?;
    process::keep_memory_private();
    process::allow_open_files();
    tracing::info!(version = env!("CARGO_PKG_VERSION"), config = %path.display(), "starting");
    // One worker for each processor that the container may use, or TOKIO_WORKER_THREADS.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .thread_name("proxy")
        .enable_all()
        .build()
        .context("failed to start the runtime")?;
    runtime.block_on(serve(config, &logs))?;
    Ok(ExitCode::SUCCESS)
}

async fn serve(config: Arc<ProxyConfig>, logs: &Logs) -> anyhow::Result<()> {
    let mut signals = Signals::listen()?;
    let mut registry = Metrics::registry();
    let metrics = Metrics::register(&mut registry);
    logs.register(&mut registry);
    let wiring::Wired { live, brokers, server_tls, client_tls, identity, poller } =
        wiring::wire(&config, &metrics, &mut registry)?;

    let router = admin::router(Arc::clone(&live), Arc::new(registry));
    let admin = Admin::start(config.admin.bind, router, CancellationToken::new())?;
    let mut background = Background::start(Arc::clone(&live), poller);

    let grace = config.drain.duration();
    let parts = Parts {
        config,
        live: Arc::clone(&live),
        metrics: metrics.clone(),
        brokers,
        server_tls,
        client_tls,
        identity,
    };
    let server = Server::bind(parts).await?;
    live.report_topics(server.topics());
    let in_use = server.buffer_bytes();
    metrics.buffer_bytes.read_from(move || i64::try_from(in_use()).unwrap_or(i64::MAX));
    let histories = Arc::clone(live.histories());
    metrics.history_records.read_from(move || i64::try_from(histories.left()).unwrap_or(i64::MAX));
    let unmatched = server.unmatched_topics();
    metrics.unmatched_topics.read_from(move || i64::try_from(unmatched()).unwrap_or(i64::MAX));
    live.set_listening();

    let shutdown = CancellationToken::new();
    let mut serving = std::pin::pin!(server.run(shutdown.clone(), grace));
    let signal = tokio::select! {
        signal = signals.next() => signal,
        _ = &mut serving => anyhow::bail!("the listeners ended unexpectedly"),
        // Whatever is withdrawn from now on would go on to be used. A process that starts anew reads all files.
        () = background.ended() => anyhow::bail!("what follows files and keys ended unexpectedly"),
    };
    tracing::info!(signal, grace_seconds = grace.as_secs(), "draining");
    live.set_draining();
    shutdown.cancel();
    tokio::select! {
        graceful = serving => if graceful {
            tracing::info!("stopped, all connections were finished");
        } else {
            tracing::warn!("stopped, connections were cut off at the end of the drain time");
        },
        signal = signals.next() => tracing::warn!(signal, "stopped at once, connections were cut off"),
    }
    background.stop().await;
    live.keys().retire();
    admin.stop();
    Ok(())
}

/// What runs beside the data plane.
struct Background {
    tasks: JoinSet<()>,
    shutdown: CancellationToken,
}

impl Background {
    fn start(live: Arc<crate::live::Live>, poller: Poller) -> Self {
        let (mut tasks, shutdown) = (JoinSet::new(), CancellationToken::new());
        tasks.spawn(poller.run(shutdown.clone()));
        let token = shutdown.clone();
        tasks.spawn(async move { live.check_keys(token).await });
        Self { tasks, shutdown }
    }

    /// Waits until any of it ends, which it does not by itself.
    async fn ended(&mut self) {
        self.tasks.join_next().await;
    }

    async fn stop(mut self) {
        self.shutdown.cancel();
        while self.tasks.join_next().await.is_some() {}
    }
}

/// The signals that end the process.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("failed to listen for signals");
        Ok(Self { terminate: listen(SignalKind::terminate())?, interrupt: listen(SignalKind::interrupt())? })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::poll::tests::poller;
    use std::time::Duration;

    const PATIENCE: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn a_look_at_files_that_panics_does_not_leave_a_process_that_looks_at_none() {
        let directory = tempfile::tempdir().unwrap();
        let (live, mut poller) = poller(directory.path());
        poller.watch_keys("test", || panic!("a mistake of ours"));
        let mut background = Background::start(live, poller);
        tokio::time::timeout(PATIENCE, background.ended()).await.expect("the process hears of it");
        background.stop().await;
    }

    #[tokio::test(start_paused = true)]
    async fn what_runs_beside_the_data_plane_ends_only_when_it_is_told_to() {
        let directory = tempfile::tempdir().unwrap();
        let (live, poller) = poller(directory.path());
        let mut background = Background::start(live, poller);
        assert!(tokio::time::timeout(PATIENCE, background.ended()).await.is_err());
        background.stop().await;
    }
}
