//! Where brokers are: addresses written in the configuration or a file, complemented by those that answers carry.
//!
//! Broker *n* is reached at its own port of each listener, so broker identity stays one to one and routing,
//! fetch sessions, transactions and SASL stay as the broker defines them.

mod file;

use crate::poll::Seen;
use arc_swap::ArcSwap;
use file::{Followed, Loaded};
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

/// A broker's address as clients of the broker would use it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) host: String,
    pub(crate) port: u16,
}

/// More brokers than any cluster has; keeps a hostile answer from filling memory.
const MAX_BROKERS: usize = 10_000;

/// Addresses by broker id.
pub(crate) type Addresses = BTreeMap<i32, Address>;

/// What is known of all brokers.
#[derive(Debug)]
pub struct Brokers {
    /// Never changed by what an answer says.
    configured: ArcSwap<Configured>,
    learned: ArcSwap<Addresses>,
    /// Held while addresses change.
    writer: Mutex<()>,
    file: Option<Followed>,
}

/// Addresses that somebody wrote down.
#[derive(Debug, Default)]
pub(crate) struct Configured {
    pub(crate) addresses: Addresses,
    /// Brokers that were left out, as not every listener has a port for them.
    pub(crate) skipped: Vec<i32>,
    /// The file they are from.
    pub(crate) source: Option<Source>,
}

/// A file that was loaded.
#[derive(Debug)]
pub(crate) struct Source {
    /// SHA-256 of its bytes, in hexadecimal.
    pub(crate) hash: String,
    /// How many were loaded since start, this one included.
    pub(crate) generation: u64,
    pub(crate) loaded_at: SystemTime,
}

impl Brokers {
    /// These addresses for good.
    pub(crate) fn fixed(addresses: Addresses) -> Self {
        Self::new(Configured { addresses, ..Configured::default() }, None)
    }

    /// The addresses of a file, once [`reload`](Self::reload) has read it; brokers with ids from `ports` on are left out.
    pub(crate) fn following(file: PathBuf, ports: Option<u16>) -> Self {
        Self::new(Configured::default(), Some(Followed::new(file, ports)))
    }

    fn new(configured: Configured, file: Option<Followed>) -> Self {
        let (learned, writer) = Default::default();
        Self { configured: ArcSwap::from_pointee(configured), learned, writer, file }
    }

    /// Reads the file again, if there is one. A bad file changes nothing.
    pub(crate) fn reload(&self) -> Seen {
        let Some(file) = &self.file else {
            return Seen { changed: false, problem: None };
        };
        match file.load() {
            Loaded::Same => Seen { changed: false, problem: None },
            Loaded::Failed(problem) => Seen { changed: false, problem: Some(problem) },
            Loaded::New(configured) => {
                let _writer = self.writer.lock();
                let mut learned = Addresses::clone(&self.learned.load());
                // Else an outdated one could come back when the broker leaves the file.
                learned.retain(|node, _| !configured.addresses.contains_key(node));
                self.configured.store(Arc::new(configured));
                self.learned.store(learned.into());
                Seen { changed: true, problem: None }
            }
        }
    }

    /// Why clients should not come yet.
    pub(crate) fn obstacle(&self) -> Option<String> {
        let file = self.file.as_ref().filter(|_| self.configured.load().source.is_none())?;
        Some(match file.last_error() {
            Some(error) => format!("no broker addresses are loaded: {error}"),
            None => "no broker addresses are loaded yet".to_owned(),
        })
    }

    pub(crate) fn configured(&self) -> Arc<Configured> {
        self.configured.load_full()
    }

    pub(crate) fn learned(&self) -> Arc<Addresses> {
        self.learned.load_full()
    }

    /// Why the file on disk is not in use.
    pub(crate) fn last_error(&self) -> Option<Arc<String>> {
        self.file.as_ref().and_then(Followed::last_error)
    }

    pub(crate) fn address(&self, node_id: i32) -> Option<Address> {
        let configured = self.configured.load().addresses.get(&node_id).cloned();
        configured.or_else(|| self.learned.load().get(&node_id).cloned())
    }

    /// Remembers the address in an answer. Cheap when it is known.
    pub(crate) fn learn(&self, node_id: i32, host: &str, port: i32) {
        let Ok(port) = u16::try_from(port) else { return };
        let configured = || self.configured.load().addresses.contains_key(&node_id);
        if node_id < 0 || host.is_empty() || configured() {
            return;
        }
        let known = |map: &Addresses| {
            map.get(&node_id).is_some_and(|address| address.host == host && address.port == port)
        };
        if known(&self.learned.load()) {
            return;
        }
        let _writer = self.writer.lock();
        let mut map = Addresses::clone(&self.learned.load());
        if !configured() && (map.len() < MAX_BROKERS || map.contains_key(&node_id)) {
            map.insert(node_id, Address { host: host.to_owned(), port });
            tracing::info!(broker = node_id, "learned a broker's address");
            self.learned.store(map.into());
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

impl From<&proxy_config::HostPort> for Address {
    fn from(address: &proxy_config::HostPort) -> Self {
        Self { host: address.host().to_string(), port: address.port() }
    }
}

#[cfg(test)]
mod tests;
