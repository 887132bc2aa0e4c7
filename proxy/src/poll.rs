//! Looks for changed files: the policy, addresses of brokers, certificates, passwords, local keys.
//!
//! It compares contents twice a second instead of waiting for inotify. The files are few and small, so this costs next
//! to nothing, and it works alike for a file that an editor replaces, for a projected volume where the kubelet swaps
//! one symbolic link of the path, and for network mounts that tell nobody of changes. A watch that was lost shows as
//! a policy that never arrives; a poll cannot be lost.

use crate::brokers::Brokers;
use crate::credentials::Credentials;
use crate::live::Live;
use crate::metrics::ReloadMetrics;
use crate::metrics::labels::Outcome;
use crate::telemetry::chain;
use crate::tls::Reload;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

const INTERVAL: Duration = Duration::from_millis(500);

type Look = Box<dyn Fn() -> Seen + Send + Sync>;

/// What a look at files found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// They changed, and what they hold now is in use.
    pub changed: bool,
    /// Why some of them are not in use; what was in use before stays.
    pub problem: Option<String>,
}

/// What else than the policy changes on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Brokers,
    Certificates,
    Credentials,
    Keys,
}

struct Watched {
    kind: Kind,
    /// For the log.
    name: String,
    look: Look,
}

/// Everything that is looked at.
pub struct Poller {
    live: Arc<Live>,
    metrics: ReloadMetrics,
    watched: Vec<Watched>,
    /// By place in `watched`, so that a mistake is told once and not twice a second.
    complaints: BTreeMap<usize, String>,
}

impl std::fmt::Debug for Poller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Poller").field("watched", &self.watched.len()).finish_non_exhaustive()
    }
}

impl Poller {
    /// Looks at the policy only.
    pub fn new(live: Arc<Live>, metrics: ReloadMetrics) -> Self {
        Self { live, metrics, watched: Vec::new(), complaints: BTreeMap::new() }
    }

    /// Looks at certificates too.
    pub fn watch_certificates(&mut self, name: impl Into<String>, tls: Arc<dyn Reload>) {
        let look = move || match tls.reload() {
            Ok(changed) => Seen { changed, problem: None },
            Err(error) => Seen { changed: false, problem: Some(chain(&error)) },
        };
        self.watched.push(Watched { kind: Kind::Certificates, name: name.into(), look: Box::new(look) });
    }

    /// Looks at a file of broker addresses too.
    pub(crate) fn watch_brokers(&mut self, name: impl Into<String>, brokers: Arc<Brokers>) {
        let look = move || brokers.reload();
        self.watched.push(Watched { kind: Kind::Brokers, name: name.into(), look: Box::new(look) });
    }

    /// Looks at a password too.
    pub(crate) fn watch_credentials(&mut self, name: impl Into<String>, credentials: Arc<Credentials>) {
        let look = move || match credentials.reload() {
            Ok(changed) => Seen { changed, problem: None },
            Err(error) => Seen { changed: false, problem: Some(chain(&error)) },
        };
        self.watched.push(Watched { kind: Kind::Credentials, name: name.into(), look: Box::new(look) });
    }

    /// Looks at the files of a key provider too.
    pub fn watch_keys(&mut self, name: impl Into<String>, look: impl Fn() -> Seen + Send + Sync + 'static) {
        self.watched.push(Watched { kind: Kind::Keys, name: name.into(), look: Box::new(look) });
    }

    /// Looks again and again until `shutdown`. Ends before only by a mistake of ours, with which the process should end too.
    pub async fn run(mut self, shutdown: CancellationToken) {
        let mut ticks = tokio::time::interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = shutdown.cancelled() => return,
            }
            // Files may be on a slow mount.
            let looked = tokio::task::spawn_blocking(move || {
                self.look();
                self
            });
            match looked.await {
                Ok(poller) => self = poller,
                Err(error) => return tracing::error!(%error, "a look at files ended unexpectedly"),
            }
        }
    }

    fn look(&mut self) {
        // Keys first, so that a policy which names a new key finds it.
        for index in 0..self.watched.len() {
            self.look_at(index);
        }
        self.live.reload_policy();
    }

    fn look_at(&mut self, index: usize) {
        let Some(Watched { kind, name, look }) = self.watched.get(index) else {
            return;
        };
        let outcomes = match kind {
            Kind::Brokers => &self.metrics.brokers,
            Kind::Certificates => &self.metrics.certificates,
            Kind::Credentials => &self.metrics.credentials,
            Kind::Keys => &self.metrics.keys,
        };
        let Seen { changed, problem } = look();
        if changed {
            outcomes.inc(Outcome::Loaded);
            tracing::info!(source = %name, ?kind, "changed files loaded");
            if *kind == Kind::Keys {
                self.live.keys_changed();
            }
        }
        match problem {
            Some(problem) if self.complaints.get(&index) == Some(&problem) => {}
            Some(problem) => {
                outcomes.inc(Outcome::Failed);
                tracing::warn!(source = %name, ?kind, error = %problem, "changed files cannot be used");
                self.complaints.insert(index, problem);
            }
            None => {
                if self.complaints.remove(&index).is_some() && !changed {
                    tracing::info!(source = %name, ?kind, "files are again those in use");
                }
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
