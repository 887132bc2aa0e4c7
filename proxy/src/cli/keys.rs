//! Opens the key providers of the configuration.

use crate::poll::Seen;
use anyhow::Context as _;
use proxy_config::{KeyProvider, ProxyConfig};
use proxy_crypto::{ClusterName, KeyLimits, Keys, LocalKeys, ProviderName};
use std::collections::HashMap;
use std::sync::Arc;

/// The keys, and those of its providers that follow files.
pub(super) struct Opened {
    pub(super) keys: Arc<Keys>,
    pub(super) local: Vec<(ProviderName, Arc<LocalKeys>)>,
}

/// A provider that does not answer yet is no error: its keys are unavailable until it does.
pub(super) fn open(config: &ProxyConfig) -> anyhow::Result<Opened> {
    let cluster = ClusterName::new(config.cluster.as_str()).context("cluster")?;
    let mut providers: HashMap<_, Arc<dyn proxy_crypto::KeyProvider>> = HashMap::new();
    let mut local = Vec::new();
    for (name, provider) in &config.key_providers {
        let name = ProviderName::new(name.as_str()).with_context(|| format!("keyProviders.{name}"))?;
        match provider {
            KeyProvider::Local { directory } => {
                let opened = Arc::new(LocalKeys::open(directory.as_path(), name.clone()));
                local.push((name.clone(), Arc::clone(&opened)));
                providers.insert(name, opened);
            }
            other => anyhow::bail!("keyProviders.{name} is of a kind that this version lacks: {other:?}"),
        }
    }
    Ok(Opened { keys: Arc::new(Keys::new(&cluster, providers, KeyLimits::default())), local })
}

/// For the poller.
pub(super) fn look(local: &LocalKeys) -> Seen {
    let changed = local.reload();
    let status = local.status();
    let files = status.problems.iter().map(|problem| format!("{}: {}", problem.file, problem.cause));
    let problems: Vec<String> = status.directory.into_iter().chain(files).collect();
    Seen { changed, problem: (!problems.is_empty()).then(|| problems.join("; ")) }
}
