//! `run`: everything is put together here, and ends in order.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use kube::client::ClientBuilder;
use kube::{Client, Config};
use prometheus_client::registry::Registry;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::admin::{self, Readiness};
use crate::controller::{self, Clients};
use crate::leader::{self, Candidate, Fence};
use crate::metrics::Metrics;
use crate::settings::Settings;
use crate::telemetry;

/// A setting is wrong: `EX_USAGE` of sysexits.h.
const USAGE: u8 = 64;

/// How long the API server may take to answer anything but a watch.
const PATIENCE: Duration = Duration::from_secs(20);

/// Runs until told to stop, or until another replica leads.
pub(super) fn run(settings: Settings) -> anyhow::Result<ExitCode> {
    if let Err(error) = settings.check_feature_gates() {
        eprintln!("topic-encryption-operator: {error}");
        return Ok(ExitCode::from(USAGE));
    }
    let level = telemetry::init(&settings.log_level)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("failed to start the runtime")?;
    runtime.block_on(async move {
        if let Some(file) = settings.log_level_file.clone() {
            tokio::spawn(level.follow(file));
        }
        serve(settings).await
    })
}

async fn serve(settings: Settings) -> anyhow::Result<ExitCode> {
    let stop = CancellationToken::new();
    tokio::spawn(stop_on_signal(stop.clone())?);
    let mut registry = Registry::default();
    let metrics = Metrics::register(&mut registry, settings.selector.as_deref());
    let readiness = Readiness::default();
    let health =
        tokio::spawn(admin::serve(settings.admin_bind, readiness.clone(), Arc::new(registry), stop.clone()));
    let config = Config::infer().await.context("failed to find the API server")?;
    let fence = Fence::default();
    let none = Fence::default();
    let calls = client(&config, Some(PATIENCE), &fence)?;
    let clients = Clients { watches: client(&config, None, &none)?, calls };
    let election = client(&config, Some(leader::PATIENCE), &none)?;
    let version = clients.calls.apiserver_version().await.context("the API server does not answer")?;
    readiness.set();
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        kubernetes = version.git_version,
        watched = ?settings.watched(),
        "the operator has started"
    );
    let code = lead(&clients, (election, fence), &settings, &metrics, &stop).await?;
    stop.cancel();
    health.await.context("the admin server ended early")??;
    Ok(code)
}

/// A client of its own connections. Without a limit, a call that went to an API server that is gone would wait for as long
/// as TCP does. Watches end those that say nothing by themselves.
fn client(config: &Config, patience: Option<Duration>, fence: &Fence) -> anyhow::Result<Client> {
    let mut config = config.clone();
    config.read_timeout = patience;
    config.reset_reader_on_write = true;
    config.connect_timeout = patience.or(config.connect_timeout);
    let client = ClientBuilder::try_from(config).context("failed to make a client of the API server")?;
    Ok(client.with_layer(&fence.layer()).build())
}

/// Works while this replica leads. Whoever lost the Lease starts anew: another one works already.
async fn lead(
    clients: &Clients,
    (election, fence): (Client, Fence),
    settings: &Settings,
    metrics: &Metrics,
    stop: &CancellationToken,
) -> anyhow::Result<ExitCode> {
    if !settings.leader_election {
        metrics.leads(true);
        controller::run(clients.clone(), settings.clone(), metrics.clone(), stop.clone()).await;
        return Ok(ExitCode::SUCCESS);
    }
    let mut candidate =
        Candidate::stand(election, settings, fence).await.context("failed to reach for the Lease")?;
    tokio::select! {
        () = candidate.elected() => {}
        () = stop.cancelled() => {
            candidate.step_down().await;
            return Ok(ExitCode::SUCCESS);
        }
    }
    tracing::info!(lease = settings.lease_name, "this replica leads");
    metrics.leads(true);
    let working = controller::run(clients.clone(), settings.clone(), metrics.clone(), stop.clone());
    // Whether it still leads comes before any work, also for one that wakes after a long time.
    let lost = tokio::select! {
        biased;
        () = candidate.lost() => true,
        () = working => false,
    };
    metrics.leads(false);
    if lost {
        tracing::error!("the Lease is lost; another replica leads or will");
        return Ok(ExitCode::FAILURE);
    }
    candidate.step_down().await;
    Ok(ExitCode::SUCCESS)
}

fn stop_on_signal(stop: CancellationToken) -> anyhow::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate()).context("failed to listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("failed to listen for SIGINT")?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("told to stop");
        stop.cancel();
    })
}
