//! Accepts connections: the bootstrap port and one port for each broker, on every listener.

mod by_address;
#[cfg(any(test, feature = "fuzzing"))]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
pub(crate) mod fuzzing;
mod origin;
mod port;
mod untold;

use crate::advertised::Advertised;
use crate::brokers::{Address, Brokers};
use crate::budget::Budget;
use crate::connection::{Shared, Timeouts};
use crate::handler::open::Lacked;
use crate::listen::without_ipv6;
use crate::live::Live;
use crate::metrics::Metrics;
use crate::refusals::Refusals;
use crate::tls::{ClientTls, ServerTls};
use crate::topics::Topics;
use crate::upstream::{Target, Upstream};

pub use crate::upstream::Identity;
use anyhow::Context;
use by_address::ByAddress;
use port::Port;
use proxy_config::ProxyConfig;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use untold::Untold;

/// Fetch answers are asked for in portions of at most this, so that one client cannot take the whole byte budget.
const FETCH_MAX_BYTES: usize = 8 * 1024 * 1024;

/// Everything that the data plane is built from.
pub struct Parts {
    /// The parsed `proxy.yaml`.
    pub config: Arc<ProxyConfig>,
    /// Policy and keys.
    pub live: Arc<Live>,
    /// Counters.
    pub metrics: Metrics,
    /// Where brokers are.
    pub brokers: Arc<Brokers>,
    /// For each listener, in the order of the configuration.
    pub server_tls: Vec<Option<Arc<ServerTls>>>,
    /// Towards brokers.
    pub client_tls: Option<Arc<ClientTls>>,
    /// Whom brokers see.
    pub identity: Identity,
}

/// The running data plane's state, for the admin server.
pub struct Server {
    shared: Arc<Shared>,
    listeners: Vec<Listener>,
    slots: Arc<Semaphore>,
    by_address: Arc<ByAddress>,
}

struct Listener {
    advertised: Arc<Advertised>,
    /// Whether a load balancer says whose a connection is.
    proxy_protocol: bool,
    tls: Option<Arc<ServerTls>>,
    /// Each with the broker that it is for; none for the bootstrap port.
    ports: Vec<(TcpListener, Option<Target>)>,
}

impl Server {
    /// Opens every port of every listener.
    pub async fn bind(parts: Parts) -> anyhow::Result<Self> {
        let Parts { config, live, metrics, brokers, server_tls, client_tls, identity } = parts;
        let bootstrap = config.upstream.bootstrap_servers.iter().map(Address::from).collect();
        let limits = &config.limits;
        let shared = Arc::new(Shared {
            live,
            brokers,
            topics: Topics::default(),
            upstream: Upstream::new(bootstrap, client_tls, identity),
            request_budget: Budget::new(limits.buffer_bytes / 4),
            local_budget: Budget::new(limits.buffer_bytes / 8),
            answer_budget: Budget::new(limits.buffer_bytes / 8 * 3),
            growth_budget: Budget::new(limits.buffer_bytes / 4),
            refusals: Refusals::new(metrics.records.refused.clone()),
            lacked: Lacked::default(),
            metrics,
            strangers: Arc::default(),
            max_frame_bytes: limits.max_frame_bytes,
            fetch_max_bytes: fetch_max_bytes(limits),
            timeouts: Timeouts {
                authentication: limits.authentication_timeout.duration(),
                idle: limits.idle_timeout.duration(),
            },
        });
        let mut listeners = Vec::with_capacity(config.listeners.len());
        for (listener, tls) in config.listeners.iter().zip(server_tls) {
            listeners.push(Listener::bind(listener, tls).await?);
        }
        let slots = Arc::new(Semaphore::new(limits.connections));
        let by_address = ByAddress::new(limits.connections_per_address);
        Ok(Self { shared, listeners, slots, by_address })
    }

    /// What the data plane knows of topics, as JSON.
    pub fn topics(&self) -> impl Fn() -> serde_json::Value + Send + Sync + 'static {
        let shared = Arc::clone(&self.shared);
        move || shared.topics.describe()
    }

    /// Topics seen that no rule matches.
    pub fn unmatched_topics(&self) -> impl Fn() -> usize + Send + Sync + 'static {
        let shared = Arc::clone(&self.shared);
        move || shared.topics.unmatched()
    }

    /// Bytes of the byte budget in use.
    pub fn buffer_bytes(&self) -> impl Fn() -> usize + Send + Sync + 'static {
        let shared = Arc::clone(&self.shared);
        move || {
            let budgets =
                [&shared.request_budget, &shared.local_budget, &shared.answer_budget, &shared.growth_budget];
            budgets.iter().map(|budget| budget.in_use()).sum()
        }
    }

    /// Serves until `shutdown`, then lets connections finish within `grace`. `true` when all of them did.
    pub async fn run(self, shutdown: CancellationToken, grace: Duration) -> bool {
        let (connections, accepting) = (TaskTracker::new(), TaskTracker::new());
        let cut = CancellationToken::new();
        let tls = self.listeners.iter().filter_map(|listener| listener.tls.clone());
        let untold = Untold::new(Arc::clone(&self.shared), tls);
        for listener in self.listeners {
            for (socket, target) in listener.ports {
                let port = Port {
                    shared: Arc::clone(&self.shared),
                    advertised: Arc::clone(&listener.advertised),
                    tls: listener.tls.clone(),
                    proxy_protocol: listener.proxy_protocol,
                    slots: Arc::clone(&self.slots),
                    by_address: Arc::clone(&self.by_address),
                    target,
                    connections: connections.clone(),
                    shutdown: shutdown.clone(),
                    cut: cut.clone(),
                };
                accepting.spawn(port.accept(socket));
            }
        }
        accepting.close();
        tokio::select! {
            () = accepting.wait() => {}
            () = untold.keep_telling() => {}
        }
        connections.close();
        let graceful = tokio::time::timeout(grace, connections.wait()).await.is_ok();
        cut.cancel();
        connections.wait().await;
        graceful
    }
}

impl Listener {
    async fn bind(config: &proxy_config::Listener, tls: Option<Arc<ServerTls>>) -> anyhow::Result<Self> {
        let advertised = Advertised::new(config);
        let mut ports = vec![(open(config.bind).await?, None)];
        for (node, port) in advertised.ports().iter().flat_map(|ports| (0..).zip(ports.ports())) {
            ports.push((open(SocketAddr::new(config.bind.ip(), port)).await?, Some(Target::Broker(node))));
        }
        tracing::info!(listener = %config.name, bootstrap = %config.bind, brokers = ports.len() - 1, "listening");
        Ok(Self { advertised: Arc::new(advertised), proxy_protocol: config.proxy_protocol, tls, ports })
    }
}

fn fetch_max_bytes(limits: &proxy_config::Limits) -> i32 {
    let bytes = limits.fetch_max_bytes.unwrap_or_else(|| FETCH_MAX_BYTES.min(limits.max_frame_bytes / 2));
    i32::try_from(bytes).unwrap_or(i32::MAX)
}

async fn open(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let bound = match TcpListener::bind(address).await {
        Err(error) => match without_ipv6(address, &error) {
            Some(other) => TcpListener::bind(other).await,
            None => Err(error),
        },
        bound => bound,
    };
    bound.with_context(|| format!("failed to listen on {address}"))
}
