//! From the parsed configuration to the parts of a running proxy.

use crate::brokers::Brokers;
use crate::credentials::Credentials;
use crate::live::Live;
use crate::metrics::Metrics;
use crate::poll::Poller;
use crate::server::Identity;
use crate::tls::{ClientFiles, ClientTls, Clients, IdentityFiles, ServerFiles, ServerTls, Trusted};
use anyhow::Context as _;
use prometheus_client::registry::Registry;
use proxy_config::{AuthenticationMethod, ConfigPath, ProxyConfig};
use std::path::PathBuf;
use std::sync::Arc;

/// The parts, and the poller that keeps them up to date.
pub(super) struct Wired {
    pub(super) live: Arc<Live>,
    pub(super) brokers: Arc<Brokers>,
    pub(super) server_tls: Vec<Option<Arc<ServerTls>>>,
    pub(super) client_tls: Option<Arc<ClientTls>>,
    pub(super) identity: Identity,
    pub(super) poller: Poller,
}

/// Opens keys and certificates and tries the policy for the first time. A policy that cannot be loaded is no error.
pub(super) fn wire(
    config: &ProxyConfig,
    metrics: &Metrics,
    registry: &mut Registry,
) -> anyhow::Result<Wired> {
    let providers = super::keys::open(config)?;
    crate::metrics::keys::register(registry, Arc::clone(providers.keys.stats()));
    let live = Live::new(
        config.policy.clone(),
        config.provider_names(),
        Arc::clone(&providers.keys),
        metrics.reloads.clone(),
    );
    let live = Arc::new(live.unreadable_after(config.keys.unreadable_delay.duration()));
    let mut poller = Poller::new(Arc::clone(&live), metrics.reloads.clone());
    for (name, look) in providers.follow {
        poller.watch_keys(format!("keyProviders.{name}"), look);
    }
    let server_tls = server_tls(config, &mut poller)?;
    let client_tls = client_tls(config, &mut poller)?;
    let identity = identity(config, &mut poller)?;
    let brokers = brokers(config, &live, &mut poller);
    live.reload_policy();
    Ok(Wired { live, brokers, server_tls, client_tls, identity, poller })
}

/// A file that cannot be used yet is no error.
fn brokers(config: &ProxyConfig, live: &Live, poller: &mut Poller) -> Arc<Brokers> {
    let upstream = &config.upstream;
    let brokers = Arc::new(match &upstream.brokers_file {
        None => Brokers::fixed(upstream.brokers.iter().map(|(id, at)| (id.value(), at.into())).collect()),
        Some(file) => Brokers::following(path(file), config.broker_ports()),
    });
    if upstream.brokers_file.is_some() {
        // The poller tells what is wrong with it.
        brokers.reload();
        poller.watch_brokers("upstream.brokersFile", Arc::clone(&brokers));
    }
    live.follow_brokers(Arc::clone(&brokers));
    brokers
}

/// For each listener, in the order of the configuration.
fn server_tls(config: &ProxyConfig, poller: &mut Poller) -> anyhow::Result<Vec<Option<Arc<ServerTls>>>> {
    let mut all = Vec::with_capacity(config.listeners.len());
    for listener in &config.listeners {
        let Some(tls) = &listener.tls else {
            all.push(None);
            continue;
        };
        let files = ServerFiles {
            identity: IdentityFiles { certificate: path(&tls.certificate_file), key: path(&tls.key_file) },
            clients: clients(tls),
            min_version: tls.min_version,
            cipher_suites: tls.cipher_suites.clone(),
        };
        let name = format!("listeners.{}.tls", listener.name);
        let tls = Arc::new(ServerTls::load(files).with_context(|| name.clone())?);
        poller.watch_certificates(name, Arc::<ServerTls>::clone(&tls));
        all.push(Some(tls));
    }
    Ok(all)
}

fn clients(tls: &proxy_config::ServerTls) -> Option<Clients> {
    let authorities = match (&tls.client_ca_directory, &tls.client_ca_file) {
        (Some(directory), _) => Trusted::Directory(path(directory)),
        (None, Some(file)) => Trusted::Files(vec![path(file)]),
        (None, None) => return None,
    };
    Some(Clients {
        authorities,
        required: tls.client_certificates,
        revoked: tls.client_crl_file.as_ref().map(path),
        principals: tls.allowed_principals.clone(),
    })
}

fn client_tls(config: &ProxyConfig, poller: &mut Poller) -> anyhow::Result<Option<Arc<ClientTls>>> {
    let Some(tls) = &config.upstream.tls else {
        return Ok(None);
    };
    let trusted = match &tls.ca_directory {
        Some(directory) => Trusted::Directory(path(directory)),
        None => Trusted::Files(tls.ca_files.iter().map(path).collect()),
    };
    let identity = match config.upstream.authentication.as_ref().map(|own| &own.method) {
        Some(AuthenticationMethod::Tls(own)) => {
            Some(IdentityFiles { certificate: path(&own.certificate_file), key: path(&own.key_file) })
        }
        Some(AuthenticationMethod::ScramSha512(_)) | None => None,
    };
    let files = ClientFiles { trusted, identity };
    let tls = Arc::new(ClientTls::load(files).context("upstream.tls")?);
    poller.watch_certificates("upstream.tls", Arc::<ClientTls>::clone(&tls));
    Ok(Some(tls))
}

fn identity(config: &ProxyConfig, poller: &mut Poller) -> anyhow::Result<Identity> {
    let Some(own) = &config.upstream.authentication else {
        return Ok(Identity::Client);
    };
    let AuthenticationMethod::ScramSha512(user) = &own.method else {
        return Ok(Identity::Certificate);
    };
    let name = "upstream.authentication.scramSha512";
    let credentials =
        Credentials::load(user.username.to_string(), path(&user.password_file)).context(name)?;
    let credentials = Arc::new(credentials);
    poller.watch_credentials(name, Arc::clone(&credentials));
    Ok(Identity::User(credentials))
}

fn path(path: &ConfigPath) -> PathBuf {
    path.as_path().to_owned()
}
