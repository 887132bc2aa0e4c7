//! Opens the key providers of the configuration: those that are built in, by a feature each.

#[cfg(feature = "aws")]
mod aws;
#[cfg(feature = "azure")]
mod azure;
mod built_in;
#[cfg(feature = "gcp")]
mod gcp;
#[cfg(feature = "ibm")]
mod ibm;
#[cfg(feature = "kmip")]
mod kmip;
#[cfg(feature = "local")]
mod local;
#[cfg(feature = "pkcs11")]
mod pkcs11;
#[cfg(feature = "vault")]
mod vault;

pub(super) use self::built_in::{built_in, missing};

use crate::poll::Seen;
use anyhow::Context as _;
use proxy_config::{ConfigPath, KeyProvider, KeyTimes, ProviderTrust, ProxyConfig, ToolsConfig};
use proxy_crypto::{ClusterName, KeyLimits, Keys, ProviderName};
use proxy_kms::FileError;
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

/// The keys, and how to look again at the files that each of its providers follows.
pub(super) struct Opened {
    pub(super) keys: Arc<Keys>,
    pub(super) follow: Vec<(ProviderName, Look)>,
}

type Provider = Arc<dyn proxy_crypto::KeyProvider>;

/// Looks at a provider's files, for the poller.
pub(super) type Look = Box<dyn Fn() -> Seen + Send + Sync>;

/// A provider that does not answer yet is no error: its keys are unavailable until it does.
pub(super) fn open(config: &ProxyConfig) -> anyhow::Result<Opened> {
    open_all(&config.cluster, &config.key_providers, config.keys)
}

/// The same, of a tool's file.
pub(super) fn open_for_tools(config: &ToolsConfig) -> anyhow::Result<Arc<Keys>> {
    open_all(&config.cluster, &config.key_providers, config.keys).map(|opened| opened.keys)
}

fn open_all(
    cluster: &proxy_config::ClusterName,
    key_providers: &BTreeMap<proxy_config::ProviderName, KeyProvider>,
    times: KeyTimes,
) -> anyhow::Result<Opened> {
    let cluster = ClusterName::new(cluster.as_str()).context("cluster")?;
    let mut providers = HashMap::new();
    let mut follow = Vec::new();
    for (name, provider) in key_providers {
        let name = ProviderName::new(name.as_str()).with_context(|| format!("keyProviders.{name}"))?;
        let (provider, look) = open_one(&name, provider).with_context(|| format!("keyProviders.{name}"))?;
        follow.push((name.clone(), look));
        providers.insert(name, provider);
    }
    Ok(Opened { keys: Arc::new(Keys::new(&cluster, providers, limits(times))), follow })
}

/// A provider whose feature is off is none of these, so that what it needs is not in the program.
fn open_one(name: &ProviderName, provider: &KeyProvider) -> anyhow::Result<(Provider, Look)> {
    match provider {
        #[cfg(feature = "local")]
        KeyProvider::Local { directory } => Ok(local::open(name, directory)),
        #[cfg(feature = "aws")]
        KeyProvider::AwsKms(settings) => Ok(aws::open(name, settings)),
        #[cfg(feature = "azure")]
        KeyProvider::AzureKeyVault(settings) => azure::open(name, settings),
        #[cfg(feature = "gcp")]
        KeyProvider::GcpKms(settings) => gcp::open(name, settings),
        #[cfg(feature = "ibm")]
        KeyProvider::IbmKeyProtect(settings) => ibm::open(name, settings),
        #[cfg(feature = "vault")]
        KeyProvider::Vault(settings) => vault::open(name, settings),
        #[cfg(feature = "pkcs11")]
        KeyProvider::Pkcs11(settings) => Ok(pkcs11::open(name, settings)),
        #[cfg(feature = "kmip")]
        KeyProvider::Kmip(settings) => Ok(kmip::open(name, settings)),
        other => Err(built_in::Missing::new(name, other).into()),
    }
}

fn limits(times: KeyTimes) -> KeyLimits {
    KeyLimits {
        messages: times.max_messages,
        bytes: times.max_bytes,
        age: times.max_age.duration(),
        revocation_delay: times.revocation_delay.duration(),
        outage_grace: times.outage_grace.duration(),
        calls_per_second: times.max_calls_per_second,
        ..KeyLimits::default()
    }
}

#[cfg_attr(not(feature = "default"), allow(dead_code, reason = "a provider alone needs a part of it"))]
fn path(path: &ConfigPath) -> PathBuf {
    path.as_path().to_owned()
}

#[cfg_attr(not(feature = "default"), allow(dead_code, reason = "a provider alone needs a part of it"))]
fn ca(tls: &ProviderTrust) -> PathBuf {
    path(&tls.ca_file)
}

/// What became of looking at files again.
#[cfg_attr(not(feature = "default"), allow(dead_code, reason = "a provider alone needs a part of it"))]
fn seen((changed, problem): (bool, Option<FileError>)) -> Seen {
    Seen { changed, problem: problem.map(|problem| problem.to_string()) }
}
